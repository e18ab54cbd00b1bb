"""Draws Figure 5, confusion matrices, and Figure 6, images with truth and predictions."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from PIL import Image

from benchmark.evaluation.results import Example, Result
from diffseg30k import CLASS_NAMES, GENERATOR_NAMES, PALETTE

BINARY_PALETTE = ((0, 0, 0), (255, 255, 255))
"""Colour of binary masks in Figure 6, different from the colours of the generators."""

_FULL_NAMES = {"background": "Background", **GENERATOR_NAMES}
_DPI = 150
_EXAMPLES_ACROSS = 2
"""Examples side by side in Figure 6, so that it fits the width of a page."""


def pyplot():
    """The drawing module of matplotlib, which then needs no screen.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise ImportError("the figures need matplotlib: pip install 'diffseg30k[benchmark]'") from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def draw_confusions(results: Sequence[Result], file: str) -> str | None:
    """Draws Figure 5: the confusion matrix of each semantic result, with rows normalised to 1.

    Returns:
        `file`, or None if there is no semantic result.
    """
    results = [result for result in results if result.task == "semantic"]
    if not results:
        return None
    plt = pyplot()
    figure, axes = plt.subplots(1, len(results), figsize=(5.6 * len(results), 5.2), squeeze=False)
    for axis, result in zip(axes[0], results, strict=True):
        _draw_confusion(axis, result)
    figure.tight_layout()
    figure.savefig(file, dpi=_DPI)
    plt.close(figure)
    return file


def _draw_confusion(axis, result: Result) -> None:
    counts = np.array(result.scores["confusion"], float)
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full_like(counts, np.nan), where=totals > 0)
    axis.imshow(np.nan_to_num(shares), cmap="Blues", vmin=0, vmax=1)
    names = [_FULL_NAMES.get(name, name) for name in result.class_names]
    axis.set_xticks(range(len(names)), names, rotation=45, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), names, fontsize=8)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_title(f"{result.detector}, {result.config}", fontsize=10)
    for row, column in np.ndindex(shares.shape):
        share = shares[row, column]
        text, colour = ("–", "grey") if np.isnan(share) else (f"{share:.2f}", "white" if share > 0.6 else "black")
        axis.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)


def draw_examples(results: Sequence[tuple[Result, str]], file: str) -> str | None:
    """Draws Figure 6: edited images, truth and predictions, with a legend of the colours.

    Args:
        results: results with their files; the examples are in the same folder as the file.
        file: path of the figure.

    Returns:
        `file`, or None if no result has examples whose images exist.
    """
    shown = [(result, path) for result, path in results if result.examples and _pictures_there(result, path)]
    if not shown:
        return None
    plt = pyplot()
    drawn = [(result, os.path.dirname(path), example) for result, path in shown for example in result.examples]
    across = min(len(drawn), _EXAMPLES_ACROSS)
    rows = -(-len(drawn) // across)
    figure, axes = plt.subplots(
        rows, 3 * across, figsize=(1.9 * 3 * across, 2.1 * rows + 1.1), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for (result, folder, example), three in zip(drawn, axes.reshape(-1, 3), strict=False):
        _draw_example(three, result, example, folder)
    figure.legend(
        handles=_legend(plt, {result.task for result, _ in shown}), loc="outside lower center", ncols=5, fontsize=8
    )
    figure.savefig(file, dpi=_DPI)
    plt.close(figure)
    return file


def _pictures_there(result: Result, path: str) -> bool:
    folder = os.path.dirname(path)
    return all(os.path.isfile(os.path.join(folder, example.image)) for example in result.examples)


def _draw_example(axes, result: Result, example: Example, folder: str) -> None:
    for axis, title in zip(axes, ("image", "truth", f"{result.detector}\n{result.config}"), strict=True):
        axis.set_title(title, fontsize=8)
    palette = BINARY_PALETTE if result.task == "binary" else PALETTE
    with Image.open(os.path.join(folder, example.image)) as picture:
        axes[0].imshow(np.asarray(picture.convert("RGB")))
    for axis, name in zip(axes[1:], (example.truth, example.prediction), strict=True):
        with Image.open(os.path.join(folder, name)) as picture:
            labels = np.minimum(np.asarray(picture), len(palette) - 1)
        axis.imshow(np.array(palette, np.uint8)[labels], interpolation="nearest")


def _legend(plt, tasks: set[str]) -> list:
    entries: list[tuple[str, tuple[int, int, int]]] = []
    if "semantic" in tasks:
        entries += [(_FULL_NAMES[name], colour) for name, colour in zip(CLASS_NAMES, PALETTE, strict=True)]
    elif "binary" in tasks:
        entries.append(("Background", BINARY_PALETTE[0]))
    if "binary" in tasks:
        entries.append(("edited (binary)", BINARY_PALETTE[1]))
    return [
        plt.Rectangle((0, 0), 1, 1, facecolor=np.array(colour) / 255, edgecolor="grey", label=name)
        for name, colour in entries
    ]
