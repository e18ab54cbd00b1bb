"""Chooses and makes the base images of a run, and examines only as many photographs as it needs."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from builder.encoding.images import encode_image
from builder.run.directory import RunDirectory, base_path
from generation.plan.options import PlanOptions
from generation.plan.selection import Candidate, choose_edited, in_order, unedited_order, unedited_wanted
from generation.regions.annotations import Regions
from generation.sources.coco_file import Skip
from generation.sources.image_files import UnusablePicture, decode_square
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import in_threads

Propose = Callable[[Sequence[Photograph]], Iterable[Regions | Skip]]
"""Finds the regions of photographs: one result per photograph in order, a `Skip` for one that cannot be used."""

Paint = Callable[[Sequence[Photograph]], Mapping[str, Skip]]
"""Generates base images from captions; returns a `Skip` by name for each that cannot be made."""

MIN_BATCH = 32
"""Least number of photographs that are examined before images are chosen again."""


class Gathering:
    """Examines photographs, chooses among them and makes base images of the chosen ones.

    A chosen photograph that turns out to be damaged is replaced by the next. The choice depends on the
    photographs, their regions and the options alone.

    Attributes:
        candidates: examined photographs that can be used, by name.
        skipped: examined photographs that cannot be used, with reasons.
        dropped: one reason for each object that gave no region.
    """

    def __init__(
        self,
        run: RunDirectory,
        photographs: Sequence[Photograph],
        options: PlanOptions,
        propose: Propose,
        paint: Paint | None = None,
    ):
        self._run = run
        self._paint = paint
        self._propose = propose
        self._photographs = {photograph.image: photograph for photograph in photographs}
        self._options = options
        self._made = {name.removesuffix(".webp") for name in run.names("bases")}
        self._unusable: set[str] = set()
        self.candidates: dict[str, Candidate] = {}
        self.skipped: list[Skip] = []
        self.dropped: list[str] = []

    def edited(self) -> list[Candidate]:
        """Chooses the images to edit and makes their base images."""
        order = in_order(self._photographs, self._options.seed, "edited")
        examined = 0
        while True:
            chosen = choose_edited(self.candidates.values(), self._options, unseen=len(order) - examined)
            if chosen.missing:
                step = len(order) if self._options.count is None else max(chosen.missing, MIN_BATCH)
                self._find_regions(order[examined : examined + step])
                examined = min(examined + step, len(order))
            elif self._make(candidate.image for candidate in chosen.candidates):
                return list(chosen.candidates)

    def unedited(self, edited: Sequence[Candidate]) -> list[Candidate]:
        """Chooses the photographs to keep unedited and makes their base images."""
        taken = {candidate.image for candidate in edited}
        others = [
            (name, photograph.base_id)
            for name, photograph in self._photographs.items()
            if name not in taken and name not in self._unusable
        ]
        order = unedited_order(others, {candidate.base_id for candidate in edited}, self._options.seed)
        wanted = unedited_wanted(self._options, len(edited))
        kept: list[str] = []
        while len(kept) < wanted and order:
            tried, order = order[: wanted - len(kept)], order[wanted - len(kept) :]
            self._make(tried)
            kept += [name for name in tried if name in self._made]
        return [Candidate(name, self._photographs[name].base_id, ()) for name in kept]

    def _find_regions(self, names: Sequence[str]) -> None:
        """Finds the regions of photographs."""
        photographs = [self._photographs[name] for name in names]
        for photograph, found in zip(photographs, self._propose(photographs), strict=True):
            if isinstance(found, Skip):
                self._skip(photograph.image, found)
            else:
                self.candidates[photograph.image] = Candidate(photograph.image, photograph.base_id, found.regions)
                self.dropped += found.dropped

    def _skip(self, name: str, skip: Skip) -> None:
        self.skipped.append(skip)
        self._unusable.add(name)
        self.candidates.pop(name, None)

    def _make(self, names: Iterable[str]) -> bool:
        """Makes missing base images; returns whether all could be made."""
        # the painter is told of all pictures, so that what it lists does not depend on those that are there
        wanted = [name for name in names if self._paint or name not in self._made]
        problems = self._problems(wanted)
        for name, problem in zip(wanted, problems, strict=True):
            if problem is None:
                self._made.add(name)
            else:
                self._skip(name, problem)
        return not any(problems)

    def _problems(self, names: Sequence[str]) -> list[Skip | None]:
        if self._paint is None:
            return list(in_threads(self._make_base, names, "base images"))
        failed = self._paint([self._photographs[name] for name in names])
        return [failed.get(name) for name in names]

    def _make_base(self, name: str) -> Skip | None:
        return make_base(self._run, self._photographs[name], self._options.side)


def make_base(run: RunDirectory, photograph: Photograph, side: int) -> Skip | None:
    """Makes the base image of a photograph, `side` pixels high and wide; returns why it cannot be, or None."""
    try:
        image = decode_square(read_file(photograph), side)
    except UnusablePicture as error:
        return Skip(photograph.file_name, str(error))
    run.write(base_path(photograph.image), encode_image(image))
    return None
