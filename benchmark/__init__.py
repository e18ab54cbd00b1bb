"""Detectors trained, evaluated and tabulated by the paper's protocol."""
