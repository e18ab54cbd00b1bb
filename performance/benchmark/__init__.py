"""What the benchmark promises: ratios of the speed of training, evaluation and metrics, and that FCN-8s learns."""
