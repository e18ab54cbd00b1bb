"""The baselines: images from 0 to 1 in, logits out; each knows its own loss."""
