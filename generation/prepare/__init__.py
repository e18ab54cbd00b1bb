"""The `plan` stage: from photographs to a run directory with base images and a plan."""
