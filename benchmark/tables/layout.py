"""The data type of a table, and its Markdown and LaTeX forms."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

PAPER, OURS = "paper", "this run"


@dataclass(frozen=True)
class Spread:
    """A score over several trainings of one detector, which differ in their seeds.

    Attributes:
        mean: of the trainings.
        deviation: their standard deviation, with the number of trainings less one.
        seeds: how many trainings.
    """

    mean: float
    deviation: float
    seeds: int


Value = float | Spread | None


def over_seeds(values: Sequence[float | None]) -> Value:
    """One value of the values of several trainings, those without one left out."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return known[0] if known else None
    return Spread(statistics.fmean(known), statistics.stdev(known), len(known))


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        source: PAPER or OURS, the origin of the numbers.
        labels: the row's labels, one for each of the table's `label_columns`.
        values: a value for each of `columns`; None if there is none.
    """

    source: str
    labels: tuple[str, ...]
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Table:
    """A table with the paper's layout.

    Attributes:
        key: `table-2` to `table-7`, or the name of an additional table.
        title: its title.
        label_columns: headings of the label columns.
        groups: headings above groups of number columns, each with the number of columns; empty for none.
        columns: headings of the number columns.
        rows: the paper's rows and ours.
        notes: notes below the table.
    """

    key: str
    title: str
    label_columns: tuple[str, ...]
    groups: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def heads(self) -> tuple[str, ...]:
        """The headings of the number columns, with their group's."""
        names = [name for name, span in self.groups for _ in range(span)] or [""] * len(self.columns)
        return tuple(f"{name} {column}".strip() for name, column in zip(names, self.columns, strict=True))

    def as_dict(self) -> dict:
        """The table as a value for JSON."""
        return asdict(self)


def _cell(value: Value) -> str:
    if isinstance(value, Spread):
        return f"{value.mean:.3f} ± {value.deviation:.3f}"
    return "–" if value is None else f"{value:.3f}"


def as_markdown(table: Table) -> str:
    """The table in GitHub-flavoured Markdown, with its title."""
    heads = [*table.label_columns, "Source", *table.heads]
    lines = [
        f"### {table.title}",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "---|" * (len(table.label_columns) + 1) + "---:|" * len(table.columns),
    ]
    for row in table.rows:
        source = f"*{row.source}*" if row.source == PAPER else f"**{row.source}**"
        lines.append("| " + " | ".join([*row.labels, source, *map(_cell, row.values)]) + " |")
    for note in table.notes:
        lines += ["", f"_{note}_"]
    return "\n".join(lines) + "\n"


_ESCAPES = str.maketrans(
    {"&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}",
     "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "²": r"\textsuperscript{2}",
     "±": r"$\pm$"}
)  # fmt: skip


def _tex(text: str) -> str:
    return text.translate(_ESCAPES)


def as_latex(table: Table) -> str:
    """The table as a LaTeX `table` environment, which needs the package booktabs."""
    labels = len(table.label_columns) + 1
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{_tex(table.title)}}}", rf"\label{{tab:{table.key}}}"]
    lines += [rf"\begin{{tabular}}{{{'l' * labels}{'r' * len(table.columns)}}}", r"\toprule"]
    if table.groups:
        spans = [rf"\multicolumn{{{span}}}{{c}}{{{_tex(name)}}}" for name, span in table.groups]
        lines.append(" & ".join([*[""] * labels, *spans]).lstrip() + r" \\")
        first = labels + 1
        for _, span in table.groups:
            lines.append(rf"\cmidrule(lr){{{first}-{first + span - 1}}}")
            first += span
    lines += [" & ".join(map(_tex, [*table.label_columns, "Source", *table.columns])) + r" \\", r"\midrule"]
    for row in table.rows:
        lines.append(" & ".join(map(_tex, [*row.labels, row.source, *map(_cell, row.values)])) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\footnotesize {_tex(note)}" for note in table.notes]
    return "\n".join([*lines, r"\end{table}"]) + "\n"
