"""datatrove executors that run a wave on this machine, on a Ray cluster or on a Slurm cluster."""
