"""What finders of regions share: a photograph is opened once, and its regions are kept with what found them."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from builder.run.directory import RunDirectory
from generation.regions.annotations import Regions
from generation.regions.kept_regions import read_regions
from generation.sources.coco_file import Skip
from generation.sources.image_files import UnusablePicture, decode_square
from generation.sources.photographs import Photograph, read_file
from generation.sources.threads import THREADS

Found = Regions | Skip


@dataclass(frozen=True)
class Opened:
    """A usable photograph without kept regions.

    Attributes:
        subject: a digest of the image that the models are shown.
        fingerprint: the subject with the names of the models.
    """

    photograph: Photograph
    subject: str
    fingerprint: str


def open_photograph(run: RunDirectory, photograph: Photograph, side: int, models: str) -> Opened | Found:
    """A photograph whose regions are to be found; its kept regions, or a `Skip` where it cannot be used.

    Args:
        run: the run directory, which keeps the regions.
        side: height and width of the base image, in pixels.
        models: what finds the regions: names of models and their options.
    """
    data = read_file(photograph)
    subject = hashlib.blake2b(data + str(side).encode(), digest_size=16).hexdigest()
    fingerprint = f"{subject} {models}"
    kept = read_regions(run, photograph.image, fingerprint)
    if kept is not None:
        return kept
    try:
        decode_square(data, side)
    except UnusablePicture as error:
        return Skip(photograph.file_name, str(error))
    return Opened(photograph, subject, fingerprint)


def finding_threads(device: str) -> ThreadPoolExecutor:
    """A thread pool for models: on a CPU one torch thread per photograph, so that results do not depend on the
    number of cores."""
    import torch

    if device != "cpu":
        return ThreadPoolExecutor(1)
    return ThreadPoolExecutor(THREADS, initializer=torch.set_num_threads, initargs=(1,))
