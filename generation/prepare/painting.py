"""Generates base images from captions, with one generator in memory at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from tqdm import tqdm

from builder.encoding.images import encode_image
from builder.run.directory import RunDirectory, base_path
from generation.editing.worker_options import WorkerOptions
from generation.generators import registry
from generation.generators.pipelines.inpainter import Inpainter
from generation.generators.settings import GeneratorSettings
from generation.generators.text_to_image import PictureRequest, make_pictures
from generation.prepare.gathering import Propose
from generation.regions.annotations import Regions
from generation.sources.coco_file import Skip
from generation.sources.photographs import Painting, Photograph


@dataclass
class Painter:
    """Generates the base images of a run; existing ones are not made again.

    Attributes:
        run: the run directory.
        side: height and width of the base images, in pixels.
        options: device, batch size and replaced checkpoints.
    """

    run: RunDirectory
    side: int
    options: WorkerOptions
    _failed: dict[str, Skip] = field(default_factory=dict)

    def paint(self, pictures: Sequence[Photograph]) -> Mapping[str, Skip]:
        """Generates pictures.

        Args:
            pictures: pictures with their `painting` set.

        Returns:
            Every picture that could not be made so far: name to reason.

        Raises:
            CheckpointError: a generator's weights are missing, gated or damaged; what was made is kept.
        """
        made = self.run.names("bases")
        missing = [
            (picture.painting, picture.image)
            for picture in pictures
            if picture.painting and f"{picture.image}.webp" not in made and picture.image not in self._failed
        ]
        missing.sort(key=lambda pair: (pair[0].settings.generator, pair[1]))
        with tqdm(total=len(missing), desc="pictures", unit="picture", leave=False, disable=not missing) as bar:
            for settings, group in groupby(missing, key=lambda pair: pair[0].settings):
                self._paint_with(settings, list(group), bar)
        return {
            picture.image: self._failed[picture.image] for picture in pictures if picture.image in self._failed
        }

    def propose(self, pictures: Sequence[Photograph], propose: Propose) -> Iterator[Regions | Skip]:
        """Generates pictures, then finds their regions: one result per picture in order."""
        failed = self.paint(pictures)
        found = iter(propose([picture for picture in pictures if picture.image not in failed]))
        for picture in pictures:
            yield failed[picture.image] if picture.image in failed else next(found)

    def _paint_with(
        self, settings: GeneratorSettings, paintings: Sequence[tuple[Painting, str]], bar: tqdm
    ) -> None:
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # the thread count selects the kernels, and so the last bits of a result
        device = "cuda:0" if self.options.device == "cuda" else self.options.device
        inpainter = registry.load(
            settings.generator, settings.checkpoint, device=device, replacements=dict(self.options.replacements)
        )
        try:
            for at in range(0, len(paintings), self.options.batch_size):
                batch = paintings[at : at + self.options.batch_size]
                self._paint_batch(inpainter, settings, batch)
                bar.update(len(batch))
        finally:
            inpainter.unload()
            torch.set_num_threads(threads)

    def _paint_batch(
        self, inpainter: Inpainter, settings: GeneratorSettings, batch: Sequence[tuple[Painting, str]]
    ) -> None:
        requests = [
            PictureRequest(painting.prompt, painting.seed, settings.steps, settings.guidance)
            for painting, _ in batch
        ]
        try:
            pictures = make_pictures(inpainter, requests, self.side)
        except (FloatingPointError, MemoryError) as error:
            if len(batch) == 1:
                self._failed[batch[0][1]] = Skip(batch[0][1], f"{settings.generator} could not make it: {error}")
                return
            for one in batch:
                self._paint_batch(inpainter, settings, [one])
            return
        for (_, name), picture in zip(batch, pictures, strict=True):
            self._write(name, picture)

    def _write(self, name: str, picture: np.ndarray) -> None:
        self.run.write(base_path(name), encode_image(picture))
