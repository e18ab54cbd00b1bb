"""What a run will take: hours, storage and questions, from its plan and from edits that were measured."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean

from builder.run.directory import BASES, RunDirectory
from builder.run.planned_edit import PlannedEdit, read_plan
from generation.monitoring.simulation import Cluster, Simulated, simulate
from generation.monitoring.status import read_status

SIZED = 200
"""Files that storage is measured on."""


@dataclass(frozen=True)
class GeneratorEstimate:
    """One generator's part.

    Attributes:
        generator: its short id.
        edits: of the whole run.
        seconds: that one edit takes.
        hours: of one worker, for all of them.
    """

    generator: str
    edits: int
    seconds: float

    @property
    def hours(self) -> float:
        return self.edits * self.seconds / 3600


@dataclass(frozen=True)
class Estimate:
    """What a run will take.

    Attributes:
        images: edited images.
        generators: by name.
        cluster: who works.
        simulated: the run on that cluster, in virtual time.
        bytes: of images, masks and records in the run directory; None where no picture is there to measure.
        questions: that a VLM is asked: a prompt an edit where it writes them, and a score an image.
    """

    images: int
    generators: tuple[GeneratorEstimate, ...]
    cluster: Cluster
    simulated: Simulated
    bytes: int | None
    questions: int

    @property
    def hours(self) -> float:
        """Of one worker, for every edit once."""
        return sum(each.hours for each in self.generators)

    def lines(self) -> list[str]:
        """The totals for people."""
        done = self.simulated
        return [
            f"{self.images:,} edited images: {self.hours:,.2f} GPU hours of edits",
            f"{self.cluster.workers:,} workers: {done.seconds / 3600:,.2f} hours, "
            f"{done.busy_seconds / 3600:,.2f} GPU hours; {done.loads:,} model loads, {done.crashes:,} crashes, "
            f"{done.made - len(done.finished):,} edits made twice",
            "storage: not known before a picture is there"
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
        cluster: who will work.
        images: scale the plan to so many edited images; its own number if left out.
        seconds: generator to the seconds of an edit, instead of what was measured.
        load_seconds: what loading a generator takes.
        scored: a VLM judges each image.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        ValueError: a generator's rate is neither given nor measured; it says which.
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
    )


def _times(run_url: str, plan: Sequence[PlannedEdit], given: Mapping[str, float]) -> dict[str, float]:
    measured = {each.generator: each.seconds for each in read_status(run_url, now=0.0).generators}
    found = {name: given.get(name, measured.get(name)) for name in {edit.generator for edit in plan}}
    if unknown := sorted(name for name, value in found.items() if value is None):
        raise ValueError(
            f"how long an edit takes is not known for {', '.join(unknown)}: let the run make a few edits first, "
            f"or say it with --seconds {unknown[0]}=SECONDS"
        )
    return {name: value for name, value in found.items() if value is not None}


def _scaled(plan: Sequence[PlannedEdit], images: int | None) -> list[PlannedEdit]:
    """The plan, its images repeated under new names until there are as many as asked for."""
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
    """Base images once, and for each edit an image, a mask and a record, as large as those that are there."""
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
