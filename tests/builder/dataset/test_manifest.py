"""`diffseg30k.json` says what a dataset holds, whatever happens to it, and `verify` finds where it is not true."""

import hashlib
import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builder.archives.import_archives import ImportOptions, import_archives
from builder.checks.manifest import MANIFEST_PROMISE
from builder.checks.verify import verify
from builder.dataset.manifest import MANIFEST
from builder.packing.pack import PackOptions, pack
from builder.packing.withdraw import withdraw
from builder.run.bases import read_bases
from builder.run.scores import Score, write_score
from diffseg30k import GENERATORS
from tests.plain_card import write_plain_card
from tests.release_factory import samples, write_archive
from tests.run_factory import make_run

SMALL = PackOptions(shard_bytes=60_000, progress=False)


def manifest_of(folder: Path) -> dict:
    return json.loads((folder / MANIFEST).read_text())


def counted(folder: Path) -> dict:
    """What the manifest is to say of the shards, from the files."""
    return {
        str(path.relative_to(folder)): {
            "rows": pq.read_metadata(path).num_rows,
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in sorted(folder.rglob("*.parquet"))
    }


@pytest.fixture
def a_run(tmp_path):
    return make_run(tmp_path / "run")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "diffseg30k"


def test_it_names_the_shards_and_the_runs_whatever_is_done_to_the_dataset(a_run, out, tmp_path):
    poor = next(base for base in read_bases(a_run) if base.num_edits == 2)
    write_score(a_run, poor.image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    report = pack(a_run.url, str(out), SMALL)
    assert manifest_of(out)["shards"] == counted(out)
    options = hashlib.sha256(Path(a_run.url, "options.json").read_bytes()).hexdigest()
    first = {"name": "run", "options_sha256": options, "accepted": report.rows, "discarded": 1}
    assert manifest_of(out)["runs"] == [first]

    write_score(a_run, poor.image, Score(5.0, "natural", True))
    pack(a_run.url, str(out), SMALL)
    first |= {"accepted": report.rows + 1, "discarded": 0}
    assert manifest_of(out)["runs"] == [first]
    assert manifest_of(out)["shards"] == counted(out)

    other = make_run(tmp_path / "other", images=6, prefix="other", kinds=[("sdxl",), ()])
    pack(other.url, str(out), SMALL)
    assert [(run["name"], run["accepted"]) for run in manifest_of(out)["runs"]] == [
        ("other", 6),
        ("run", report.rows + 1),
    ]
    assert manifest_of(out)["shards"] == counted(out)

    withdraw(str(out), [poor.row_id])
    assert manifest_of(out)["shards"] == counted(out)
    assert manifest_of(out)["withdrawn"] == {poor.row_id: ""}


def test_an_import_names_its_shards(tmp_path, out):
    archive = write_archive(tmp_path / "train.zip", samples(12))
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({str(value): generator for value, generator in enumerate(GENERATORS, start=1)}))
    import_archives([str(archive)], str(out), ImportOptions(labels=str(labels)))
    assert manifest_of(out)["shards"] == counted(out)
    assert manifest_of(out)["runs"] == []


def test_a_dataset_of_an_earlier_version_gets_a_manifest_with_the_next_pack(packed, run, out):
    shutil.copytree(packed, out)
    (out / MANIFEST).unlink()
    write_plain_card(str(out), str(out))
    [violation] = verify(str(out), progress=False).violations
    assert (violation.promise, violation.shard) == (MANIFEST_PROMISE, None)
    assert str(violation).startswith("dataset: ")
    pack(run.url, str(out), SMALL)
    assert manifest_of(out)["shards"] == counted(out)
    assert verify(str(out), progress=False).violations == ()


def test_a_cut_shard_is_not_taken_over_by_a_pack(packed, a_run, out):
    shutil.copytree(packed, out)
    shard = next(out.rglob("*.parquet"))
    kept = contents = shard.read_bytes()
    # with its footer in place, so that it still opens
    footer = int.from_bytes(contents[-8:-4], "little") + 8
    shard.write_bytes(contents[:-footer] + bytes(100) + contents[-footer:])
    before = (out / MANIFEST).read_bytes()
    with pytest.raises(ValueError, match=f"{shard.name} is damaged: it has .* restore it, or delete it and pack"):
        pack(a_run.url, str(out), SMALL)
    assert (out / MANIFEST).read_bytes() == before
    shard.write_bytes(kept)
    pack(a_run.url, str(out), SMALL)


def violations(folder: Path) -> set[tuple[str | None, str]]:
    found = verify(str(folder), progress=False).violations
    return {(one.shard, one.detail) for one in found if one.promise == MANIFEST_PROMISE}


def test_verify_finds_where_it_is_not_true(packed, out):
    shutil.copytree(packed, out)
    write_plain_card(str(out), str(out))
    assert violations(out) == set()
    damaged, unnamed, miscounted, gone = sorted(out.rglob("*.parquet"))[:4]
    names = [str(path.relative_to(out)) for path in (damaged, unnamed, miscounted, gone)]
    data = bytearray(damaged.read_bytes())
    data[len(data) // 3] ^= 1
    damaged.write_bytes(data)
    fields = manifest_of(out)
    del fields["content_sha256"], fields["shards"][names[1]]
    fields["shards"][names[2]]["rows"] += 1
    gone.unlink()
    (out / MANIFEST).write_text(json.dumps(fields))
    rows = pq.read_metadata(miscounted).num_rows
    assert violations(out) == {
        (names[0], "its SHA-256 is another than the manifest says"),
        (names[1], "it is not named"),
        (names[2], f"it has {rows} rows, and the manifest says {rows + 1}"),
        (names[3], "it is not there"),
    }


def test_a_manifest_that_someone_has_edited_is_named(packed, out):
    shutil.copytree(packed, out)
    (out / MANIFEST).write_text((out / MANIFEST).read_text().replace('"rows": ', '"rows": 1', 1))
    with pytest.raises(ValueError, match=rf"{MANIFEST} is not the manifest of a dataset .*; restore the file"):
        verify(str(out), progress=False)
