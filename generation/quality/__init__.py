"""The `score` stage: measures finished images, has a VLM judge them, and accepts or discards each."""
