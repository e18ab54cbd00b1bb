"""The command `demo`: builds a small dataset from sample photographs, and shows what it holds."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diffseg30k_cli.app import BUILDING, app
from diffseg30k_cli.building import build_and_report
from diffseg30k_cli.options.choices import (
    CheckpointChoices,
    PackChoices,
    PlanChoices,
    ScoreChoices,
    SourceChoices,
    VlmChoices,
    WorkChoices,
)
from diffseg30k_cli.options.common import Device, Out, Seed, Size, Workers
from diffseg30k_cli.printing import announce, print_columns, print_lines, show, show_next


@app.command(rich_help_panel=BUILDING)
def demo(
    out: Out = "diffseg30k",
    size: Size = 256,
    seed: Seed = 0,
    workers: Workers = None,
    device: Device = "auto",
) -> None:
    """Builds a small dataset from sample photographs, loads it, and makes a gallery of it.

    Its generators are tiny checkpoints: they paint colours and textures, and no objects.
    """
    announce(
        f"Builds {out} from sample photographs, in about a minute on two cores. The generators are tiny: they "
        "paint colours and textures, and no objects."
    )
    from cards.gallery.write import write_gallery
    from generation.sources.demo.photographs import write_demo_sources

    images, annotations = write_demo_sources(f"{out}-run/photographs")
    build_and_report(
        out,
        SourceChoices(images, annotations),
        PlanChoices(size=size, seed=seed),
        CheckpointChoices(),
        VlmChoices(),
        WorkChoices(device),
        ScoreChoices(),
        PackChoices(with_originals=True),
        workers=workers,
    )
    _show(out)
    show(write_gallery(out, f"{out}-gallery"))
    show_next(
        f"diffseg30k verify {out}", f"diffseg30k train --dataset {out} --out detector --weights none --steps 50"
    )


def _show(dataset: str) -> None:
    """Loads every config of a packed dataset with `load_dataset` and prints how many rows its splits have."""
    from datasets import get_dataset_config_names, load_dataset

    folder = str(Path(dataset).resolve())
    with _without_bars():
        configs = {config: load_dataset(folder, config) for config in get_dataset_config_names(folder)}
    print_lines(["", f'load_dataset("{dataset}", CONFIG):'])
    rows = [
        (config, ", ".join(f"{split} {len(loaded):,}" for split, loaded in splits.items()))
        for config, splits in configs.items()
    ]
    print_columns(("config", "rows"), rows)
    print_lines(["", f"card: {os.path.join(dataset, 'README.md')}"])


@contextmanager
def _without_bars() -> Iterator[None]:
    """A context in which `datasets` shows no progress bars: it would show one for each split."""
    import datasets

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()
