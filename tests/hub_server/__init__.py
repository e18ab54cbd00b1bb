"""A small Hugging Face Hub on the loopback: the HTTP API that `huggingface_hub` uses for datasets, real bytes.

Start it with `HubServer`, or in a process of its own with `python -m tests.hub_server FOLDER`. It keeps what is
uploaded in a folder, checks what the real one checks (digests, parents, tokens), and misbehaves on request.
"""

from tests.hub_server.faults import (
    Fault,
    Killable,
    cut_upload,
    drop,
    forget_upload,
    kill,
    kill_after,
    lose_answer,
    refuse,
    stall,
    wait_until,
)
from tests.hub_server.server import READ_TOKEN, WRITE_TOKEN, HubServer, Request

__all__ = [
    "READ_TOKEN",
    "WRITE_TOKEN",
    "Fault",
    "HubServer",
    "Killable",
    "Request",
    "cut_upload",
    "drop",
    "forget_upload",
    "kill",
    "kill_after",
    "lose_answer",
    "refuse",
    "stall",
    "wait_until",
]
