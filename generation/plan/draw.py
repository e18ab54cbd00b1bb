"""The plan: which images are edited, and by whom, where and to what at every turn.

A plan is a pure function of the candidates, whatever their order, and the options.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.run.planned_edit import PlannedEdit
from diffseg30k import MAX_TURNS
from generation.generators.settings import GeneratorSettings
from generation.plan.balance import share_edit_types, share_generators, share_turns
from generation.plan.options import PlanOptions
from generation.plan.report import PlanReport, report_on
from generation.plan.seeds import derived_random, derived_seed
from generation.plan.selection import Candidate, choose, edited_count, in_order, unedited_count, unedited_order
from generation.plan.shares import deal_generators
from generation.prompts import write
from generation.regions.annotations import Region

__all__ = ["Candidate", "GeneratorSettings", "Plan", "PlanOptions", "PlanReport", "make_plan"]

PERSON_WEIGHT = 3.0
"""How much likelier a person is drawn than an object of the same size (paper, 3.1, balance 1)."""


@dataclass(frozen=True)
class Plan:
    """Who edits what, when.

    Attributes:
        edits: by image and turn.
        unedited: the images to keep as they are, by name.
        report: what was planned, and what fell short of the options.
    """

    edits: list[PlannedEdit]
    unedited: list[str]
    report: PlanReport


def make_plan(candidates: Sequence[Candidate], options: PlanOptions) -> Plan:
    """Plans every edit.

    At every turn each generator edits equally often, the three edit types are equally frequent, and images have
    one, two and three turns as 1:4:5, as far as there are regions and generators for it. Counts differ by at
    most one. With `weights` the shares are theirs instead. Within an image generators and regions differ.

    Args:
        candidates: base images with their regions, in any order.
        options: what fixes the plan besides.

    Raises:
        ValueError: two candidates share a name.
    """
    by_name = {candidate.image: candidate for candidate in candidates}
    if len(by_name) < len(candidates):
        raise ValueError("two candidates of a plan share a name")
    edited = _edited(by_name, options)
    wanted = unedited_count(len(edited)) if options.unedited is None else options.unedited
    others = [(name, candidate.base_id) for name, candidate in by_name.items() if name not in edited]
    ordered = unedited_order(others, {by_name[name].base_id for name in edited}, options.seed)
    unedited = sorted(ordered[:wanted])
    edits = plan_edits([by_name[name] for name in edited], options)
    return Plan(edits, unedited, report_on(edits, len(unedited), options))


def max_turns(options: PlanOptions) -> int:
    """The most turns that an image can have: a turn takes a generator of its own."""
    return min(MAX_TURNS, len(options.generators))


def _edited(by_name: dict[str, Candidate], options: PlanOptions) -> list[str]:
    ordered = in_order(by_name, options.seed, "edited")
    capacities = [len(by_name[name].regions) for name in ordered]
    editable = sum(capacity > 0 for capacity in capacities)
    count = options.count or edited_count(editable, len(by_name), options.unedited)
    return [ordered[place] for place in choose(capacities, count, max_turns(options), options.turn_ratio).edited]


def plan_edits(candidates: Sequence[Candidate], options: PlanOptions) -> list[PlannedEdit]:
    """The edits of images that are all edited, by image and turn.

    Args:
        candidates: with one region at least.
        options: what fixes the plan besides.
    """
    by_name = {candidate.image: candidate for candidate in candidates}
    shuffled = [by_name[name] for name in in_order(by_name, options.seed, "turns")]
    capacities = [len(candidate.regions) for candidate in shuffled]
    turns = share_turns(capacities, max_turns(options), options.turn_ratio)
    images = sorted(zip(turns, shuffled, strict=True), key=lambda pair: -pair[0])
    rng = derived_random(options.seed, "generators")
    lengths, weights = [length for length, _ in images], options.weights
    if weights:
        generators = deal_generators(lengths, weights.generators, rng)
        types = share_edit_types(generators, rng, weights.edit_types)
    else:
        generators = share_generators(lengths, len(options.generators), rng)
        types = share_edit_types(generators, rng)
    edits = []
    for (length, candidate), numbers, edit_types in zip(images, generators, types, strict=True):
        regions = draw_regions(candidate, length, options.seed)
        for turn, (region, number, edit_type) in enumerate(
            zip(regions, numbers, edit_types, strict=True), start=1
        ):
            edits.append(_edit(candidate.image, turn, region, options.generators[number], edit_type, options))
    return sorted(edits, key=lambda edit: (edit.image, edit.turn))


def draw_regions(candidate: Candidate, count: int, seed: int) -> list[Region]:
    """Different regions of an image, in the order in which they are edited.

    Drawn by weight: the square root of the area, so that larger objects come first more often without crowding the
    small out, times PERSON_WEIGHT for people. The method is that of Efraimidis and Spirakis (2006).
    """
    rng = derived_random(seed, candidate.image, "regions")
    regions = sorted(candidate.regions, key=lambda region: (region.object, region.mask))
    keys = [rng.random() ** (1 / _weight(region)) for region in regions]
    drawn = sorted(range(len(regions)), key=lambda place: -keys[place])[:count]
    return [regions[place] for place in rng.sample(drawn, len(drawn))]


def _weight(region: Region) -> float:
    return region.area**0.5 * (PERSON_WEIGHT if region.is_person else 1.0)


def _edit(
    image: str, turn: int, region: Region, settings: GeneratorSettings, edit_type: str, options: PlanOptions
) -> PlannedEdit:
    prompt = write.Prompt("", None)
    if options.prompts == "templates":
        rng = derived_random(options.seed, image, turn, "prompt")
        prompt = write.write_prompt(region.object, region.supercategory, edit_type, rng)
    return PlannedEdit(
        image=image,
        turn=turn,
        generator=settings.generator,
        checkpoint=settings.checkpoint,
        lora=settings.lora,
        edit_type=edit_type,
        object=region.object,
        prompt=prompt.prompt,
        removal_prompt=prompt.removal_prompt,
        region=region.mask,
        side=options.side,
        seed=derived_seed(options.seed, image, turn, "noise"),
        steps=settings.steps,
        guidance=settings.guidance,
        compositing=options.compositing,
        prompt_by=options.vlm if options.prompts == "vlm" else None,
    )
