"""What words may be: names of objects, and descriptions that a diffusion model is prompted with."""
