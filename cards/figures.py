"""Draws the statistics figure of a dataset, after the paper's Figure 3."""

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from builder.dataset.stats import MASK_AREA_BINS, Stats
from cards.markup import plain
from diffseg30k import GENERATOR_NAMES, GENERATORS, MAX_TURNS, PALETTE, label_value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT, DPI = 9.0, 9.6, 150
"""Size in inches, and dots per inch: 1350 pixels wide, twice the width at which the Hub shows it."""

INK = "#3b4252"
BAR = "#5b7aa5"
PALE = "#c3cad6"
MOST = 12
LONGEST_NAME = 20
"""Characters of an object's name."""

_TURN_ALPHAS = (1.0, 0.66, 0.36)
_ORDINALS = ("first turn", "second turn", "third turn")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": PALE,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.usetex": False,
    "text.parse_math": False,
}


def draw_statistics(stats: Stats) -> bytes:
    """Draws the panels of Figure 3, and a panel of the most frequent objects.

    Returns:
        A PNG; the same counts give the same bytes with the same matplotlib.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    sources = {"photographs": stats.sources["coco"], "AI-generated": stats.sources["generated"]}
    panels: dict[str, tuple[str, bool, Callable[[Axes], None]]] = {
        "a": (
            "Edits by kind of object",
            bool(stats.supercategories),
            lambda axes: _ranked(axes, stats.supercategories, "edits"),
        ),
        "b": ("Edits by object", bool(stats.objects), lambda axes: _ranked(axes, stats.objects, "edits")),
        "c": ("Edits by generator and turn", _has_turns(stats), lambda axes: _models(axes, stats)),
        "d": ("Images by number of edits", any(stats.turns.values()), lambda axes: _turns(axes, stats)),
        "e": ("Edits by mask area", any(stats.mask_areas), lambda axes: _areas(axes, stats)),
        "f": ("Images by base image", any(stats.sources.values()), lambda axes: _ranked(axes, sources, "images")),
    }
    with rc_context(_STYLE):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
        figure = Figure(figsize=(WIDTH, HEIGHT), layout=layout, facecolor="white")
        places = figure.subplot_mosaic(
            [list("ab"), list("cc"), list("de"), list("fe")], height_ratios=[5, 4, 3, 1.7]
        )
        for key, (title, known, draw) in panels.items():
            places[key].set_title(f"({key}) {title}")
            (draw if known else _not_known)(places[key])
        return to_png(figure, DPI)


def to_png(figure: "Figure", dpi: int) -> bytes:
    """Encodes a figure as PNG without version and date, so that the same figure gives the same bytes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    out = io.BytesIO()
    FigureCanvasAgg(figure).figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def _has_turns(stats: Stats) -> bool:
    return any(sum(turns) for turns in stats.edits_by_turn.values())


def _ranked(axes: "Axes", counts: Mapping[str, int], unit: str) -> None:
    """Bars for the largest counts, and one bar for the sum of the others."""
    items = list(counts.items())
    shown, rest = items[:MOST], items[MOST:]
    bars = [(plain(name, LONGEST_NAME), count, BAR) for name, count in shown]
    if rest:
        bars.append((f"{len(rest)} more", sum(count for _, count in rest), PALE))
    names, values, colours = zip(*bars, strict=True)
    drawn = axes.barh(range(len(names)), values, color=colours, height=0.72)
    axes.bar_label(drawn, [f"{value:,}" for value in values], padding=3, fontsize=8.5)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    _bare(axes, "x")
    axes.margins(x=0.14, y=0.02)


def _models(axes: "Axes", stats: Stats) -> None:
    width = 0.8 / MAX_TURNS
    for turn, alpha in enumerate(_TURN_ALPHAS):
        places = [index + (turn - (MAX_TURNS - 1) / 2) * width for index in range(len(GENERATORS))]
        values = [stats.edits_by_turn[generator][turn] for generator in GENERATORS]
        colours = [_blend(PALETTE[label_value(generator)], alpha) for generator in GENERATORS]
        drawn = axes.bar(places, values, width * 0.94, color=colours)
        axes.bar_label(drawn, [f"{value:,}" if value else "" for value in values], padding=2, fontsize=7.5)
    names = [_two_lines(GENERATOR_NAMES[generator]) for generator in GENERATORS]
    axes.set_xticks(range(len(GENERATORS)), names, fontsize=8)
    for index, generator in enumerate(GENERATORS):
        if not sum(stats.edits_by_turn[generator]):
            axes.annotate("none", (index, 0), (0, 3), textcoords="offset points", ha="center", color="#8a92a0")
    _legend(axes)
    axes.set_ylabel("edits")
    _bare(axes, "y")
    axes.margins(x=0.01, y=0.3)


def _legend(axes: "Axes") -> None:
    from matplotlib.patches import Patch

    handles = [
        Patch(color=_blend((59, 66, 82), alpha), label=name)
        for alpha, name in zip(_TURN_ALPHAS, _ORDINALS, strict=True)
    ]
    axes.legend(handles=handles, ncols=MAX_TURNS, frameon=False, loc="upper right", fontsize=8.5)


def _turns(axes: "Axes", stats: Stats) -> None:
    values = [stats.turns[turns] for turns in range(MAX_TURNS + 1)]
    edited = max(sum(values[1:]), 1)
    labels = [f"{values[0]:,}", *(f"{value:,}\n{value / edited:.0%} of edited" for value in values[1:])]
    drawn = axes.bar(range(MAX_TURNS + 1), values, color=[PALE, *[BAR] * MAX_TURNS], width=0.72)
    axes.bar_label(drawn, labels, padding=2, fontsize=8)
    axes.set_xticks(range(MAX_TURNS + 1), ["none", *map(str, range(1, MAX_TURNS + 1))])
    axes.set_xlabel("edits of the image")
    axes.set_ylabel("images")
    _bare(axes, "y")
    axes.margins(x=0.02, y=0.34)


def _areas(axes: "Axes", stats: Stats) -> None:
    from matplotlib.ticker import MaxNLocator

    last = max(index for index, count in enumerate(stats.mask_areas) if count) + 1
    places = [(index + 0.5) / MASK_AREA_BINS for index in range(last)]
    axes.bar(places, stats.mask_areas[:last], 0.92 / MASK_AREA_BINS, color=BAR)
    axes.set_xlim(0, max(last / MASK_AREA_BINS, 0.2))
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#e8ebf0")
    axes.set_xlabel("share of the image that the mask covers")
    axes.set_ylabel("edits")
    axes.tick_params(length=0)


# ── Helpers of the panels ─────────────────────────────────────────────────────────────────────────


def _not_known(axes: "Axes") -> None:
    axes.text(0.5, 0.5, "not known", ha="center", va="center", transform=axes.transAxes, color="#8a92a0")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _bare(axes: "Axes", counts: str) -> None:
    """Removes the ticks of the count axis, whose counts stand at the bars."""
    axes.tick_params(length=0)
    (axes.xaxis if counts == "x" else axes.yaxis).set_ticks([])
    axes.spines["bottom" if counts == "x" else "left"].set_visible(False)


def _blend(colour: tuple[int, int, int], alpha: float) -> tuple[float, float, float]:
    """Blends a colour with white."""
    red, green, blue = (channel * alpha / 255 + 1 - alpha for channel in colour)
    return red, green, blue


def _two_lines(name: str) -> str:
    """Breaks a name such as `Stable Diffusion XL` into two lines, so that eight fit next to each other."""
    first, _, last = name.rpartition(" ")
    return f"{first}\n{last}" if len(name) > 10 else name
