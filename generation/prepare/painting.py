"""Has base images painted from captions: wave 0 of the run, by its executor."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from builder.run.directory import RunDirectory
from builder.run.planned_picture import PlannedPicture, add_pictures
from builder.run.records import read_failures
from diffseg30k import GENERATOR_NAMES
from generation.editing.executors.options import ExecutorOptions
from generation.editing.run import paint, submit_pictures
from generation.editing.wave_run import begin_wave
from generation.editing.worker_options import WorkerOptions
from generation.prepare.gathering import Propose
from generation.regions.annotations import Regions
from generation.sources.coco_file import Skip
from generation.sources.photographs import Photograph


class PicturesSubmitted(Exception):
    """Pictures are to be painted by jobs of Slurm first; the plan is to be made again when they have ended.

    Attributes:
        jobs: their ids.
    """

    def __init__(self, jobs: Sequence[str]):
        super().__init__(f"the pictures are painted by the jobs {', '.join(jobs)}")
        self.jobs = tuple(jobs)


@dataclass
class Painter:
    """Has the base images of a run painted; existing ones are not painted again.

    A generator whose weights cannot be loaded costs its pictures and not the plan: they are left out with the
    reason, and of its other pictures none is tried.

    Attributes:
        run: the run directory.
        side: height and width of the base images, in pixels.
        options: device, batch size and replaced checkpoints.
        where: the executor.
    """

    run: RunDirectory
    side: int
    options: WorkerOptions
    where: ExecutorOptions = field(default_factory=ExecutorOptions)
    _failed: dict[str, Skip] = field(default_factory=dict)
    _broken: dict[tuple[str, str], str] = field(default_factory=dict)
    _tried: set[str] = field(default_factory=set)

    def paint(self, pictures: Sequence[Photograph]) -> Mapping[str, Skip]:
        """Has pictures painted.

        Args:
            pictures: pictures with their `painting` set.

        Returns:
            Every picture that could not be made so far: name to reason.

        Raises:
            PicturesSubmitted: the executor is Slurm, and some are not there yet.
            WorkerKilled: workers were killed again and again.
        """
        wanted = self._wanted(pictures)
        add_pictures(self.run, wanted)
        made = self.run.finished(0)
        if missing := {picture.image: picture for picture in wanted if picture.image not in made}:
            failed = self._have_painted(missing.keys())
            for name in sorted(missing.keys() - self.run.finished(0)):
                self._fail(missing[name], failed.get(name, "it was not painted"))
        return {
            picture.image: self._failed[picture.image] for picture in pictures if picture.image in self._failed
        }

    def propose(self, pictures: Sequence[Photograph], propose: Propose) -> Iterator[Regions | Skip]:
        """Has pictures painted, then finds their regions: one result per picture in order."""
        failed = self.paint(pictures)
        found = iter(propose([picture for picture in pictures if picture.image not in failed]))
        for picture in pictures:
            yield failed[picture.image] if picture.image in failed else next(found)

    def _wanted(self, pictures: Sequence[Photograph]) -> list[PlannedPicture]:
        """The pictures that can be there; those of a generator that cannot be loaded fail at once."""
        made = self.run.finished(0)
        wanted = []
        for picture in pictures:
            if picture.painting is None or picture.image in self._failed:
                continue
            planned = _planned(picture, self.side)
            reason = self._broken.get((planned.generator, planned.checkpoint))
            if reason and picture.image not in made:
                self._fail(planned, reason)
            else:
                wanted.append(planned)
        return wanted

    def _have_painted(self, images: Set[str]) -> dict[str, str]:
        """Carries out the wave; returns what failed: name to reason."""
        if self.where.kind == "slurm":
            failed = {failure.image: failure.reason for failure in read_failures(self.run, 0)}
            if images - failed.keys():  # what jobs have tried is not tried again
                raise PicturesSubmitted(submit_pictures(self.run.url, self.options, self.where))
            return failed
        begin_wave(self.run, 0, self.where, images - self._tried)  # what an earlier command could not paint
        self._tried |= images
        return paint(self.run.url, self.options, self.where)

    def _fail(self, picture: PlannedPicture, reason: str) -> None:
        self._failed[picture.image] = Skip(picture.image, f"{picture.generator} could not make it: {reason}")
        if reason.startswith(f"{GENERATOR_NAMES[picture.generator]}: "):  # what an error about weights begins with
            self._broken[picture.generator, picture.checkpoint] = reason


def _planned(picture: Photograph, side: int) -> PlannedPicture:
    painting = picture.painting
    assert painting is not None
    return PlannedPicture(
        image=picture.image,
        generator=painting.settings.generator,
        checkpoint=painting.settings.checkpoint,
        prompt=painting.prompt,
        side=side,
        seed=painting.seed,
        steps=painting.settings.steps,
        guidance=painting.settings.guidance,
    )
