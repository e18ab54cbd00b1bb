"""Reads captions, and lists the base images that generators can paint from them (paper, 3.1).

Regions are found as on photographs. Where they come from annotations, a generated picture takes the regions of the
photograph that its caption describes, because its own objects are not annotated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from builder.run.directory import RunDirectory, base_path
from generation.generators.entries import GENERATORS
from generation.generators.settings import GeneratorSettings
from generation.plan.options import PlanOptions
from generation.plan.seeds import derived_seed
from generation.plan.selection import in_order
from generation.regions.annotations import Regions, from_annotations
from generation.sources.coco_file import CocoFile, Skip, id_of, read_lists
from generation.sources.image_files import Header
from generation.sources.image_names import hashed
from generation.sources.photographs import Painting, Photograph

MAX_LETTERS = 1000
"""Longest caption, in characters; longer texts are skipped."""


@dataclass(frozen=True)
class Caption:
    """A caption of a photograph.

    Attributes:
        id: the caption's id, unique in its file.
        photograph: the `image_id` of the photograph that it describes.
        text: one line.
    """

    id: int | str
    photograph: int | str
    text: str


def read_captions(path: str) -> tuple[list[Caption], list[Skip]]:
    """Reads the captions of a COCO captions file, and the reasons for entries that cannot be used.

    Args:
        path: a file such as `captions_train2017.json`, or its fsspec URL; compressed files such as `.gz` are
            unpacked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a COCO captions file, or no caption of it can be used.
    """
    content = read_lists(path, ("annotations",), "captions")
    captions: dict[int | str, Caption] = {}
    skipped = []
    for entry in content["annotations"]:
        found = _caption(entry)
        if found is None or found.id in captions:
            reason = "it is no caption" if found is None else "an earlier caption has the same id"
            skipped.append(Skip(f"caption {entry.get('id') if isinstance(entry, dict) else entry!r}", reason))
        else:
            captions[found.id] = found
    if not captions:
        raise ValueError(f"{path} holds no caption; give a COCO captions_*.json")
    return list(captions.values()), skipped


def _caption(entry: Any) -> Caption | None:
    if not isinstance(entry, dict):
        return None
    key, photograph, text = id_of(entry), id_of(entry, "image_id"), entry.get("caption")
    if key is None or photograph is None or not isinstance(text, str):
        return None
    line = " ".join(text.split())
    return Caption(key, photograph, line) if 0 < len(line) <= MAX_LETTERS else None


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
    published = GENERATORS[settings.generator].checkpoint
    return Photograph(
        image=name,
        base_id=name,
        path=f"{run.url.rstrip('/')}/{base_path(name)}",
        license=published.license_url if settings.checkpoint == published.name else None,
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
