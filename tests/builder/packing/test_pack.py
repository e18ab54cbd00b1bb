"""A run becomes shards: the same bytes whenever, however often and however often killed."""

import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.checks.verify import verify
from builder.dataset.manifest import MANIFEST, Manifest, write_manifest
from builder.encoding.images import decode_image, decode_mask, encode_image, encode_mask
from builder.packing import rows
from builder.packing.pack import PackOptions, pack
from builder.packing.switch import STAGING, finish_switch
from builder.run.bases import read_bases, write_bases
from builder.run.directory import RunDirectory, base_path, image_path, mask_path, record_path, score_path
from builder.run.records import read_record, write_record
from builder.run.scores import Score, write_score
from cards.card import write_card
from diffseg30k import HELD_OUT_COLUMNS, LABELS, features, label_value
from tests.run_factory import make_run

QUIET = PackOptions(progress=False)
SMALL = PackOptions(shard_bytes=60_000, progress=False)
ROOT = Path(__file__).parents[3]


def contents(folder: Path) -> dict[str, str]:
    """Every file of a folder, by its digest."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def shards_of(folder: Path) -> dict[str, str]:
    """Every file of a folder but the manifest, by its digest."""
    return {path: digest for path, digest in contents(folder).items() if path != MANIFEST}


def rows_of(folder: Path) -> dict[str, dict]:
    rows = (row for path in sorted(folder.rglob("*.parquet")) for row in pq.read_table(path).to_pylist())
    return {row["id"]: row for row in rows}


@pytest.fixture
def a_run(run, tmp_path):
    """A copy of the run that a test may change."""
    shutil.copytree(run.url, tmp_path / "run")
    return RunDirectory(str(tmp_path / "run"))


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


# ── What a row holds ──────────────────────────────────────────────────────────────────────────────


def test_the_final_images_and_the_masks_of_the_turns_pass_through_byte_for_byte(run, packed):
    rows = rows_of(packed)
    bases = read_bases(run)
    assert len(rows) == len(bases)
    for base in bases:
        row = rows[base.row_id]
        assert row["image"] == {"bytes": run.read(image_path(base.image, base.num_edits)), "path": None}
        masks = [run.read(mask_path(base.image, turn)) for turn in range(1, base.num_edits + 1)]
        assert [edit["mask"]["bytes"] for edit in row["edits"]] == masks


def test_the_semantic_mask_is_the_turns_painted_in_order(packed):
    for row in rows_of(packed).values():
        semantic = decode_mask(row["semantic_mask"]["bytes"])
        painted = np.zeros_like(semantic)
        for edit in row["edits"]:
            painted[decode_mask(edit["mask"]["bytes"]) == 1] = edit["generator"]
        assert np.array_equal(semantic, painted)
        assert np.array_equal(decode_mask(row["binary_mask"]["bytes"]), painted > 0)


def test_a_row_says_what_the_run_recorded(run, packed):
    rows = rows_of(packed)
    for base in read_bases(run):
        row = rows[base.row_id]
        assert row["label"] == LABELS.index("edited" if base.num_edits else "real")
        assert row["num_edits"] == len(row["generators"]) == len(row["edits"]) == base.num_edits
        assert (row["base"]["id"], row["base"]["license"]) == (base.base_id, base.license)
        assert row["base"]["generator"] == (label_value(base.generator) if base.generator else None)
        assert [edit["turn"] for edit in row["edits"]] == list(range(1, base.num_edits + 1))
        assert all(edit["prompt"].startswith("something else") for edit in row["edits"])


def test_outside_its_masks_a_spliced_image_is_its_original(run, out):
    pack(run.url, str(out), PackOptions(with_originals=True, progress=False))
    compared = 0
    for row in rows_of(out).values():
        if all(edit["compositing"] == "spliced" for edit in row["edits"]):
            outside = decode_mask(row["binary_mask"]["bytes"]) == 0
            image, original = (decode_image(row[name]["bytes"]) for name in ("image", "original"))
            assert np.array_equal(image[outside], original[outside])
            compared += 1
    assert compared > 20


def test_a_score_goes_to_the_image_and_the_last_edit_and_can_keep_an_image_out(a_run, out):
    two_turns = next(base for base in read_bases(a_run) if base.num_edits == 2)
    bad = next(base for base in read_bases(a_run) if base.num_edits == 3)
    write_score(a_run, two_turns.image, Score(4.5, "it fits", True))
    write_score(a_run, bad.image, Score(1.0, "a third arm", False))

    report = pack(a_run.url, str(out), QUIET)

    row = rows_of(out)[two_turns.row_id]
    assert row["quality_score"] == 4.5
    assert [edit["quality_score"] for edit in row["edits"]] == [None, 4.5]
    assert row["edits"][1]["quality_reason"] == "it fits"
    assert report.rejected == (bad.image,)
    assert bad.row_id not in rows_of(out)


# ── How shards are laid out ───────────────────────────────────────────────────────────────────────


def test_every_shard_carries_the_schema_and_its_metadata(packed):
    for path in packed.rglob("*.parquet"):
        schema = pq.read_schema(path)
        assert schema.equals(features().arrow_schema, check_metadata=False)
        assert schema.metadata[b"huggingface"] == features().arrow_schema.metadata[b"huggingface"]


def test_row_groups_agree_in_the_held_out_columns_and_say_so(run, out):
    pack(run.url, str(out), PackOptions(rows_per_group=3, progress=False))
    skippable = 0
    for path in out.rglob("*.parquet"):
        shard = pq.ParquetFile(path)
        for index in range(shard.num_row_groups):
            group = shard.metadata.row_group(index)
            assert group.num_rows <= 3
            columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
            for flag in HELD_OUT_COLUMNS:
                assert columns[flag].statistics.min == columns[flag].statistics.max
                skippable += not columns[flag].statistics.max
            assert columns["image.bytes"].compression == "UNCOMPRESSED"
    assert skippable


def test_shards_are_of_about_equal_size_and_mixed(tmp_path):
    run = make_run(tmp_path / "run", images=80, kinds=[("sdxl", "sd2")], pixels=32)
    pack(run.url, str(tmp_path / "out"), PackOptions(shard_bytes=30_000, progress=False))
    shards = sorted((tmp_path / "out/data/train/edited").glob("*.parquet"))
    rows = [pq.read_metadata(shard).num_rows for shard in shards]
    assert len(shards) >= 3
    assert max(rows) <= 1.5 * min(rows)
    first = pq.read_table(shards[0], columns=["id"])["id"].to_pylist()
    assert len({name.split("-")[1][:4] for name in first}) > 1


def test_images_larger_than_a_shard_get_one_each(tmp_path):
    run = make_run(tmp_path / "run", images=8, kinds=[("sdxl",)], prefix="large")
    report = pack(run.url, str(tmp_path / "out"), PackOptions(shard_bytes=1, progress=False))
    assert report.shards_written >= report.rows - 1


# ── The same run again ────────────────────────────────────────────────────────────────────────────


def test_the_same_run_gives_the_same_bytes(run, packed, out):
    pack(run.url, str(out), SMALL)
    assert contents(out) == contents(packed)


def test_the_number_of_threads_does_not_matter(run, packed, out):
    pack(run.url, str(out), PackOptions(shard_bytes=60_000, threads=1, progress=False))
    assert contents(out) == contents(packed)


def test_a_second_pack_touches_nothing(run, out):
    pack(run.url, str(out), SMALL)
    times = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    report = pack(run.url, str(out), SMALL)
    assert (report.shards_written, report.shards_kept, report.shards_removed) == (0, len(times), 0)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")} == times


# ── A dataset that grows ──────────────────────────────────────────────────────────────────────────


def unfinish(a_run, images):
    """Takes away the last record of some edited images, and returns what brings them back."""
    last = [(base.image, base.num_edits) for base in read_bases(a_run) if base.num_edits and base.image in images]
    records = {Path(a_run.url, record_path(image, turn)): None for image, turn in last}
    for record in records:
        records[record] = record.read_bytes()
        record.unlink()
    return lambda: [record.write_bytes(data) for record, data in records.items()]


def test_what_is_finished_later_gets_shards_of_its_own_and_the_others_stay(a_run, run, packed, out):
    late = {base.image for base in read_bases(a_run) if base.num_edits == 3}
    finish = unfinish(a_run, late)
    (out / "figures").mkdir(parents=True)
    (out / "figures/mine.png").write_bytes(b"mine")
    first = pack(a_run.url, str(out), SMALL)
    assert set(first.unfinished) == late
    assert first.rows == len(read_bases(run)) - len(late)
    before = shards_of(out)

    finish()
    second = pack(a_run.url, str(out), SMALL)

    assert (second.shards_kept, second.shards_removed) == (first.shards_written, 0)
    assert second.rows == len(read_bases(run))
    assert before.items() < shards_of(out).items()
    added = sum(pq.read_metadata(out / path).num_rows for path in shards_of(out).keys() - before.keys())
    assert added == len(late)
    assert rows_of(out) == rows_of(packed)


def test_a_row_that_is_discarded_later_goes_and_comes_back_when_it_is_accepted_again(a_run, packed, out):
    pack(a_run.url, str(out), SMALL)
    before = shards_of(out)
    base = next(base for base in read_bases(a_run) if base.num_edits == 3)
    home = next(path for path in out.rglob("*.parquet") if base.row_id in rows_in(path))
    others = rows_in(home) - {base.row_id}

    write_score(a_run, base.image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    report = pack(a_run.url, str(out), SMALL)
    assert report.rejected == (base.image,)
    assert not home.exists()
    del before[str(home.relative_to(out))]
    assert before.items() < shards_of(out).items()
    assert rows_of(out).keys() == rows_of(packed).keys() - {base.row_id}
    assert others in [rows_in(path) for path in out.rglob("*.parquet")], "they stay together"
    assert json.loads((out / MANIFEST).read_text())["discarded"] == [base.row_id]

    Path(a_run.url, score_path(base.image)).unlink()
    pack(a_run.url, str(out), SMALL)
    assert rows_of(out) == rows_of(packed)
    assert json.loads((out / MANIFEST).read_text())["discarded"] == []


def rows_in(path):
    return set(pq.read_table(path, columns=["id"])["id"].to_pylist())


def test_a_row_scored_anew_is_written_again_and_no_other_shard_is(a_run, out):
    pack(a_run.url, str(out), SMALL)
    before = shards_of(out)
    base = next(base for base in read_bases(a_run) if base.num_edits == 2)
    write_score(a_run, base.image, Score(4.0, "natural", True))
    report = pack(a_run.url, str(out), SMALL)
    assert (report.shards_written, report.shards_removed) == (1, 1)
    assert len(before.items() - shards_of(out).items()) == 1
    assert rows_of(out)[base.row_id]["quality_score"] == 4.0


def test_a_second_run_over_the_same_photographs_joins_and_no_photograph_is_there_twice(run, packed, out, tmp_path):
    shutil.copytree(packed, out)
    before = shards_of(out)
    second = make_run(tmp_path / "second", edition="-2")
    report = pack(second.url, str(out), SMALL)

    edited = [base for base in read_bases(second) if base.num_edits]
    assert before.items() < shards_of(out).items()
    assert len(rows_of(out)) == len(rows_of(packed)) + len(edited)
    assert report.rows == len(read_bases(second))
    assert violations(out) == ()


def violations(out):
    write_card(str(out))
    return verify(str(out)).violations


def test_a_row_that_was_withdrawn_does_not_come_back(a_run, out):
    base = next(base for base in read_bases(a_run) if base.num_edits == 2)
    out.mkdir()
    write_manifest(str(out), Manifest(withdrawn={base.row_id: "asked by the photographer"}))
    report = pack(a_run.url, str(out), SMALL)
    assert report.withdrawn == (base.image,)
    assert f"left out, withdrawn: {base.image}" in report.lines()
    assert base.row_id not in rows_of(out)


@settings(max_examples=8, deadline=None)
@given(st.lists(st.sets(st.integers(0, 40)), min_size=1, max_size=3))
def test_however_a_run_is_packed_while_it_is_made_every_row_is_there_once(run, packed, missing):
    with TemporaryDirectory() as folder:
        shutil.copytree(run.url, f"{folder}/run")
        a_run, out = RunDirectory(f"{folder}/run"), Path(folder, "out")
        names = [base.image for base in read_bases(a_run)]
        earlier = {}
        for numbers in missing:
            finish = unfinish(a_run, {names[number] for number in numbers})
            pack(a_run.url, str(out), SMALL)
            finish()
            assert earlier.items() <= shards_of(out).items()
            earlier = shards_of(out)
        pack(a_run.url, str(out), SMALL)
        assert earlier.items() <= shards_of(out).items()
        assert sum(pq.read_metadata(path).num_rows for path in out.rglob("*.parquet")) == len(names)
        assert rows_of(out).keys() == rows_of(packed).keys()
        assert violations(out) == ()


@pytest.mark.kills
def test_killed_at_any_moment_and_started_again_it_ends_in_the_same_bytes(run, packed, out):
    command = [sys.executable, "-c", _PACK_AND_KILL, run.url, str(out)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    shards = [int(line) for line in finished.stdout.splitlines()]
    assert len(shards) >= 25
    assert len(set(shards)) > 2, "it was never killed in the middle"
    pack(run.url, str(out), SMALL)
    assert contents(out) == contents(packed)


_PACK_AND_KILL = """
import os, shutil, sys
from pathlib import Path
from builder.packing.pack import PackOptions, pack
from tests.kills import die_at_touch

