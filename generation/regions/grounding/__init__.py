"""Finds regions on any image: a VLM names objects, Grounding DINO finds their boxes, SAM their masks."""
