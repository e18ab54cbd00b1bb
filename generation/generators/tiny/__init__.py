"""Builds tiny checkpoints: the eight generators' architectures, small enough for two CPU cores, with trained
denoisers and autoencoders and random text encoders."""
