"""Checks that a packed dataset holds what it promises."""
