"""The command `labels`: converts label files of other tools."""

from typing import Annotated

import typer

from diffseg30k_cli.app import BUILDING, app
from diffseg30k_cli.options.common import AsJson
from diffseg30k_cli.printing import announce, show, show_next


@app.command(rich_help_panel=BUILDING)
def labels(
    folder: Annotated[str, typer.Argument(help="Folder of .json files of Labelme or .txt files of YOLO.")],
    images: Annotated[str, typer.Option(help="Folder of the photographs.", show_default=False)],
    out: Annotated[str, typer.Option(help="The COCO instances file to write.")] = "instances.json",
    as_json: AsJson = False,
) -> None:
    """Converts label files of Labelme or YOLO to a COCO instances file, for `build --annotations`.

    CVAT, Label Studio and Roboflow export COCO themselves.
    """
    announce(f"Converts the label files in {folder} to {out}.", as_json)
    from generation.sources.label_files import convert_labels

    show(convert_labels(folder, images, out), as_json)
    show_next(f"diffseg30k build --images {images} --annotations {out} --out diffseg30k", as_json=as_json)
