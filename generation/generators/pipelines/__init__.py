"""Loads diffusers pipelines, places their weights in memory and calls them to inpaint."""
