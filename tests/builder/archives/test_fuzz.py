"""Archives that are damaged in random ways, and in each known way, through the command: nothing goes unsaid."""

import csv
import json
import re
import shutil
import struct
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder.archives.pairs import row_id
from builder.encoding.images import decode_image, decode_mask
from diffseg30k import label_value
from tests.command import command
from tests.release_factory import LABELS, Sample, png, samples

CLASSES = np.array([0, *(label_value(LABELS[str(value)]) for value in range(1, 8))])


@dataclass(frozen=True, repr=False)
class Released:
    """An archive, and what is in it.

    Attributes:
        members: name to content, in order.
        pairs: name without its kind to sample.
    """

    path: Path
    labels: Path
    members: dict[str, bytes]
    pairs: dict[str, Sample]

    @property
    def data(self) -> bytes:
        return self.path.read_bytes()


def write(path: Path, members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def released(tmp_path_factory) -> Released:
    folder = tmp_path_factory.mktemp("released")
    labels = folder / "labels.json"
    labels.write_text(json.dumps(LABELS))
    # `samples` paints rectangles of 40 pixels, so that crops of them are small pictures with edits
    pairs = {
        f"train/{sample.name}": Sample(sample.name, sample.image[60:84, 60:84], sample.values[60:84, 60:84])
        for sample in samples(200)
    }
    members = {}
    for name, sample in pairs.items():
        members |= {f"{name}.image.png": png(sample.image), f"{name}.mask.png": png(sample.values)}
    return Released(write(folder / "train.zip", list(members.items())), labels, members, pairs)


@dataclass(frozen=True)
class Imported:
    """What the command did, and wrote."""

    code: int
    printed: str
    report: dict
    rows: dict[str, dict]
    skips: list[dict]


def run_import(released: Released, out: Path, *archives: Path) -> Imported:
    given = [str(archive) for archive in archives]
    arguments = ("import", *given, "--labels", str(released.labels), "--out", str(out), "--json")
    code, printed = command(*arguments)
    assert "Traceback" not in printed
    rows = {row["id"]: row for shard in out.glob("data/*/*/*.parquet") for row in pq.read_table(shard).to_pylist()}
    skips = out / "skipped.csv"
    named = list(csv.DictReader(skips.read_text(encoding="utf-8").splitlines())) if skips.exists() else []
    stages = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    report = next((stage["report"] for stage in stages if stage["stage"] == "import"), {})
    return Imported(code, printed, report, rows, named)


def assert_everything_is_told(released: Released, found: Imported) -> None:
    """Rows and skips cover the members, the exit code says if there are skips, no pixel differs."""
    if found.code == 1:
        assert not found.rows
        assert re.search(
            r"^diffseg30k: .*(is not a zip archive|no pair of image and mask can be used)", found.printed
        )
        return
    left_out = sum(int(skip["members"]) for skip in found.skips)
    assert 2 * len(found.rows) + left_out == found.report["members"]
    assert found.report["rows"] == len(found.rows)
    assert len(found.report["skipped"]) == len(found.skips)
    assert found.code == (3 if found.skips else 0)
    by_number = {sample.name: sample for sample in released.pairs.values()}
    for name, row in found.rows.items():
        sample = by_number[re.search(r"\d{8}", name)[0]]
        assert np.array_equal(decode_image(row["image"]["bytes"]), sample.image)
        assert np.array_equal(decode_mask(row["semantic_mask"]["bytes"]), CLASSES[sample.values])


# ── Any damage ────────────────────────────────────────────────────────────────────────────────────

Change = Callable[[bytes], bytes]


def flipped(places: list[float]) -> Change:
    def change(data: bytes) -> bytes:
        out = bytearray(data)
        for place in places:
            out[int(place * (len(out) - 1))] ^= 1 << int(place * 1000) % 8
        return bytes(out)

    return change


def borders(data: bytes) -> list[int]:
    return [found.start() for found in re.finditer(rb"PK\x03\x04|PK\x01\x02|PK\x05\x06", data)]


def at_border(share: float) -> Change:
    def change(data: bytes) -> bytes:
        places = borders(data)
        return data[: places[int(share * (len(places) - 1))]] if places else data

    return change


def header_field(share: float, offset: int, value: int) -> Change:
    """Another value in a local header and in the central directory, or in one of them."""

    def change(data: bytes) -> bytes:
        places = [place for place in borders(data) if place + 50 < len(data)]
        if not places:
            return data
        place = places[int(share * (len(places) - 1))]
        out = bytearray(data)
        struct.pack_into("<H", out, place + offset + 2 * (data[place + 2] == 1), value)
        return bytes(out)

    return change


def name_byte(share: float) -> Change:
    """A name that is not UTF-8, though both of its headers say that it is."""

    def change(data: bytes) -> bytes:
        places = [found.start() for found in re.finditer(rb"PK\x03\x04", data)]
        if not places:
            return data
        place = places[int(share * (len(places) - 1))]
        name = data[place + 30 : place + 30 + struct.unpack_from("<H", data, place + 26)[0]]
        out = bytearray(data)
        for at in (found.start() for found in re.finditer(re.escape(name), data)):
            out[at] = 0xFF
            header = at - (30 if data[at - 30 : at - 26] == b"PK\x03\x04" else 46)
            out[header + (7 if header == at - 30 else 9)] |= 8
        return bytes(out)

    return change


SHARES = st.floats(0, 1)
CHANGES = st.one_of(
    SHARES.map(lambda share: lambda data: data[: int(share * len(data))]),
    SHARES.map(at_border),
    st.lists(SHARES, min_size=1, max_size=5).map(flipped),
    st.builds(header_field, SHARES, st.sampled_from([4, 6, 8]), st.sampled_from([99, 1, 12, 14, 8])),
    SHARES.map(name_byte),
    st.binary(max_size=60).map(lambda junk: lambda data: junk + data),
    st.binary(max_size=60).map(lambda junk: lambda data: data + junk),
)


def arranged(released: Released, rng, renamed: int, doubled: int, shuffled: bool) -> list[tuple[str, bytes]]:
    """The members, some under other names, some twice, perhaps in another order."""
    members = list(released.members.items())
    for _ in range(renamed):
        at = rng.randrange(len(members))
        name, content = members[at]
        other = rng.choice(
            [f"ж/{name}", name.replace("train/", "a-b/"), name.upper(), f"./{name}", name.replace("/", "//")]
        )
        members[at] = (other, content)
    for _ in range(doubled):
        members.insert(rng.randrange(len(members)), rng.choice(members))
    if shuffled:
        rng.shuffle(members)
    return members


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    st.lists(CHANGES, max_size=2),
    st.randoms(use_true_random=False),
    st.sampled_from([0, 0, 3, 20]),
    st.sampled_from([0, 0, 5]),
    st.booleans(),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
)
def test_whatever_is_damaged_rows_and_skips_are_all_the_members(
    released, changes, rng, renamed, doubled, shuffled, method
):
    with TemporaryDirectory() as folder:
        archive = Path(folder) / "train.zip"
        write(archive, arranged(released, rng, renamed, doubled, shuffled), method)
        for change in changes:
            archive.write_bytes(change(archive.read_bytes()))
        assert_everything_is_told(released, run_import(released, Path(folder) / "out", archive))


