"""Encodes and decodes images, masks and JSON documents, and writes files atomically."""
