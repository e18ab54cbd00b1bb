"""What the project promises to be fast at: ratios of two things measured in one run."""
