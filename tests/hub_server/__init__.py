"""A small Hugging Face Hub on the loopback: the HTTP API that `huggingface_hub` uses for datasets, real bytes.

Start it with `HubServer`, or in a process of its own with `python -m tests.hub_server FOLDER`. It keeps what is
uploaded in a folder, checks what the real one checks (digests, parents, tokens), and misbehaves on request.
"""

from tests.hub_server.faults import (
    Fault,
    cut_upload,
    drop,
    forget_upload,
    kill,
    lose_answer,
    refuse,
    stall,
)
from tests.hub_server.server import READ_TOKEN, WRITE_TOKEN, HubServer, Request

__all__ = [
    "READ_TOKEN",
    "WRITE_TOKEN",
    "Fault",
    "HubServer",
    "Request",
    "cut_upload",
    "drop",
    "forget_upload",
    "kill",
    "lose_answer",
    "refuse",
    "stall",
]