NAMES = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.lists(st.sampled_from(["a", "b", "a-b", "A", "train", "ж", "ф", ""])).map("/".join),
)


@settings(max_examples=300)
@given(st.tuples(NAMES, st.from_regex(r"[0-9]{1,24}", fullmatch=True), st.integers(0, 1)), st.data())
def test_two_members_of_a_side_never_have_one_id(one, data):
    other = data.draw(
        st.tuples(
            NAMES, st.one_of(st.just(one[1]), st.from_regex(r"[0-9]{1,3}", fullmatch=True)), st.integers(0, 1)
        )
    )
    same = (one[0], one[1], one[2]) == (other[0], other[1], other[2])
    assert (row_id("train", *one) == row_id("train", *other)) == same
    assert re.fullmatch(r"[a-z0-9_.-]{1,120}", row_id("train", *one))


# ── Each known way ────────────────────────────────────────────────────────────────────────────────


def some(released: Released, count: int = 4, prefix: str = "train") -> list[tuple[str, bytes]]:
    return [
        (name.replace("train", prefix), content) for name, content in list(released.members.items())[: 2 * count]
    ]


def reasons(found: Imported) -> list[str]:
    return [skip["reason"] for skip in found.skips]


def test_a_whole_archive_arrives_without_a_skip_file(released, tmp_path):
    found = run_import(released, tmp_path / "out", released.path)
    assert_everything_is_told(released, found)
    assert (found.code, found.skips, len(found.rows)) == (0, [], 200)
    assert found.report["members"] == 400


