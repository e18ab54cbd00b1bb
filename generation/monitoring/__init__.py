"""The progress of a run, and an estimate of its duration, storage and VLM questions."""
