"""Sample photographs with annotations of our own, for trying things out without a download."""
