"""A table as data, and as Markdown and LaTeX."""

from __future__ import annotations

from dataclasses import asdict, dataclass

PAPER, OURS = "paper", "this run"


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes:
        source: PAPER or OURS: whose numbers these are.
        labels: what the row is about, one for each of the table's `label_columns`.
        values: a number for each of `columns`, None where there is none.
    """

    source: str
    labels: tuple[str, ...]
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Table:
    """A table in the paper's layout.

    Attributes:
        key: `table-2` to `table-7`, or the name of one beyond the paper.
        title: what it shows.
        label_columns: the heads of the columns that say what a row is about.
        groups: heads over the columns of numbers, each with how many it spans; empty for none.
        columns: the heads of the columns of numbers.
        rows: the paper's and ours.
        notes: what has to be known to read it.
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
        """The heads of the number columns with their group's name."""
        names = [name for name, span in self.groups for _ in range(span)] or [""] * len(self.columns)
        return tuple(f"{name} {column}".strip() for name, column in zip(names, self.columns, strict=True))

    def as_dict(self) -> dict:
        """For JSON."""
        return asdict(self)


def _cell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def as_markdown(table: Table) -> str:
    """A GitHub-flavoured table under its title."""
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
     "^": r"\textasciicircum{}", "\\": r"\textbackslash{}", "–": "--", "²": r"\textsuperscript{2}"}
)  # fmt: skip


def _tex(text: str) -> str:
    return text.translate(_ESCAPES)


def as_latex(table: Table) -> str:
    """A `table` environment; it needs the package booktabs."""
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
