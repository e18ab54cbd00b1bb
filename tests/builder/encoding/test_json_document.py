"""A JSON file says which format it is of, and is refused by name where it is something else."""

import json
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.encoding.json_document import JsonDocument


@dataclass(frozen=True)
class Point:
    x: float
    name: str


POINT = JsonDocument("a point", 3, lambda fields: Point(**fields), "draw it again")

points = st.builds(Point, st.floats(allow_nan=False, allow_infinity=False), st.text())


@given(points)
def test_what_is_written_is_read(point):
    if not point.name.isprintable():
        point = Point(point.x, point.name.encode("utf-8", errors="replace").decode())
    assert POINT.load(POINT.dump(asdict(point)), "p.json") == point


def test_the_format_comes_first_and_text_is_readable():
    assert POINT.dump({"x": 1.0, "name": "früh"}).decode().splitlines()[1:3] == [' "format": 3,', ' "x": 1.0,']
    assert "früh" in POINT.dump({"x": 1.0, "name": "früh"}).decode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe{", "codec can't decode"),
        (b"[1]", "it holds no JSON object"),
        (json.dumps({"x": 1, "name": "a"}).encode(), "its format is None, and 3 is read here"),
        (json.dumps({"format": 2, "x": 1, "name": "a"}).encode(), "its format is 2, and 3 is read here"),
        (json.dumps({"format": 3, "x": 1}).encode(), "missing 1 required positional argument: 'name'"),
        (json.dumps({"format": 3, "x": 1, "name": "a", "y": 2}).encode(), "unexpected keyword argument 'y'"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_place_and_what_to_do(content, reason):
    with pytest.raises(ValueError, match=r"^run/p\.json is not a point \(.*\); draw it again$") as raised:
        POINT.load(content, "run/p.json")
    assert reason in str(raised.value)


def test_a_file_that_other_tools_write_may_leave_the_format_out():
    document = JsonDocument("a point", 3, lambda fields: Point(**fields), "draw it again", others_write=True)
    assert document.load(b'{"x": 1, "name": "a"}', "p.json") == Point(1, "a")


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        POINT.dump({"x": float("nan"), "name": ""})
