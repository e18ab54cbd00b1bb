"""Training of the baselines."""
