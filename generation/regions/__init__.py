"""Finds the regions of images, one object each: from COCO annotations, or by models."""
