"""The eight generators: registers, loads and calls the diffusion models that edit regions."""
