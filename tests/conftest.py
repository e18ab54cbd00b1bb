"""What all tests share."""

from hypothesis import settings

# a busy machine makes single examples slow; their number still bounds the time
settings.register_profile("project", deadline=None)
settings.load_profile("project")
