"""Edited images in, a published dataset out."""