run, out = sys.argv[1:]

def killed_at(touch):
    child = os.fork()
    if not child:
        die_at_touch(touch, run, out)
        pack(run, out, PackOptions(shard_bytes=60_000, progress=False))
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])

# it goes on from where it was left, each time for a little longer, until it is through: then from the start again
for touch in (3, 20, 50, 100, 170):
    while killed_at(touch):
        print(len(list(Path(out).rglob("*.parquet"))))
        touch += 7
    shutil.rmtree(out)
"""


@pytest.mark.kills
def test_killed_at_any_moment_while_it_grows_and_started_again_it_ends_in_the_same_bytes(a_run, out, tmp_path):
    edited = [base for base in read_bases(a_run) if base.num_edits]
    finish = unfinish(a_run, {base.image for base in edited[::3]})
    pack(a_run.url, str(tmp_path / "before"), SMALL)
    finish()
    write_score(a_run, edited[1].image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    write_score(a_run, edited[2].image, Score(5.0, "natural", True))
    whole = tmp_path / "whole"
    shutil.copytree(tmp_path / "before", whole)
    pack(a_run.url, str(whole), SMALL)

    kills = 0
    for first in (2, 10, 25):
        shutil.copytree(tmp_path / "before", out)
        for touch in range(first, 1000, 7):
            command = [sys.executable, "-c", _GROW_AND_KILL, a_run.url, str(out), str(touch)]
            if subprocess.run(command, cwd=ROOT).returncode == 0:
                break
            kills += 1
        assert contents(out) == contents(whole)
        shutil.rmtree(out)
    assert kills >= 20


_GROW_AND_KILL = """
import sys
from builder.packing.pack import PackOptions, pack
from tests.kills import die_at_touch

