"""Makes the plan: selects the images to edit, and fixes region, edit type and generator of each turn."""
