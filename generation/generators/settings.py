"""One generator as a plan uses it: its checkpoint and how it is sampled."""

from dataclasses import dataclass

from diffseg30k import GENERATORS


@dataclass(frozen=True)
class GeneratorSettings:
    """One generator as a plan uses it.

    Attributes:
        generator: a short id of `diffseg30k.GENERATORS`.
        checkpoint: the weights, as `generation.generators.registry` names them.
        lora: the LoRA that it carries, or None.
        steps: denoising steps, at least 1.
        guidance: classifier-free guidance scale.
    """

    generator: str
    checkpoint: str
    lora: str | None
    steps: int
    guidance: float

    def __post_init__(self) -> None:
        if self.generator not in GENERATORS:
            raise ValueError(f"{self.generator!r} is not a generator; the eight are {', '.join(GENERATORS)}")
        if self.steps < 1:
            raise ValueError(f"{self.generator} takes at least one step, not {self.steps}")
