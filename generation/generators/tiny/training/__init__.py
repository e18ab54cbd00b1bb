"""Training of the tiny checkpoints from photographs."""
