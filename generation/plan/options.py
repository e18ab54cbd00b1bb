"""The options of a plan: number of images, generators, seed, sources of regions and prompts."""

from dataclasses import dataclass
from typing import get_args

from diffseg30k import COMPOSITING
from generation.generators.settings import GeneratorSettings
from generation.plan.choices import REMOVAL_DILATION, PromptsBy, RegionsFrom
from generation.plan.shares import TURN_RATIO, Weights


@dataclass(frozen=True)
class PlanOptions:
    """The options of a plan; together with the sources they determine it.

    Attributes:
        side: height and width of every base image, in pixels.
        seed: seed of every random draw, at least 0.
        generators: the settings of the generators that edit, each generator once.
        count: number of images to edit; None for all that have regions.
        unedited: number of photographs to keep unedited; None for one per six edited images, the paper's ratio of
            5,000 to 30,000.
        compositing: one of `diffseg30k.COMPOSITING`.
        regions: source of regions, one of `RegionsFrom`.
        prompts: source of prompts, one of `PromptsBy`.
        vlm: the VLM's name, as in `VlmOptions.name`; None if no VLM is asked.
        detector: checkpoint of Grounding DINO, or for `automatic` of a detector that names; None if none is used.
        segmenter: checkpoint of SAM; None if it is not used.
        removal_dilation: by how much more than the region a model paints where it removes an object, as a share of
            the square root of the region's area, 0 to 1.
        weights: uneven shares, for a round that compensates for discarded images; None for even ones.

    Raises:
        ValueError: an option has an invalid value.
    """

    side: int
    seed: int
    generators: tuple[GeneratorSettings, ...]
    count: int | None = None
    unedited: int | None = None
    compositing: str = "spliced"
    regions: RegionsFrom = "annotations"
    prompts: PromptsBy = "templates"
    vlm: str | None = None
    detector: str | None = None
    segmenter: str | None = None
    removal_dilation: float = REMOVAL_DILATION
    weights: Weights | None = None

    def __post_init__(self) -> None:
        names = [settings.generator for settings in self.generators]
        if not names:
            raise ValueError("a plan needs at least one generator")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"each generator is named once, but {', '.join(twice)} is named more often")
        if self.compositing not in COMPOSITING:
            raise ValueError(f"compositing is {' or '.join(COMPOSITING)}, not {self.compositing!r}")
        for name, chosen, known in (
            ("regions", self.regions, get_args(RegionsFrom)),
            ("prompts", self.prompts, get_args(PromptsBy)),
        ):
            if chosen not in known:
                raise ValueError(f"{name} is {' or '.join(known)}, not {chosen!r}")
        if not 0 <= self.removal_dilation <= 1:
            raise ValueError(f"removal-dilation is 0 to 1, not {self.removal_dilation}")
        if self.asks_vlm and not self.vlm:
            raise ValueError("--regions grounded-sam and --prompts vlm ask a VLM: name it with --vlm")
        for name, value, least in (
            ("size", self.side, 8),
            ("seed", self.seed, 0),
            ("count", self.count, 1),
            ("unedited", self.unedited, 0),
        ):
            if value is not None and value < least:
                raise ValueError(f"{name} is at least {least}, not {value}")

    @property
    def turn_ratio(self) -> tuple[float, ...]:
        """Ratio of images with one, two and three turns."""
        return self.weights.turns if self.weights else TURN_RATIO

    @property
    def asks_vlm(self) -> bool:
        return self.regions == "grounded-sam" or self.prompts == "vlm"
