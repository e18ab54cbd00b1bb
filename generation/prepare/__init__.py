"""The `plan` stage: makes base images of photographs and captions, and writes them with a plan to a run
directory."""
