"""A sheet to look at: a photograph a row, a generator a column."""

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from performance.tiny_checkpoints.masked import Masked

ROWS = 14
GAP = 4
HEADER = 16
GREY = 128


def save_sheet(path: str, regions: list[Masked], made: dict[str, list[np.ndarray]]) -> None:
    """Writes the sheet as a picture: what went in, what each inpainted, and the photograph.

    The rows are the regions at equal distances in the list, not chosen by what they show.
    """
    rows = range(0, len(regions), -(-len(regions) // ROWS))
    masked = [np.where(each.mask[..., None], GREY, each.image).astype(np.uint8) for each in regions]
    columns = {"masked": masked, **made, "photograph": [each.image for each in regions]}
    side = len(regions[0].image)
    sheet = Image.new(
        "RGB", ((side + GAP) * len(columns) - GAP, (side + GAP) * len(rows) + HEADER), (255, 255, 255)
    )
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(matplotlib.get_data_path() + "/fonts/ttf/DejaVuSans.ttf", 11)
    for column, (name, pictures) in enumerate(columns.items()):
        left = column * (side + GAP)
        draw.text((left + side / 2, HEADER / 2), name, fill=(0, 0, 0), anchor="mm", font=font)
        for row, index in enumerate(rows):
            sheet.paste(Image.fromarray(pictures[index]), (left, HEADER + row * (side + GAP)))
    sheet.save(path, quality=90)
