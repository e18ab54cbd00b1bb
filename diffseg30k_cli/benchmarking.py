"""The commands of the benchmark: `train`, `evaluate`, `distort` and `tables`."""

import dataclasses
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import typer

from diffseg30k_cli.app import BENCHMARK, app
from diffseg30k_cli.network import go_offline_if_unreachable
from diffseg30k_cli.options.common import AsJson, names
from diffseg30k_cli.options.groups import grouped
from diffseg30k_cli.printing import Files, announce, print_lines, show, show_next

Name = Annotated[str | None, typer.Option(help="Packed dataset: a folder, URL or name on the Hub; diffseg30k.")]
Config = Annotated[str | None, typer.Option(help="Its config, which determines the task; semantic.")]
Side = Annotated[int | None, typer.Option(min=32, help="Side that images are resized to, in pixels.")]
Streaming = Annotated[bool, typer.Option("--streaming", help="Read rows on demand, without a copy on disk.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda"] | None, typer.Option(help="auto, a GPU where there is one, if left out.")
]


@dataclass(frozen=True)
class TrainChoices:
    """The options of `train`; None stands for the default in `TrainOptions`."""

    out: Annotated[str, typer.Option(help="Folder of the training.", show_default=False)]
    dataset: Name = None
    config: Config = None
    architecture: Annotated[
        str | None, typer.Option(help="deeplabv3plus, another baseline, or one of segmentation-models-pytorch.")
    ] = None
    encoder: Annotated[str | None, typer.Option(help="Its encoder; the architecture's if left out.")] = None
    weights: Annotated[
        Literal["imagenet", "none"] | None, typer.Option(help="imagenet, from the Hub, if left out; none: random.")
    ] = None
    size: Side = None
    steps: Annotated[int | None, typer.Option(min=1, help="Updates; the recipe's if left out.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images an update; the recipe's if left out.")] = (
        None
    )
    learning_rate: Annotated[float | None, typer.Option(help="The recipe's if left out.")] = None
    scale: Annotated[
        tuple[float, float] | None,
        typer.Option(help="Scale images at random, by a factor between two; 1 1 for none."),
    ] = None
    validate_every: Annotated[
        int | None,
        typer.Option(min=1, help="Steps between validations on rows kept from train; the recipe's if left out."),
    ] = None
    validation_share: Annotated[
        float | None, typer.Option(help="Share of the train split that is kept for them; 0.05.")
    ] = None
    cache: Annotated[
        str | None, typer.Option(help="Folder that keeps the rows at training size for the next epochs.")
    ] = None
    workers: Annotated[
        int | None, typer.Option(min=0, help="Subprocesses that decode images; by the cores if left out.")
    ] = None
    seed: Annotated[int | None, typer.Option(min=0, help="Of the random numbers; 0 if left out.")] = None
    mixed_precision: Annotated[
        Literal["auto", "no", "fp16", "bf16"] | None,
        typer.Option(help="auto: bf16 or fp16 on a GPU, no on a CPU."),
    ] = None
    device: Device = None
    checkpoint_every: Annotated[int | None, typer.Option(min=1, help="Steps between two checkpoints.")] = None
    streaming: Streaming = False
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the newest checkpoint.")] = False


@app.command(rich_help_panel=BENCHMARK)
@grouped
def train(choices: TrainChoices, as_json: AsJson = False) -> None:
    """Trains a detector by the paper's protocol."""
    announce(f"Trains a detector on {choices.dataset or 'diffseg30k'} into {choices.out}.", as_json)
    go_offline_if_unreachable()
    from benchmark import train as train_detector
    from benchmark.training.options import TrainOptions

    show(train_detector(TrainOptions(**_given(choices))), as_json)
    with_config = f" --config {choices.config}" if choices.config else ""
    dataset = f" --dataset {choices.dataset}" if choices.dataset else ""
    show_next(f"diffseg30k evaluate {choices.out}{dataset}{with_config} --out results", as_json=as_json)


