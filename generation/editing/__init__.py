"""The `generate` stage: makes the edits of a plan, wave by wave."""
