"""A picture is drawn anew only where what it shows has changed."""

import io

import numpy as np
from PIL import Image

from cards.drawn import draw_once


def a_picture(level: int) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(out, "PNG")
    return out.getvalue()


def test_what_shows_the_same_is_taken_as_it_is_and_what_does_not_is_drawn(tmp_path):
    path, drawn = tmp_path / "picture.png", []

    def draw() -> bytes:
        drawn.append(len(drawn))
        return a_picture(len(drawn))

    path.write_bytes(draw_once(str(path), [b"1", b"2"], draw))
    again = draw_once(str(path), [b"1", b"2"], draw)
    assert (again, len(drawn)) == (path.read_bytes(), 1)
    for parts in ([b"12"], [b"1"], [b"2", b"1"]):
        assert draw_once(str(path), parts, draw) != path.read_bytes()
    assert len(drawn) == 4


def test_it_is_still_a_png_that_all_can_read(tmp_path):
    png = draw_once(str(tmp_path / "none.png"), [b"x"], lambda: a_picture(77))
    with Image.open(io.BytesIO(png)) as picture:
        picture.load()
        assert np.asarray(picture).tolist() == np.full((8, 8, 3), 77).tolist()
        assert picture.text["Comment"].startswith("drawn from ")


def test_a_damaged_picture_is_drawn_anew(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(draw_once(str(path), [b"x"], lambda: a_picture(1))[:40])
    assert draw_once(str(path), [b"x"], lambda: a_picture(1)) != path.read_bytes()
