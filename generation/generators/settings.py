"""The settings of a generator in a plan: checkpoint, LoRA, steps and guidance."""

from dataclasses import dataclass

from diffseg30k import GENERATORS


@dataclass(frozen=True)
class GeneratorSettings:
    """The settings of a generator in a plan.

    Attributes:
        generator: a short id of `diffseg30k.GENERATORS`.
        checkpoint: the weights, as `generation.generators.registry` names them.
        lora: the LoRA fused into it, or None.
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
