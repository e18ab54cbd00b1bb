"""The `score` stage: finished images are measured, judged, and accepted or discarded."""
