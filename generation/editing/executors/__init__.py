"""Where a wave runs: on this machine, on a Ray cluster or on a Slurm cluster, each by datatrove's own executor."""
