"""Detectors scored under each condition, one result file each."""
