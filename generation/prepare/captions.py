"""Reads captions, and lists the base images that generators can paint from them (paper, 3.1).

Regions are found as on photographs. Where they come from annotations, a generated picture takes the regions of the
photograph that its caption describes, because its own objects are not annotated.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from builder.run.directory import RunDirectory, base_path
from generation.checkpoints.published import published_as
from generation.generators.settings import GeneratorSettings
from generation.plan.options import PlanOptions
from generation.plan.seeds import derived_seed
from generation.plan.selection import in_order
from generation.regions.annotations import Regions, from_annotations
from generation.sources.captions_file import Caption
from generation.sources.coco_file import CocoFile
from generation.sources.image_files import Header
from generation.sources.image_names import hashed
from generation.sources.photographs import Painting, Photograph


def pictures_of(
    captions: Sequence[Caption], run: RunDirectory, options: PlanOptions, coco: CocoFile | None
) -> tuple[Photograph, ...]:
    """Lists the pictures that can be generated, one per described photograph.

    The generators of the plan alternate in the order in which a plan examines the pictures.

    Args:
        captions: in any order.
        run: the run directory of the pictures.
        options: the plan's options.
        coco: the instances file that annotates the photographs; None where regions are found by models.
    """
    by_name = {_name(caption): caption for caption in captions}
    described: dict[int | str, str] = {}
    for name in in_order(by_name, options.seed, "captions"):
        described.setdefault(by_name[name].photograph, name)
    chosen = [
        name for key, name in described.items() if coco is None or (key in coco.annotations and key in coco.images)
    ]
    ordered = in_order(chosen, options.seed, "edited")
    return tuple(
        _picture(name, by_name[name], run, options.generators[place % len(options.generators)], options, coco)
        for place, name in enumerate(ordered)
    )


def _name(caption: Caption) -> str:
    name = f"caption-{caption.id}"
    return name if isinstance(caption.id, int) else hashed(name)


def _picture(
    name: str,
    caption: Caption,
    run: RunDirectory,
    settings: GeneratorSettings,
    options: PlanOptions,
    coco: CocoFile | None,
) -> Photograph:
    entry: Mapping[str, Any] = coco.images[caption.photograph] if coco else {}
    published = published_as(settings.generator, settings.checkpoint)
    return Photograph(
        image=name,
        base_id=name,
        path=f"{run.url.rstrip('/')}/{base_path(name)}",
        license=published.license_url if published else None,
        url=None,
        width=int(entry.get("width", options.side)),
        height=int(entry.get("height", options.side)),
        annotations=tuple(coco.annotations[caption.photograph]) if coco else (),
        painting=Painting(settings, caption.text, derived_seed(options.seed, name, "picture")),
    )


def propose_for_captions(pictures: Sequence[Photograph], side: int) -> Iterator[Regions]:
    """Gives generated pictures the annotated regions of the photographs that their captions describe."""
    for picture in pictures:
        yield from_annotations(picture, side, Header(picture.width, picture.height, orientation=1))
