"""What the benchmark promises: ratios of its speed, and whether FCN-8s learns at its authors' rate."""
