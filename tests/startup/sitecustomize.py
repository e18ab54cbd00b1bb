"""Python imports this when it starts, if the folder is on its path; `tests/kills.py` says what for."""

import os

if given := os.environ.get("DIFFSEG30K_TESTS_KILLS"):
    from tests.kills import obey

    obey(given)
