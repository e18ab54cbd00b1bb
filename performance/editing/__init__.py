"""What edits cost beside the time of a model: one worker, and several."""
