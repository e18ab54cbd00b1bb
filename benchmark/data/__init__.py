"""Rows of a packed dataset as detectors read them: cropped, distorted, in batches."""
