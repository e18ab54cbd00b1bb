"""`diffseg30k tables`: writes the paper's Tables 2 to 7 and Figures 5 and 6, from result files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace

from benchmark.evaluation.centre_crop import CROP
from benchmark.evaluation.pairing import CONFIGS as PAIRED
from benchmark.evaluation.pairing import paired_iou
from benchmark.evaluation.results import result_files
from benchmark.tables import paper
from benchmark.tables.beyond import by_number_of_edits, costs, with_intervals
from benchmark.tables.curves import draw_curves
from benchmark.tables.figures import draw_confusions, draw_examples
from benchmark.tables.layout import OURS, PAPER, Row, Table, Value, as_latex, as_markdown, over_seeds
from benchmark.tables.lookup import Results
from benchmark.tables.names import CLASSIFICATION, SEGMENTATION, columns_of, model_name, title_of
from diffseg30k import HELD_OUT_PAIRS

COMPARABLE = 1000
"""Images from which on our rows stand beside the paper's without a warning."""

_BOTH = (("Binary segmentation", 3), ("Semantic segmentation", 3))


@dataclass(frozen=True)
class Written:
    """The files that were written, and the tables in them; a figure is None if there are no results for it."""

    markdown: str
    latex: str
    json: str
    figure_5: str | None
    figure_6: tuple[str, ...]
    curves: str | None
    tables: tuple[Table, ...]

    def text(self) -> str:
        """The tables with rows of ours, in Markdown."""
        return "\n".join(
            as_markdown(table) for table in self.tables if any(row.source == OURS for row in table.rows)
        )


def write_tables(results: list[str], out: str) -> Written:
    """Writes tables.md, tables.tex, tables.json, and the figures, into a folder.

    Args:
        results: result files of `evaluate`, and folders of them.
        out: the folder.

    Raises:
        FileNotFoundError, ValueError: a path is not a result, or two results are of the same evaluation.
    """
    found = Results(result_files(results))
    tables = [_saying_what_ours_are(table, found) for table in all_tables(found)]
    os.makedirs(out, exist_ok=True)
    paths = {kind: os.path.join(out, f"tables.{kind}") for kind in ("md", "tex", "json")}
    _write(paths["md"], "\n".join(map(as_markdown, tables)))
    _write(paths["tex"], "% Needs \\usepackage{booktabs}.\n\n" + "\n".join(map(as_latex, tables)))
    _write(paths["json"], json.dumps([table.as_dict() for table in tables], indent=1, ensure_ascii=False))
    drawn = found.figures_of()
    figure_6 = [
        draw_examples([each for each in drawn if each[0].task == task], os.path.join(out, f"figure-6-{task}.png"))
        for task in ("binary", "semantic")
    ]
    return Written(
        markdown=paths["md"],
        latex=paths["tex"],
        json=paths["json"],
        figure_5=draw_confusions([result for result, _ in drawn], os.path.join(out, "figure-5.png")),
        figure_6=tuple(file for file in figure_6 if file),
        curves=draw_curves(found, os.path.join(out, "curves.png")),
        tables=tuple(tables),
    )


def _saying_what_ours_are(table: Table, results: Results) -> Table:
    """A table with a note on what its rows of ours were measured on, beside the paper's."""
    sources = {row.source for row in table.rows}
    if OURS not in sources:
        return table
    sets: dict[str, int] = {}
    for result in results:
        name = f"{result.dataset} ({result.revision})" if result.revision else result.dataset
        sets[name] = max(sets.get(name, 0), result.scores["images"])
    told = "; ".join(f"{name}, up to {images:,} images" for name, images in sets.items())
    note = f"This run: {told}."
    if PAPER in sources and min(sets.values()) < COMPARABLE:
        note += f" With fewer than {COMPARABLE:,} images the numbers are not to be compared with the paper's."
    if results.most_seeds > 1:
        note += " ± is the standard deviation over trainings with other seeds."
    return replace(table, notes=(*table.notes, note))


def _write(file: str, text: str) -> None:
    with open(file, "w", encoding="utf-8") as opened:
        opened.write(text)


def all_tables(results: Results) -> list[Table]:
    """Tables 2 to 7, and additional ones: by number of edits, of probabilities, and what the networks cost."""
    return [
        table_2(results),
        table_3(results),
        table_4(results),
        table_5(results),
        table_6(results),
        table_7(results),
        by_number_of_edits(results),
        with_intervals(results),
        costs(results),
    ]


def _beside(paper_rows: dict[str, list[Row]], ours: dict[str, list[Row]]) -> tuple[Row, ...]:
    """The paper's rows of each model, each followed by our rows of it; then the rows of our other models."""
    names = dict.fromkeys([*paper_rows, *ours])
    return tuple(row for name in names for row in [*paper_rows.get(name, []), *ours.get(name, [])])


def _rows_of_paper(model: str, published: dict[str, paper.Values], labels: dict[str, str]) -> dict[str, list[Row]]:
    return {model: [Row(PAPER, (model, labels.get(name, name)), values) for name, values in published.items()]}


def table_2(results: Results) -> Table:
    """Table 2: binary and semantic segmentation scores of every detector."""
    published = {name: [Row(PAPER, (name,), values)] for name, values in paper.TABLE_2.items()}
    ours: dict[str, list[Row]] = {}
    for result in results.detectors("binary", "semantic"):
        values = _binary_and_semantic(results, result.detector, "clean")
        ours.setdefault(model_name(result), []).append(Row(OURS, (title_of(result),), values))
    return Table(
        "table-2", "Table 2: performance of baseline segmentation models", ("Model",), _BOTH,
        columns_of(SEGMENTATION * 2), _beside(published, ours), (paper.TABLE_2_NOTE,),
    )  # fmt: skip


