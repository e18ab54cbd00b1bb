"""Regions on any picture: objects named by a VLM, boxes by Grounding DINO, masks by SAM."""
