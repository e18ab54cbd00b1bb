"""diffusers pipelines: loaded, placed in memory and called to inpaint."""