def _binary_and_semantic(results: Results, detector: str, condition: str) -> tuple[Value, ...]:
    return (
        *results.values(SEGMENTATION, detector, "binary", condition),
        *results.values(SEGMENTATION, detector, "semantic", condition),
    )


def table_3(results: Results) -> Table:
    """Table 3: scores of every detector under every condition."""
    published = {
        paper.DEEPLAB: [
            Row(PAPER, (paper.DEEPLAB, paper.CONDITION_NAMES[name]), values)
            for name, values in paper.TABLE_3.items()
        ]
    }
    ours: dict[str, list[Row]] = {}
    for result in results.detectors("binary", "semantic"):
        for name in results.conditions(result.detector, "binary", "semantic"):
            values = _binary_and_semantic(results, result.detector, name)
            labels = title_of(result), paper.CONDITION_NAMES.get(name, name)
            ours.setdefault(model_name(result), []).append(Row(OURS, labels, values))
    return Table(
        "table-3", "Table 3: robustness to image transformations", ("Model", "Distortion"), _BOTH,
        columns_of(SEGMENTATION * 2), _beside(published, ours), (paper.TABLE_3_NOTE,),
    )  # fmt: skip


def table_4(results: Results) -> Table:
    """Table 4: IoU of the class Stable Diffusion XL, on edits of the same images without and with a LoRA."""
    published = {
        paper.DEEPLAB: [Row(PAPER, (paper.DEEPLAB, name), values) for name, values in paper.TABLE_4.items()]
    }
    ours: dict[str, list[Row]] = {}
    notes = ["The IoU of the class SDXL over the images that SDXL edited with and without the LoRA."]
    for result in results.detectors(*PAIRED):
        one, other = (results.get(result.detector, config) for config in PAIRED)
        pairs = [paired_iou(one[seed].sdxl_by_pair, other[seed].sdxl_by_pair) for seed in one if seed in other]
        for name, values in (("SDXL", [pair[0] for pair in pairs]), ("SDXL-LoRA", [pair[1] for pair in pairs])):
            row = Row(OURS, (title_of(result), name), (over_seeds(values),))
            ours.setdefault(model_name(result), []).append(row)
        images = max((pair[2] for pair in pairs), default=0)
        said = f"{images:,} images." if images else _unpaired(bool(one), bool(other))
        notes.append(f"{title_of(result)}: {said}")
    return Table(
        "table-4", "Table 4: effect of LoRA on localization performance", ("Model", "Edit model (in val)"), (),
        ("mIoU (SDXL)",), _beside(published, ours),
        tuple(notes),
    )  # fmt: skip


def _unpaired(*there: bool) -> str:
    if missing := [config for config, each in zip(PAIRED, there, strict=True) if not each]:
        return f"not evaluated on `{missing[0]}`."
    return "no image is in both; the LoRA's rows have to be made from the rows of this dataset."


def _generalisation(
    results: Results, key: str, title: str, task: str, names: tuple[str, ...], model: str, published, groups
) -> Table:
    label = {"Baseline": "Baseline", **paper.PAIR_NAMES}
    configs = {"Baseline": task, **{pair: f"{task}-heldout-{pair}" for pair in HELD_OUT_PAIRS}}
    rows = _rows_of_paper(model, published, label)
    ours: dict[str, list[Row]] = {}
    for result in results.detectors(*configs.values()):
        for name, config in configs.items():
            values = results.values(names, result.detector, config)
            ours.setdefault(model_name(result), []).append(Row(OURS, (title_of(result), label[name]), values))
    return Table(
        key, title, ("Model", "Generalize to"), groups, columns_of(names), _beside(rows, ours),
        ("Each row but the baseline is a detector trained without the two generators, tested on them alone.",),
    )  # fmt: skip


def table_5(results: Results) -> Table:
    """Table 5: binary segmentation of edits by the held-out pair."""
    return _generalisation(
        results, "table-5", "Table 5: generalization to unseen diffusion generators", "binary", SEGMENTATION,
        paper.DEEPLAB, paper.TABLE_5, (("Binary segmentation", 3),),
    )  # fmt: skip


def table_6(results: Results) -> Table:
    """Table 6: classification scores of every detector."""
    published = {name: [Row(PAPER, (name,), values)] for name, values in paper.TABLE_6.items()}
    ours: dict[str, list[Row]] = {}
    for result in results.detectors("classification"):
        values = results.values(CLASSIFICATION, result.detector, "classification")
        name = result.detector if result.detector.endswith("as-classifier") else model_name(result)
        title = name if name == result.detector else title_of(result)
        ours.setdefault(name, []).append(Row(OURS, (title,), values))
    return Table(
        "table-6", "Table 6: binary classification results of established AIGC detectors", ("Model",), (),
        columns_of(CLASSIFICATION), _beside(published, ours), _crop_notes(results),
    )  # fmt: skip


def _crop_notes(results: Results) -> tuple[str, ...]:
    known = {tuple(each.crop_misses) for each in results if each.config == "classification" and each.crop_misses}
    return tuple(
        f"{missed:,} of {edited:,} edited images have no edited pixel in the {CROP} pixels in their centre, "
        "which is all that CNNSpot and UniversalFakeDetect see."
        for missed, edited in sorted(known)
    )


def table_7(results: Results) -> Table:
    """Table 7: classification of images edited by the held-out pair."""
    return _generalisation(
        results, "table-7", "Table 7: cross-generator generalization of UniversalFakeDet", "classification",
        CLASSIFICATION, paper.UNIFAKE, paper.TABLE_7, (),
    )  # fmt: skip
