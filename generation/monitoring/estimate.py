"""Estimates a run's GPU hours, storage and VLM questions from its plan and the records of finished edits."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from builder.run.directory import BASES, RunDirectory
from builder.run.planned_edit import PlannedEdit, read_plan
from builder.run.records import load_devices
from generation.checkpoints.checkpoint import TINY_PREFIX
from generation.monitoring.simulation import Cluster, Simulated, simulate
from generation.monitoring.status import read_status

SIZED = 200
"""Files whose sizes are averaged to estimate storage."""


@dataclass(frozen=True)
class GeneratorEstimate:
    """The estimate for one generator.

    Attributes:
        generator: its short id.
        edits: its edits in the whole run.
        seconds: duration of one edit.
        hours: duration of all of them on one worker.
    """

    generator: str
    edits: int
    seconds: float

    @property
    def hours(self) -> float:
        return self.edits * self.seconds / 3600


@dataclass(frozen=True)
class Estimate:
    """The estimate for a run.

    Attributes:
        images: edited images.
        generators: one estimate per generator, by name.
        cluster: the workers.
        simulated: the simulated run on that cluster.
        bytes: size of images, masks and records in the run directory; None if there is no image to measure yet.
        caveats: why the seconds an edit say little of a GPU; empty where they were given, or measured on one.
        questions: number of VLM questions: one per edit for its prompt, where the VLM writes prompts, and one per
            image for its score.
    """

    images: int
    generators: tuple[GeneratorEstimate, ...]
    cluster: Cluster
    simulated: Simulated
    bytes: int | None
    questions: int
    caveats: tuple[str, ...] = ()

    @property
    def hours(self) -> float:
        """GPU hours for making every edit once."""
        return sum(each.hours for each in self.generators)

    def lines(self) -> list[str]:
        """Lines to print."""
        done = self.simulated
        return [
            f"{self.images:,} edited images: {self.hours:,.2f} GPU hours of edits",
            f"{self.cluster.workers:,} workers: {done.seconds / 3600:,.2f} hours, "
            f"{done.busy_seconds / 3600:,.2f} GPU hours; {done.loads:,} model loads, {done.crashes:,} crashes, "
            f"{done.made - len(done.finished):,} edits made twice",
            "storage: unknown until the run has its first image"
            if self.bytes is None
            else f"storage of the run directory: {self.bytes / 1e9:,.3f} GB",
            f"questions to the VLM: {self.questions:,}",
        ]


def estimate(
    run_url: str,
    cluster: Cluster,
    images: int | None = None,
    seconds: Mapping[str, float] | None = None,
    load_seconds: float = 30.0,
    scored: bool = False,
) -> Estimate:
    """Estimates a run from its plan.

    Args:
        run_url: a run directory with a plan; a few finished edits of each generator give its rate.
        cluster: the workers.
        images: number of edited images that the plan is scaled to; its own number if left out.
        seconds: seconds per edit by generator, which replace measured ones.
        load_seconds: seconds to load a generator.
        scored: whether a VLM judges each image.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        ValueError: a generator's seconds per edit are neither given nor measured; the message names it.
    """
    run = RunDirectory(run_url)
    plan = read_plan(run)
    times = _times(run_url, plan, seconds or {})
    scaled = _scaled(plan, images)
    edits = Counter(edit.generator for edit in scaled)
    edited = len({edit.image for edit in scaled})
    return Estimate(
        images=edited,
        generators=tuple(GeneratorEstimate(name, edits[name], times[name]) for name in sorted(edits)),
        cluster=cluster,
        simulated=simulate(scaled, times, load_seconds, cluster),
        bytes=_bytes(run, edited, len(scaled)),
        questions=sum(edit.prompt_by is not None for edit in scaled) + (edited if scored else 0),
        caveats=_caveats(run, plan, seconds or {}),
    )


def _times(run_url: str, plan: Sequence[PlannedEdit], given: Mapping[str, float]) -> dict[str, float]:
    measured = {each.generator: each.seconds for each in read_status(run_url, now=0.0).generators}
    found = {name: given.get(name, measured.get(name)) for name in {edit.generator for edit in plan}}
    if unknown := sorted(name for name, value in found.items() if value is None):
        raise ValueError(
            f"how long an edit takes is not known for {', '.join(unknown)}: let the run make a few edits first, "
            f"or give it with --seconds {unknown[0]}=SECONDS"
        )
    return {name: value for name, value in found.items() if value is not None}


def _caveats(run: RunDirectory, plan: Sequence[PlannedEdit], given: Mapping[str, float]) -> tuple[str, ...]:
    """Why the measured seconds are not those of published weights on a GPU."""
    measured = [edit for edit in plan if edit.generator not in given]
    found = []
    if any(edit.checkpoint.startswith(TINY_PREFIX) for edit in measured):
        found.append(
            "these are seconds of tiny checkpoints, thousands of times smaller than the published ones: give the "
            "seconds of those with --seconds GENERATOR=SECONDS"
        )
    if measured and "cpu" in load_devices(run):
        found.append("edits were measured on a processor, not a GPU: measure a few there first")
    return tuple(found)


def _scaled(plan: Sequence[PlannedEdit], images: int | None) -> list[PlannedEdit]:
    """The plan with its images repeated under new names until there are `images` of them."""
    from dataclasses import replace

    by_image: dict[str, list[PlannedEdit]] = {}
    for edit in plan:
        by_image.setdefault(edit.image, []).append(edit)
    names = list(by_image)
    return [
        replace(edit, image=f"{edit.image}+{number // len(names)}" if number >= len(names) else edit.image)
        for number in range(len(names) if images is None else images)
        for edit in by_image[names[number % len(names)]]
    ]


def _bytes(run: RunDirectory, images: int, edits: int) -> int | None:
    """Bytes of all base images, and of an image, a mask and a record per edit, from the mean sizes of existing
    files."""
    if not run.exists(BASES):
        return None
    bases = _mean_size(run, "bases", ".webp")
    if bases is None:
        return None
    image = _mean_size(run, "turn-1", ".webp") or bases
    rest = (_mean_size(run, "turn-1", ".png") or 0) + (_mean_size(run, "turn-1", ".json") or 0)
    return round(images * bases + edits * (image + rest))


def _mean_size(run: RunDirectory, folder: str, suffix: str) -> float | None:
    sizes = [size for name, size in sorted(run.sizes(folder).items()) if name.endswith(suffix)][:SIZED]
    return mean(sizes) if sizes else None