run, out, touch = sys.argv[1:]
die_at_touch(int(touch), out)
pack(run, out, PackOptions(shard_bytes=60_000, threads=1, progress=False))
"""


# ── Beside other runs ─────────────────────────────────────────────────────────────────────────────


def test_rows_of_another_run_join(run, out, tmp_path):
    other = make_run(tmp_path / "other", images=12, prefix="other", kinds=[("sdxl",), ()])
    pack(run.url, str(out), SMALL)
    before = shards_of(out)

    report = pack(other.url, str(out), PackOptions(progress=False))

    assert report.rows_of_other_runs == len(read_bases(run))
    assert before.items() < shards_of(out).items()
    assert len(rows_of(out)) == len(read_bases(run)) + 12


def test_a_lora_run_and_another_lie_side_by_side(run, out, tmp_path):
    lora = make_run(tmp_path / "lora", images=4, prefix="lora", kinds=[("sdxl",)], lora="hyper-sd")
    pack(run.url, str(out), SMALL)
    pack(lora.url, str(out), PackOptions(lora=True, progress=False))
    report = pack(run.url, str(out), SMALL)
    assert report.shards_written == report.shards_removed == 0
    assert report.groups.keys().isdisjoint({"data/validation/lora"})
    assert sum(pq.read_metadata(path).num_rows for path in (out / "data/validation/lora").glob("*")) == 4


def test_the_option_is_named_where_one_has_originals_and_the_other_has_not(run, out, tmp_path):
    pack(run.url, str(out), SMALL)
    with pytest.raises(ValueError, match="column `original`: pack without --with-originals"):
        pack(run.url, str(out), PackOptions(with_originals=True, progress=False))
    other = tmp_path / "other"
    pack(run.url, str(other), PackOptions(with_originals=True, progress=False))
    before = contents(other)
    with pytest.raises(ValueError, match="column `original`: pack with --with-originals"):
        pack(run.url, str(other), SMALL)
    assert contents(other) == before


def test_a_changed_row_in_a_shard_with_rows_of_others_is_not_guessed_at(packed, out, tmp_path):
    shutil.copytree(packed, out)
    few = make_run(tmp_path / "few", images=6)
    changed = next(base for base in read_bases(few) if base.num_edits)
    write_score(few, changed.image, Score(4.0, "natural", True))
    with pytest.raises(
        ValueError, match=rf"holds rows of this run \({changed.row_id}, which changed\) and of others"
    ):
        pack(few.url, str(out), QUIET)


# ── Bad input ─────────────────────────────────────────────────────────────────────────────────────


def break_image(a_run, damage):
    """Damages the first image with two turns of a run without digests, as earlier versions made it; says which."""
    write_bases(a_run, [dataclasses.replace(base, file_size=None, file_sha256=None) for base in read_bases(a_run)])
    for record in Path(a_run.url).glob("turn-*/*.json"):
        made = read_record(a_run, record.stem, int(record.parent.name[-1]))
        write_record(a_run, record.stem, dataclasses.replace(made, image_file=None, mask_file=None))
    base = next(base for base in read_bases(a_run) if base.num_edits == 2)
    damage(Path(a_run.url), base)
    return base


def cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def by_another_tool(path, **fields):
    """Writes fields of a JSON file anew, and no digest."""
    content = json.loads(path.read_text())
    del content["content_sha256"]
    path.write_text(json.dumps(content | fields))


DAMAGES = {
    "is missing": lambda root, base: (root / image_path(base.image, 2)).unlink(),
    "it is cut": lambda root, base: cut(root / image_path(base.image, 2)),
    "not a lossless WebP": lambda root, base: (root / image_path(base.image, 2)).write_bytes(b"<html>"),
    "mask.png is missing": lambda root, base: (root / mask_path(base.image, 1)).unlink(),
    "is 8x8, the image 64x64": lambda root, base: (root / mask_path(base.image, 1)).write_bytes(
        encode_mask(np.ones((8, 8), bool))
    ),
    "is empty": lambda root, base: (root / mask_path(base.image, 2)).write_bytes(
        encode_mask(np.zeros((64, 64), bool))
    ),
    "mask.png cannot be read": lambda root, base: (root / mask_path(base.image, 2)).write_bytes(b"\x89PNG\r\n"),
    "is not a record": lambda root, base: (root / record_path(base.image, 1)).write_text('{"turn": 1'),
    "its SHA-256 differs": lambda root, base: (root / record_path(base.image, 1)).write_text(
        (root / record_path(base.image, 1)).read_text().replace('"prompt": "', '"prompt": "x')
    ),
    "is none of": lambda root, base: by_another_tool(root / record_path(base.image, 1), generator="another"),
}


@pytest.mark.parametrize("problem", DAMAGES)
def test_a_broken_image_is_left_out_and_named(a_run, out, problem):
    broken = break_image(a_run, DAMAGES[problem])
    report = pack(a_run.url, str(out), QUIET)
    assert list(report.broken) == [broken.image]
    assert problem in report.broken[broken.image]
    assert set(rows_of(out)) == {base.row_id for base in read_bases(a_run)} - {broken.row_id}


def test_broken_images_cost_their_own_rows_work_and_no_other(a_run, out, monkeypatch):
    broken = [base for base in read_bases(a_run) if base.num_edits == 1][::3]
    for base in broken:
        path = Path(a_run.url) / image_path(base.image, 1)
        data = bytearray(path.read_bytes())
        data[1] ^= 1  # of the same size: found when it is read
        path.write_bytes(data)
    read = []

    def read_row(run, base, *more):
        read.append(base.image)
        return rows.read_row(run, base, *more)

    monkeypatch.setattr("builder.packing.pack.read_row", read_row)
    report = pack(a_run.url, str(out), SMALL)
    assert report.broken.keys() == {base.image for base in broken}
    assert sorted(read) == sorted(base.image for base in read_bases(a_run))
    assert set(rows_of(out)) == {base.row_id for base in read_bases(a_run)} - {base.row_id for base in broken}
    write_card(str(out))
    assert not violations(out)


def test_a_staged_shard_that_was_damaged_is_written_again(run, out, tmp_path, monkeypatch):
    whole = tmp_path / "whole"
    pack(run.url, str(whole), SMALL)
    monkeypatch.setattr("builder.packing.pack.switch", lambda *_: None)
    pack(run.url, str(out), SMALL)
    monkeypatch.undo()
    for number, shard in enumerate(sorted((out / STAGING).rglob("*.parquet"))):
        cut(shard) if number % 2 else shard.write_bytes(shard.read_bytes()[:-50] + b"x" + shard.read_bytes()[-49:])
    pack(run.url, str(out), SMALL)
    assert contents(out) == contents(whole)


def test_a_switch_with_a_damaged_shard_is_taken_back(a_run, out, monkeypatch):
    pack(a_run.url, str(out), SMALL)
    whole = contents(out)
    image = read_bases(a_run)[0].image
    write_score(a_run, image, Score(4.0, "so", True))
    with monkeypatch.context() as cut_off:
        cut_off.setattr("builder.packing.switch._carry_out", lambda *_: None)
        pack(a_run.url, str(out), SMALL)
    (staged,) = (out / STAGING).rglob("*.parquet")
    cut(staged)
    finish_switch(str(out))
    assert contents(out) == whole
    assert pack(a_run.url, str(out), SMALL).shards_written == 1


def test_a_row_in_a_shard_that_has_to_be_written_again_is_not_lost_when_its_image_is_damaged(a_run, out):
    pack(a_run.url, str(out), QUIET)
    whole = contents(out)
    shard = next(path for path in sorted(out.rglob("*.parquet")) if len(rows_in(path)) > 1)
    first, second = sorted(rows_in(shard))[:2]
    images = {base.row_id: base.image for base in read_bases(a_run)}
    write_score(a_run, images[first], Score(4.0, "so", True))
    turns = next(base.num_edits for base in read_bases(a_run) if base.row_id == second)
    cut(Path(a_run.url) / image_path(images[second], turns))
    with pytest.raises(ValueError, match=f"{second}.*damaged by now"):
        pack(a_run.url, str(out), QUIET)
    assert {name: digest for name, digest in contents(out).items() if STAGING not in name} == whole


def test_a_base_image_of_another_size_is_not_kept_as_the_original(a_run, out):
    broken = break_image(
        a_run,
        lambda root, base: (root / base_path(base.image)).write_bytes(encode_image(np.zeros((8, 8, 3), np.uint8))),
    )
    report = pack(a_run.url, str(out), PackOptions(with_originals=True, progress=False))
    assert "not of the image's size" in report.broken[broken.image]


def test_a_repaired_image_comes_back(a_run, packed, out):
    broken = break_image(a_run, DAMAGES["it is cut"])
    pack(a_run.url, str(out), SMALL)
    whole = rows_of(packed)[broken.row_id]["image"]["bytes"]
    Path(a_run.url, image_path(broken.image, 2)).write_bytes(whole)
    pack(a_run.url, str(out), SMALL)
    assert rows_of(out) == rows_of(packed)


def test_nothing_finished_is_an_error_that_says_why(a_run, out):
    for path in Path(a_run.url).glob("turn-1/*.json"):
        path.unlink()
    bases = read_bases(a_run)
    write_bases(a_run, [base for base in bases if base.num_edits])
    with pytest.raises(ValueError, match="nothing to pack: 34 images are unfinished"):
        pack(a_run.url, str(out), QUIET)
    assert not out.exists()


def test_what_is_no_run_or_no_folder_is_refused(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no run directory"):
        pack(str(tmp_path), str(tmp_path / "out"), QUIET)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="is a file"):
        pack(run.url, str(tmp_path / "file"), QUIET)
    with pytest.raises(ValueError, match="is a URL"):
        pack(run.url, "hf://datasets/me/diffseg30k", QUIET)


def test_a_file_that_is_no_shard_is_not_touched(run, packed, out):
    shutil.copytree(packed, out)
    stranger = out / "data/train/edited/mine.parquet"
    stranger.write_bytes(b"not parquet")
    with pytest.raises(ValueError, match=r"mine\.parquet is not a Parquet file"):
        pack(run.url, str(out), QUIET)
    assert stranger.read_bytes() == b"not parquet"


def test_a_full_disk_loses_nothing(run, packed, out):
    shutil.copytree(packed, out)
    max(out.rglob("*.parquet"), key=lambda path: path.stat().st_size).unlink()
    before = contents(out)
    command = [sys.executable, "-c", _PACK_ON_A_FULL_DISK, run.url, str(out)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "OSError" in finished.stderr
    assert {name: digest for name, digest in contents(out).items() if not name.startswith(STAGING)} == before
    assert not list(out.rglob("*.tmp"))


_PACK_ON_A_FULL_DISK = """
import resource, signal, sys
from builder.packing.pack import PackOptions, pack
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
pack(sys.argv[1], sys.argv[2], PackOptions(progress=False))
"""
