"""Makes a plan: draws for every image and turn the generator, region, edit type, prompt and seed.

A plan is a pure function of the candidates, whatever their order, and the options.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from builder.run.planned_edit import PlannedEdit
from generation.generators.settings import GeneratorSettings
from generation.plan.balance import share_edit_types, share_generators, share_turns
from generation.plan.nested_regions import parts_first
from generation.plan.options import PlanOptions
from generation.plan.report import PlanReport, report_on
from generation.plan.seeds import derived_random, derived_seed
from generation.plan.selection import (
    Candidate,
    choose_edited,
    in_order,
    max_turns,
    unedited_order,
    unedited_wanted,
)
from generation.plan.shares import distribute_generators
from generation.prompts import write
from generation.regions.annotations import Region

__all__ = ["Candidate", "GeneratorSettings", "Plan", "PlanOptions", "PlanReport", "make_plan"]

PERSON_WEIGHT = 3.0
"""Factor on a person's probability to be drawn, relative to an object of the same area (paper, 3.1, balance 1)."""


@dataclass(frozen=True)
class Plan:
    """A plan: its edits and its unedited images.

    Attributes:
        edits: the planned edits, sorted by image and turn.
        unedited: names of the photographs that are kept unedited.
        report: counts of what was planned, and shortfalls from the options.
    """

    edits: list[PlannedEdit]
    unedited: list[str]
    report: PlanReport


def make_plan(candidates: Sequence[Candidate], options: PlanOptions) -> Plan:
    """Chooses the images to edit and plans every edit, for candidates whose regions are all known.

    The `plan` stage finds regions while it chooses images, and calls `plan_edits` for the chosen ones instead.

    At every turn each generator edits equally often and the three edit types are equally frequent; images have
    one, two and three turns in the ratio 1:4:5. All this holds as far as regions and generators suffice; counts
    differ by at most one, and edit types, generators and turns are independent. `options.weights` replaces these
    shares. Within an image no generator and no region occurs twice.

    Args:
        candidates: base images with their regions, in any order.
        options: the plan's options.

        Raises:
            ValueError: two candidates have the same name.
    """
    if len({candidate.image for candidate in candidates}) < len(candidates):
        raise ValueError("two candidates of a plan share a name")
    edited = choose_edited(candidates, options).candidates
    taken = {candidate.image for candidate in edited}
    others = [(one.image, one.base_id) for one in candidates if one.image not in taken]
    ordered = unedited_order(others, {candidate.base_id for candidate in edited}, options.seed)
    unedited = sorted(ordered[: unedited_wanted(options, len(edited))])
    edits = plan_edits(edited, options)
    return Plan(edits, unedited, report_on(edits, len(unedited), options))


def plan_edits(candidates: Sequence[Candidate], options: PlanOptions) -> list[PlannedEdit]:
    """Plans the edits of chosen images; sorted by image and turn.

    Args:
        candidates: images with at least one region each.
        options: the plan's options.
    """
    by_name = {candidate.image: candidate for candidate in candidates}
    shuffled = [by_name[name] for name in in_order(by_name, options.seed, "turns")]
    capacities = [len(candidate.regions) for candidate in shuffled]
    turns = share_turns(capacities, max_turns(options), options.turn_ratio)
    images = sorted(zip(turns, shuffled, strict=True), key=lambda pair: -pair[0])
    rng = derived_random(options.seed, "generators")
    lengths, weights = [length for length, _ in images], options.weights
    if weights:
        generators = distribute_generators(lengths, weights.generators, rng)
        types = share_edit_types(generators, rng, weights.edit_types)
    else:
        generators = share_generators(lengths, len(options.generators), rng)
        types = share_edit_types(generators, rng)
    edits = []
    for (length, candidate), numbers, edit_types in zip(images, generators, types, strict=True):
        regions = parts_first(draw_regions(candidate, length, options.seed), edit_types, options.side)
        for turn, (region, number, edit_type) in enumerate(
            zip(regions, numbers, edit_types, strict=True), start=1
        ):
            edits.append(_edit(candidate.image, turn, region, options.generators[number], edit_type, options))
    return sorted(edits, key=lambda edit: (edit.image, edit.turn))


def draw_regions(candidate: Candidate, count: int, seed: int) -> list[Region]:
    """Draws `count` different regions of an image, in the order in which they are edited.

    Weighted sampling without replacement (Efraimidis and Spirakis 2006). A region's weight is the square root of
    its area, times PERSON_WEIGHT for a person.
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
        removal_dilation=None if edit_type == "attribute_change" else options.removal_dilation,
    )
