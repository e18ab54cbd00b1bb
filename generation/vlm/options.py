"""The options of a VLM: checkpoint or endpoint, device, concurrency and timeouts."""

import math
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from generation.checkpoints.checkpoint import place_of

MODELS: dict[str, str] = {
    "qwen2.5-vl-3b": "Qwen/Qwen2.5-VL-3B-Instruct@66285546d2b821cf421d4f5eb2576359d3770cd3",
    "qwen2.5-vl-7b": "Qwen/Qwen2.5-VL-7B-Instruct@cc594898137f460bfe9f0759e9844b3ce807cfb5",
    "qwen2.5-vl-32b": "Qwen/Qwen2.5-VL-32B-Instruct@7cfb30d71a1f4f49a57592323337a4a4727301da",
    "qwen2.5-vl-72b": "Qwen/Qwen2.5-VL-72B-Instruct@89c86200743eec961a297729e7990e8f2ddbc4c5",
}
"""Short id to Hub id and revision. The 7B and 32B are Apache-2.0; the 3B and 72B have licences of their own."""


@dataclass(frozen=True)
class VlmOptions:
    """The options of a VLM.

    Attributes:
        vlm: a short id of `MODELS`, a Hub id or folder with a Qwen2.5-VL checkpoint, or the URL of an
            OpenAI-compatible endpoint, such as `http://HOST:PORT/v1`.
        model: the endpoint's name of its model; only for an endpoint.
        revision: revision of a checkpoint on the Hub.
        device: `cpu`, `cuda` or `cuda:N`; for a checkpoint.
        batch_size: questions per batch of a checkpoint. On a CPU replies are repeatable only with 1.
        concurrency: simultaneous requests to an endpoint.
        seconds: time limit of one request to an endpoint, until its whole response is there.
        retries: how often a failed request to an endpoint is repeated.
        key_variable: environment variable with an endpoint's API key, which is never printed or stored.
        picture_side: larger images are shrunk to this longer side, in pixels.

    Raises:
        ValueError: the options contradict each other.
    """

    vlm: str
    model: str | None = None
    revision: str | None = None
    device: str = "cpu"
    batch_size: int = 1
    concurrency: int = 32
    seconds: float = 120.0
    retries: int = 5
    key_variable: str = "OPENAI_API_KEY"
    picture_side: int = 1024

    def __post_init__(self) -> None:
        if self.is_endpoint and (urlsplit(self.vlm).username is not None or urlsplit(self.vlm).query):
            raise ValueError("--vlm URL holds a key: give the plain address, and the key in OPENAI_API_KEY")
        if self.is_endpoint and not self.model:
            raise ValueError(f"--vlm {self.vlm} is an endpoint: name its model with --vlm-model")
        if not self.is_endpoint and self.model:
            raise ValueError(f"--vlm-model is for an endpoint; --vlm {self.vlm} is a checkpoint")
        for name in ("batch_size", "concurrency", "picture_side"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is at least 1, not {getattr(self, name)}")
        if not 0 < self.seconds < math.inf:
            raise ValueError(f"--vlm-timeout is a number of seconds above 0, not {self.seconds}")
        if self.retries < 0:
            raise ValueError(f"--vlm-retries is at least 0, not {self.retries}")

    @classmethod
    def named(cls, vlm: str, model: str | None = None, **others: Any) -> Self:
        """The options for a VLM named on the command line: a Hub id may be followed by `@REVISION`."""
        if vlm.startswith(("http://", "https://")):
            return cls(vlm, model, **others)
        place = place_of(vlm)
        return cls(place.source, model, revision=place.revision, **others)

    @property
    def place(self) -> str:
        """The `vlm` argument of `named` for these options."""
        return f"{self.vlm}@{self.revision}" if self.revision else self.vlm

    @property
    def is_endpoint(self) -> bool:
        return self.vlm.startswith(("http://", "https://"))

    @property
    def name(self) -> str:
        """The model's name, under which answers are stored; for an endpoint it does not depend on the URL."""
        return self.model or self.place