@dataclass(frozen=True)
class EvaluateChoices:
    """The options of `evaluate`; None stands for the default in `EvaluateOptions`."""

    detector: Annotated[
        str,
        typer.Argument(help="Folder of a training, FILE.py:FUNCTION or predictions:FOLDER.", show_default=False),
    ]
    out: Annotated[str, typer.Option(help="Folder of the result files.", show_default=False)]
    dataset: Name = None
    config: Config = None
    split: Annotated[str | None, typer.Option(help="`test` of a held-out pair, else `validation`.")] = None
    conditions: Annotated[
        str | None, typer.Option(help="Names, separated by commas; those of Table 3 if left out.")
    ] = None
    sweep: Annotated[
        list[str] | None,
        typer.Option(help="KIND=FROM:TO:STEP, as in jpeg=50:100:10: conditions of rising strength, for curves."),
    ] = None
    size: Side = None
    as_classifier: Annotated[
        bool, typer.Option("--as-classifier", help="Score whole images by the probabilities of the pixels.")
    ] = False
    name: Annotated[str | None, typer.Option(help="Of the detector in the tables; its own if left out.")] = None
    count: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows.")] = None
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at a time.")] = None
    workers: Annotated[int | None, typer.Option(min=1, help="Threads that decode and distort.")] = None
    seed: Annotated[int | None, typer.Option(min=0, help="Of the distortions; 0 if left out.")] = None
    save_predictions: Annotated[str | None, typer.Option(help="Folder for every predicted label map.")] = None
    streaming: Streaming = False
    device: Device = None


@app.command(rich_help_panel=BENCHMARK)
@grouped
def evaluate(choices: EvaluateChoices, as_json: AsJson = False) -> None:
    """Scores a detector, clean and distorted."""
    announce(f"Scores {choices.detector} on {choices.dataset or 'diffseg30k'}.", as_json)
    go_offline_if_unreachable()
    from benchmark import evaluate as evaluate_detector
    from benchmark.data.distortions import CLEAN, sweep
    from benchmark.evaluation.evaluate import EvaluateOptions
    from benchmark.tables.beyond import results_table
    from benchmark.tables.layout import as_markdown

    given = _given(choices)
    swept = [name for text in given.pop("sweep", None) or () for name in sweep(text)]
    if choices.conditions is not None or swept:
        asked = names(choices.conditions or CLEAN) or ()
        given["conditions"] = tuple(dict.fromkeys([*asked, *swept]))
    files = evaluate_detector(EvaluateOptions(**given))
    if not as_json:
        print_lines(as_markdown(results_table(files)).splitlines())
    show(Files("", tuple(files)), as_json)
    show_next(f"diffseg30k tables {choices.out} --out tables", as_json=as_json)


@dataclass(frozen=True)
class DistortChoices:
    """The options of `distort`; None stands for the default in `DistortOptions`."""

    dataset: Annotated[
        str, typer.Argument(help="Packed dataset: a folder, a URL or a name on the Hub.", show_default=False)
    ]
    out: Annotated[str, typer.Option(help="Folder of the images.", show_default=False)]
    config: Config = None
    split: Annotated[str | None, typer.Option(help="`test` of a held-out pair, else `validation`.")] = None
    conditions: Annotated[
        str | None, typer.Option(help="Names, separated by commas; those of Table 3 if left out.")
    ] = None
    size: Side = None
    count: Annotated[int | None, typer.Option(min=1, help="Only the first so many rows.")] = None
    seed: Annotated[int | None, typer.Option(min=0, help="Of the distortions; 0 if left out.")] = None
    streaming: Streaming = False


@app.command("distort", rich_help_panel=BENCHMARK)
@grouped
def distort_(choices: DistortChoices, as_json: AsJson = False) -> None:
    """Writes the distorted images of a split, for detectors that run elsewhere."""
    announce(f"Writes the distorted images of {choices.dataset} to {choices.out}.", as_json)
    go_offline_if_unreachable()
    from benchmark.evaluation.distort import DistortOptions, write_distorted

    given = _given(choices)
    if choices.conditions is not None:
        given["conditions"] = names(choices.conditions)
    show(write_distorted(DistortOptions(**given)), as_json)
    show_next(f"diffseg30k evaluate predictions:FOLDER --dataset {choices.dataset} --out results", as_json=as_json)


@app.command(rich_help_panel=BENCHMARK)
def tables(
    results: Annotated[list[str], typer.Argument(help="Result files.")],
    out: Annotated[str, typer.Option(help="Folder of the tables and figures.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Prints the paper's tables from result files, the paper's own numbers beside them."""
    from benchmark import write_tables

    written = write_tables(results, out)
    if not as_json:
        print_lines(written.text().splitlines())
    files = (written.markdown, written.latex, written.json, written.figure_5, *written.figure_6, written.curves)
    show(Files("", tuple(path for path in files if path)), as_json)


def _given(choices: Any) -> dict[str, Any]:
    """The options that were given, without those that are None."""
    return {name: value for name, value in dataclasses.asdict(choices).items() if value is not None}
