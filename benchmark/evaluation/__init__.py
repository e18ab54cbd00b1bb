"""Evaluates detectors under conditions, and writes one result file for each."""
