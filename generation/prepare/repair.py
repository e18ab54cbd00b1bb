"""Finds the damaged files of a plan, and makes base images again from their sources."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from builder.run.bases import Base, read_bases, write_bases
from builder.run.directory import PLAN, READERS, RunDirectory, base_path
from builder.run.file_digest import DamagedFile, FileDigest
from builder.run.planned_edit import read_plan
from builder.run.tables import table_digest
from generation.prepare.gathering import make_base
from generation.prepare.painting import Painter
from generation.sources.photographs import Photograph


def has_whole_plan(run: RunDirectory) -> bool:
    """Whether the tables of a planned run are as they were written."""
    try:
        read_bases(run)
        read_plan(run)
    except (DamagedFile, FileNotFoundError):
        return False
    return True


def plan_digest(run: RunDirectory) -> FileDigest | None:
    """What was written as the plan of a run; None where that is not known."""
    try:
        return table_digest(run, PLAN)
    except DamagedFile:
        return None


def damaged_bases(run: RunDirectory, bases: Sequence[Base], read_all: bool = False) -> list[Base]:
    """The base images whose files are missing or damaged.

    Args:
        read_all: compare the content of every file, and not only its size.
    """
    sizes = run.sizes("bases")

    def is_damaged(base: Base) -> bool:
        size = sizes.get(f"{base.image}.webp")
        if base.digest is None or size is None:
            return size is None
        return base.digest.problem(size, run.read(base_path(base.image)) if read_all else None) is not None

    with ThreadPoolExecutor(READERS) as pool:
        return [base for base, damaged in zip(bases, pool.map(is_damaged, bases), strict=True) if damaged]


def make_again(
    run: RunDirectory, damaged: Sequence[Base], photographs: Mapping[str, Photograph], painter: Painter
) -> None:
    """Makes base images again. Edits of an image that comes out otherwise are made again by `generate`.

    Args:
        damaged: as `damaged_bases` finds them.
        photographs: the run's photographs and pictures, by name.
        painter: makes the generated ones.

    Raises:
        ValueError: one cannot be made again; the message names it.
    """
    for base in damaged:
        if base.image not in photographs:
            raise ValueError(f"{base_path(base.image)} is damaged, and its photograph is no longer in the sources")
        run.delete(base_path(base.image))
    pictures = [photographs[base.image] for base in damaged]
    problems = dict(painter.paint([picture for picture in pictures if picture.painting]))
    for picture in pictures:
        if not picture.painting and (problem := make_base(run, picture, painter.side)):
            problems[picture.image] = problem
    for name, problem in problems.items():
        raise ValueError(f"{base_path(name)} is damaged and cannot be made again: {problem.reason}")
    again = {base.image for base in damaged}
    bases = read_bases(run)
    made = [base.with_file(run.read(base_path(base.image))) if base.image in again else base for base in bases]
    if made != bases:
        write_bases(run, made)
