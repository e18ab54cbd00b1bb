"""Edits photographs: plans every edit, makes the edits with diffusion models and scores the finished images.

The input is photographs, the output a run directory, which `builder` packs to a dataset. Public functions:
`prepare_run`, `generate`, `score`, `read_status` and `estimate`.
"""

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Any

# where torchao is installed, diffusers' import logs warnings about it, in every process that edits
for _logger in ("torch.utils._pytree", "diffusers.quantizers.torchao.torchao_quantizer"):
    logging.getLogger(_logger).setLevel(logging.ERROR)

_PLACES = {
    "estimate": "generation.monitoring.estimate",
    "generate": "generation.editing.run",
    "prepare_run": "generation.prepare.prepare",
    "read_status": "generation.monitoring.status",
    "score": "generation.quality.score",
}

_NEED_EXTRA = ("prepare_run", "generate", "score")
_OF_EXTRA = ("datatrove", "diffusers", "torch")

__all__ = ["estimate", "generate", "prepare_run", "read_status", "score"]


def __getattr__(name: str) -> Any:
    """Imports what is offered when it is first used, so that importing the package stays quick.

    Raises:
        ModuleNotFoundError: what it needs is not installed; the message names the extra.
    """
    if name in _PLACES:
        missing = [module for module in _OF_EXTRA if find_spec(module) is None] if name in _NEED_EXTRA else []
        if missing:
            message = f"{missing[0]} is not installed: pip install 'diffseg30k[generation]'"
            raise ModuleNotFoundError(message, name=missing[0])
        return getattr(import_module(_PLACES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
