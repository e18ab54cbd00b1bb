"""Draws how the scores of a detector fall with the strength of a distortion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from benchmark.data.distortions import CLEAN, strength
from benchmark.evaluation.results import Result
from benchmark.tables.figures import pyplot

MEASURES = {
    "miou": "mIoU",
    "pixel_f1": "Pixel F1",
    "pixel_auc": "Pixel AUC",
    "map": "mAP",
    "image_auc": "Image AUC",
}
UNITS = {
    "jpeg": "JPEG quality",
    "webp": "WebP quality",
    "blur": "blur, pixels",
    "noise": "noise, of 255",
    "resize": "side, pixels",
    "pgd": "attack, of 255",
}
LEAST = 3
"""Strengths from which on there is a curve."""

_DPI = 150

Curve = list[tuple[float, float, float | None, float | None]]
"""Strength, value, and the ends of its interval, in the order of the strengths."""


def curves(results: Iterable[Result]) -> dict[tuple[str, str], dict[str, Curve]]:
    """Kind of distortion and measure to the curve of each detector, where it has LEAST strengths."""
    found: dict[tuple[str, str], dict[str, Curve]] = defaultdict(lambda: defaultdict(list))
    for result in results:
        if not (known := strength(result.condition)):
            continue
        kind, number = known
        for measure in MEASURES:
            if point := _point(result, measure):
                found[kind, measure][f"{result.detector}, {result.config}"].append((number, *point))
    enough = {
        key: {name: sorted(curve) for name, curve in lines.items() if len(curve) >= LEAST}
        for key, lines in found.items()
    }
    return {key: lines for key, lines in enough.items() if lines}


def _point(result: Result, measure: str) -> tuple[float, float | None, float | None] | None:
    if estimate := result.estimates.get(measure):
        return estimate.value, estimate.low, estimate.high
    value = result.scores.get(measure)
    return None if value is None else (value, None, None)


def draw_curves(results: Iterable[Result], file: str) -> str | None:
    """Draws a panel for each kind of distortion and measure, with the clean score as a dashed line.

    Returns:
        `file`, or None if no distortion was scored at LEAST strengths.
    """
    results = list(results)
    drawn = curves(results)
    if not drawn:
        return None
    plt = pyplot()
    kinds = list(dict.fromkeys(kind for kind, _ in drawn))
    measures = [measure for measure in MEASURES if any(measure == each for _, each in drawn)]
    size = 3.4 * len(kinds) + 0.6, 2.6 * len(measures) + 0.8
    figure, axes = plt.subplots(len(measures), len(kinds), figsize=size, squeeze=False, layout="constrained")
    names = list(dict.fromkeys(name for lines in drawn.values() for name in lines))
    clean = {f"{each.detector}, {each.config}": each for each in results if each.condition == CLEAN}
    for (row, measure), (column, kind) in ((r, c) for r in enumerate(measures) for c in enumerate(kinds)):
        axis = axes[row][column]
        axis.set(ylim=(0, 1.02), xlabel=UNITS[kind], ylabel=MEASURES[measure] if not column else "")
        axis.grid(alpha=0.3)
        for name, curve in drawn.get((kind, measure), {}).items():
            colour = f"C{names.index(name) % 10}"
            _draw_curve(axis, curve, colour)
            if (there := clean.get(name)) and (point := _point(there, measure)):
                axis.axhline(point[0], color=colour, linestyle="--", linewidth=0.8)
    handles = [
        plt.Line2D([], [], color=f"C{index % 10}", marker="o", label=name) for index, name in enumerate(names)
    ]
    handles.append(plt.Line2D([], [], color="grey", linestyle="--", linewidth=0.8, label="clean"))
    figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(file, dpi=_DPI)
    plt.close(figure)
    return file


def _draw_curve(axis, curve: Curve, colour: str) -> None:
    strengths, values, lows, highs = zip(*curve, strict=True)
    axis.plot(strengths, values, marker="o", markersize=3, color=colour)
    if all(end is not None for end in (*lows, *highs)):
        axis.fill_between(strengths, lows, highs, color=colour, alpha=0.15, linewidth=0)