def test_an_image_and_a_mask_of_different_folders_are_no_pair(released, tmp_path):
    (_, image), (_, mask) = some(released, 1)
    members = [*some(released, 2), ("ж/00000007.image.png", image), ("ф/00000007.mask.png", mask)]
    found = run_import(released, tmp_path / "out", write(tmp_path / "train.zip", members))
    assert sorted(reasons(found)) == ["the image has no mask", "the mask has no image"]
    assert len(found.rows) == 2


@pytest.mark.parametrize(
    "folders", [("a-b", "a/b"), ("ж", "ф"), ("train", "train/train"), ("A", "a"), ("a", "a//")]
)
def test_folders_that_look_alike_all_arrive(released, tmp_path, folders):
    members = [member for folder in folders for member in some(released, 3, folder)]
    found = run_import(released, tmp_path / "out", write(tmp_path / "train.zip", members))
    assert (found.code, len(found.rows)) == (0, 6)


def test_two_archives_of_one_split_with_equal_names_both_arrive(released, tmp_path):
    one = write(tmp_path / "train-1.zip", some(released, 3))
    two = write(tmp_path / "train-2.zip", some(released, 3))
    found = run_import(released, tmp_path / "out", one, two)
    assert (found.code, len(found.rows)) == (0, 6)
    found = run_import(released, tmp_path / "again", one, one)
    assert found.code == 1
    assert "is given twice" in found.printed


def test_a_cut_at_the_border_of_a_member_is_said(released, tmp_path):
    archive = tmp_path / "train.zip"
    archive.write_bytes(at_border(0.1)(released.data))
    found = run_import(released, tmp_path / "out", archive)
    assert_everything_is_told(released, found)
    assert "the archive ends without a central directory: members at its end may be missing" in reasons(found)


def test_a_damaged_header_costs_its_member_and_says_where(released, tmp_path):
    archive, data = tmp_path / "train.zip", bytearray(released.data[: released.data.index(b"PK\x01\x02")])
    data[borders(data)[20]] = 0
    archive.write_bytes(data)
    found = run_import(released, tmp_path / "out", archive)
    assert_everything_is_told(released, found)
    assert len(found.rows) == 199
    assert "a part of the archive is no member and was passed over" in reasons(found)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda data: data.replace(b"PK\x01\x02\x14\x03\x14\x00", b"PK\x01\x02\x14\x03\x63\x00", 1),
            "central directory",
        ),
        (name_byte(0.1), "its name is not UTF-8"),
        (header_field(0.6, 8, 99), "it cannot be read"),
    ],
    ids=["version 9.9", "name", "method"],
)
def test_a_member_that_cannot_be_read_costs_itself_alone(released, tmp_path, change, reason):
    archive = tmp_path / "train.zip"
    archive.write_bytes(change(released.data))
    found = run_import(released, tmp_path / "out", archive)
    assert_everything_is_told(released, found)
    assert len(found.rows) >= 199
    assert any(reason in each for each in reasons(found))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bz2", "lzma"])
def test_a_damaged_member_of_any_compression_costs_itself_alone(released, tmp_path, method):
    archive = write(tmp_path / "train.zip", some(released, 6), method)
    with zipfile.ZipFile(archive) as opened:
        place = opened.infolist()[4].header_offset
    data = bytearray(archive.read_bytes())
    data[place + 70] ^= 0xFF
    archive.write_bytes(data)
    found = run_import(released, tmp_path / "out", archive)
    assert_everything_is_told(released, found)
    assert (found.code, len(found.rows)) == (3, 5)


def test_the_skip_file_names_all_and_goes_when_nothing_is_left_out(released, tmp_path):
    images = [member for member in released.members.items() if member[0].endswith("image.png")]
    archive = write(tmp_path / "train.zip", [*some(released, 2), *images[2:40]])
    found = run_import(released, tmp_path / "out", archive)
    assert (found.code, len(found.skips)) == (3, 38)
    shutil.rmtree(tmp_path / "out" / "data")
    whole = run_import(released, tmp_path / "out", write(tmp_path / "train.zip", some(released, 2)))
    assert (whole.code, whole.skips) == (0, [])
