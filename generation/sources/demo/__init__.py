"""Sample photographs with annotations, for the demo, without a download."""
