"""Fixtures for all tests."""

import os

from hypothesis import settings

# read when huggingface_hub is imported: the tests' Hub speaks plain LFS
os.environ["HF_HUB_DISABLE_XET"] = "1"

# read when torch is imported: tests run side by side, and threads of theirs would only get into each other's way
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a busy machine makes single examples slow; their number still bounds the time
settings.register_profile("project", deadline=None)
settings.load_profile("project")
