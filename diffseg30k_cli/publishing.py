"""The commands that publish a dataset: `verify`, `push`, `pull`; and `import` of the published archives."""

from typing import Annotated

import typer

from builder.packing.options import SHARD_BYTES
from diffseg30k_cli.app import PUBLISHING, app
from diffseg30k_cli.options.common import MEGABYTE, AsJson, Dataset, Out, ShardSize
from diffseg30k_cli.printing import Files, announce, print_lines, show, show_next, show_stage

DatasetAnywhere = Annotated[
    str, typer.Argument(help="Packed dataset: a folder, or NAMESPACE/NAME on the Hub.", show_default=False)
]


@app.command(rich_help_panel=PUBLISHING)
def verify(dataset: DatasetAnywhere, as_json: AsJson = False) -> None:
    """Checks on the shards every promise that the dataset makes."""
    announce(f"Checks every row and split of {dataset}.", as_json)
    from builder.checks.verify import verify as check
    from builder.hub.repository import locate, plain_errors

    url = locate(dataset)
    with plain_errors(url):
        report = check(url)
    show(report, as_json)
    if report.violations:
        raise typer.Exit(1)


@app.command(rich_help_panel=PUBLISHING)
def gallery(
    dataset: DatasetAnywhere,
    out: Annotated[str, typer.Option(help="Folder of the gallery.", show_default=False)],
    rows: Annotated[int | None, typer.Option(min=1, help="A sample of so many rows; all if left out.")] = None,
    size: Annotated[int, typer.Option(min=64, help="Longest side of the pictures, in pixels.")] = 768,
    detector: Annotated[
        str | None,
        typer.Option(help="Result file of `evaluate`, or its folder: predictions are shown beside the truth."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Writes a website to look at every row: before and after, masks by turn, prompts, filters.

    It is one folder of files that any browser opens from the disk, and that any web server or static Space shows.
    """
    announce(f"Makes pictures of the rows of {dataset} in {out}.", as_json)
    from cards.gallery.options import GalleryOptions, Predictions
    from cards.gallery.write import write_gallery

    predictions = None
    if detector is not None:
        from benchmark.evaluation.predictions import saved_predictions

        saved = saved_predictions(detector)
        predictions = Predictions(saved.detector, saved.condition, saved.binary, saved.files)
    show(write_gallery(dataset, out, GalleryOptions(rows, size, predictions)), as_json)


@app.command(rich_help_panel=PUBLISHING)
def push(
    dataset: Dataset,
    repository: Annotated[str, typer.Argument(help="NAMESPACE/NAME on the Hub.", show_default=False)],
    private: Annotated[bool, typer.Option("--private", help="Make a new repository private.")] = False,
    revision: Annotated[str | None, typer.Option(help="Branch; `main` if left out.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="Open a pull request instead.")] = False,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="Put changed rows in place of published ones, and take discarded ones out."
        ),
    ] = False,
    tag: Annotated[
        str | None,
        typer.Option(help="Names the state, such as `v1.0`; the card says what changed since the last one."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Uploads the shards that the Hub lacks, in one commit."""
    announce(
        f"Compares {dataset} with {repository} on the Hub"
        + (", sends nothing." if dry_run else ", and sends what it lacks."),
        as_json,
    )
    from builder.hub.push import PushOptions
    from builder.hub.push import push as push_dataset
    from cards.card import write_card

    options = PushOptions(
        private=private, revision=revision, create_pr=create_pr, replace=replace, dry_run=dry_run, tag=tag
    )
    report = push_dataset(
        dataset, repository, lambda there, local: write_card(there, pictures_from=local), options
    )
    show(report, as_json)
    if not dry_run:
        show_next(f"diffseg30k verify {repository}", as_json=as_json)


@app.command(rich_help_panel=PUBLISHING)
def withdraw(
    dataset: DatasetAnywhere,
    ids: Annotated[list[str], typer.Argument(help="Ids of rows, or of base images for all of their rows.")],
    reason: Annotated[str, typer.Option(help="Kept with the ids in the dataset's manifest.")] = "",
    revision: Annotated[str | None, typer.Option(help="On the Hub: the branch; `main` if left out.")] = None,
    create_pr: Annotated[bool, typer.Option("--create-pr", help="On the Hub: open a pull request.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be withdrawn.")] = False,
    as_json: AsJson = False,
) -> None:
    """Takes rows out of a dataset, for good: no later pack or push brings them back."""
    announce(f"Looks for {', '.join(ids)} in {dataset}.", as_json)
    from builder.dataset.directory import DatasetDirectory
    from builder.hub.push import PushOptions
    from builder.hub.repository import locate
    from builder.hub.withdraw import withdraw_published
    from builder.packing.withdraw import withdraw as withdraw_here
    from cards.card import write_card

    if locate(dataset) != dataset:
        options = PushOptions(revision=revision, create_pr=create_pr, dry_run=dry_run)
        show(withdraw_published(dataset, ids, lambda there, _: write_card(there), reason, options), as_json)
        return
    report = withdraw_here(dataset, ids, reason, dry_run)
    show_stage("withdraw", report, as_json)
    if not dry_run and DatasetDirectory(dataset).shards():
        show_stage("card", Files("card", (write_card(dataset),)), as_json)
        show_next(f"diffseg30k push {dataset} NAMESPACE/NAME --replace", as_json=as_json)


@app.command(rich_help_panel=PUBLISHING)
def pull(
    repository: Annotated[str, typer.Argument(help="NAMESPACE/NAME on the Hub.", show_default=False)],
    out: Out,
    config: Annotated[str | None, typer.Option(help="One config; everything if left out.")] = None,
    split: Annotated[str | None, typer.Option(help="One split; all if left out.")] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    as_json: AsJson = False,
) -> None:
    """Downloads a dataset, or one config or split of it, from the Hub."""
    announce(f"Downloads {repository} from the Hub into {out}.", as_json)
    from builder.hub.pull import PullOptions
    from builder.hub.pull import pull as pull_dataset
    from cards.card import write_card

    options = PullOptions(config=config, split=split, revision=revision)
    report = pull_dataset(repository, out, lambda there, local: write_card(there, pictures_from=local), options)
    show(report, as_json)
    show_next(f"diffseg30k verify {out}", as_json=as_json)


@app.command("import", rich_help_panel=PUBLISHING)
def import_(
    archives: Annotated[list[str], typer.Argument(help="train.zip, validation.zip: files or URLs.")],
    out: Out,
    labels: Annotated[
        str | None,
        typer.Option(help="JSON, TOML or CSV: mask value to generator. Left out: the values are counted."),
    ] = None,
    shard_size: ShardSize = SHARD_BYTES // MEGABYTE,
    as_json: AsJson = False,
) -> None:
    """Converts the published zip archives to shards, without unpacking them.

    It ends with exit code 3 if members were left out: `skipped.csv` in the dataset's folder names all of them.
    """
    announce(f"Reads {', '.join(archives)}.", as_json)
    from builder.archives.import_archives import ImportOptions, count_mask_values, import_archives
    from cards.card import write_card

    if labels is None:
        print_lines(count_mask_values(archives).lines())
        raise ValueError("give the generator of each of these mask values with --labels FILE")
    report = import_archives(archives, out, ImportOptions(labels=labels, shard_bytes=shard_size * MEGABYTE))
    show_stage("import", report, as_json)
    show_stage("card", Files("card", (write_card(out),)), as_json)
    if report.skipped:
        raise typer.Exit(3)
    show_next(f"diffseg30k verify {out}", f"diffseg30k gallery {out} --out {out}-gallery", as_json=as_json)
