"""The eight diffusion models: their checkpoints and how each edits a region."""
