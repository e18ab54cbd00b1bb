"""Pushing: what is sent, what is shown, and what is refused."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from builder.dataset.manifest import MANIFEST
from builder.hub.agreement import Disagreement
from builder.hub.push import PushOptions, push
from builder.hub.repository import HubError
from builder.packing.pack import PackOptions, pack
from builder.run.bases import read_bases, write_bases
from builder.run.directory import RunDirectory
from diffseg30k import UNEDITED, only_by
from tests.hub_client import NAME, expected, ids, load_by_name, packed_run, push_to
from tests.hub_server import READ_TOKEN
from tests.hub_server.store import File
from tests.run_factory import make_run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three packed runs that share nothing."""
    place = tmp_path_factory.mktemp("runs")
    return [packed_run(place, number, pixels=160) for number in range(3)]


def shards_of(server, revision="main"):
    return {path: file for path, file in server.head(NAME, revision).files.items() if path.endswith(".parquet")}


@pytest.mark.network
def test_growing_runs_cost_what_is_new_and_load_by_name(hub, runs, tmp_path):
    for count, run in enumerate(runs, start=1):
        before = len(hub.requests)
        report = push_to(hub, run)
        new = sum(report.new.values()) + report.card_bytes
        assert hub.received(before) <= 1.02 * new
        assert report.kept == 0
        assert report.rows == 24 * count
        assert load_by_name(hub, tmp_path / f"home-{count}") == expected(runs[:count])
    assert hub.hub.leaked == []


def test_what_is_there_already_is_read_without_its_images(hub, runs, tmp_path):
    large = packed_run(tmp_path, 7, images=16, pixels=288, shard_bytes=10**9, kinds=[("sdxl",)])
    first = push_to(hub, large)
    before = len(hub.requests)
    push_to(hub, runs[0])
    assert hub.sent(before) < sum(first.new.values()) / 4


def test_a_second_push_of_the_same_does_nothing(hub, runs):
    first = push_to(hub, runs[0])
    head = hub.head(NAME)
    again = push_to(hub, runs[0])
    assert (again.new, again.card, again.commit) == ({}, (), None)
    assert again.kept == len(first.new)
    assert hub.head(NAME) is head


def test_a_folder_that_has_grown_sends_only_its_new_shards(hub, runs, tmp_path):
    grown = tmp_path / "grown"
    shutil.copytree(runs[0], grown)
    first = push_to(hub, grown)
    shutil.copytree(runs[1], grown, dirs_exist_ok=True)
    report = push_to(hub, grown)
    assert report.kept == len(first.new)
    assert set(report.new) == {str(file.relative_to(runs[1])) for file in runs[1].rglob("*.parquet")}


def test_everything_becomes_visible_in_one_commit(hub, runs):
    report = push_to(hub, runs[0])
    commit = hub.head(NAME)
    assert report.commit.endswith(commit.oid)
    assert set(commit.files) == {".gitattributes", *report.new, MANIFEST, "README.md", "figures/rows.png"}
    assert len(hub.hub.repositories[NAME].commits) == 2


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(hub, runs):
    would = push_to(hub, runs[0], dry_run=True)
    assert NAME not in hub.hub.repositories
    assert hub.received() == 0
    done = push_to(hub, runs[0])
    assert (would.new, would.card, would.rows) == (done.new, done.card, done.rows)
    assert would.commit is None


def test_large_shards_go_in_parts(hub, runs):
    hub.hub.part_size = 50_000
    push_to(hub, runs[0])
    assert any("/part/" in request.path for request in hub.requests)
    assert shards_of(hub)


def test_a_private_dataset_is_made_private(hub, runs):
    push_to(hub, runs[0], private=True)
    assert hub.hub.repositories[NAME].private


def test_a_public_dataset_is_not_pushed_to_as_private(hub, runs):
    push_to(hub, runs[0])
    with pytest.raises(ValueError, match="public"):
        push_to(hub, runs[1], private=True)


def test_a_revision_is_made_from_main_and_leaves_it_alone(hub, runs):
    push_to(hub, runs[0])
    main = hub.head(NAME)
    push_to(hub, runs[1], revision="second/try")
    assert hub.head(NAME) is main
    assert set(shards_of(hub, "second/try")) > set(shards_of(hub))


def test_a_pull_request_leaves_the_branch_alone(hub, runs):
    push_to(hub, runs[0])
    main = hub.head(NAME)
    report = push_to(hub, runs[1], create_pr=True)
    assert hub.head(NAME) is main
    assert report.pull_request.endswith("/discussions/1")
    assert set(report.new) <= set(shards_of(hub, "refs/pr/1"))


# ── What is refused ───────────────────────────────────────────────────────────────────────────────


def refused(server, dataset, message, **options):
    before = server.head(NAME)
    with pytest.raises(Disagreement, match=message) as caught:
        push_to(server, dataset, **options)
    assert server.head(NAME) is before
    return str(caught.value)


def packed_again(run_folder, out, change=None, **options):
    run = RunDirectory(str(run_folder))
    if change:
        write_bases(run, [change(base) for base in read_bases(run)])
    pack(run.url, str(out), PackOptions(progress=False, **options))
    return out


def test_two_rows_of_one_id_are_refused_and_named(hub, tmp_path):
    push_to(hub, packed_run(tmp_path, 0))
    again = packed_again(tmp_path / "run-0", tmp_path / "again", rows_per_group=1)
    message = refused(hub, again, "row ids are there twice")
    assert "photo0-" in message


def test_rows_packed_anew_replace_their_old_shards_when_asked(hub, tmp_path):
    push_to(hub, packed_run(tmp_path, 0))
    other = packed_run(tmp_path, 1)
    push_to(hub, other)
    again = packed_again(tmp_path / "run-0", tmp_path / "again", rows_per_group=1)
    old = {path for path in shards_of(hub) if not (other / path).exists() and not (again / path).exists()}
    report = push_to(hub, again, replace=True)
    assert set(report.replaced) == old != set()
    assert report.rows == 48
    there = {str(file.relative_to(place)) for place in (again, other) for file in place.rglob("*.parquet")}
    assert set(shards_of(hub)) == there


def test_another_schema_is_refused(hub, tmp_path):
    push_to(hub, packed_run(tmp_path, 0))
    make_run(tmp_path / "other", prefix="other")
    refused(hub, packed_again(tmp_path / "other", tmp_path / "with", with_originals=True), "keeps the originals")
    without = packed_again(tmp_path / "other", tmp_path / "without")
    shard = next(without.rglob("*.parquet"))
    table = pq.read_table(shard)
    pq.write_table(table.append_column("extra", pa.array(range(table.num_rows))), shard)
    assert shard.name in refused(hub, without, "extra")


def test_a_base_image_on_both_sides_is_refused_and_named(hub, tmp_path):
    first = packed_run(tmp_path, 0)
    push_to(hub, first)
    row = ids(first, "validation", "edited")[0]
    second = packed_run(tmp_path, 1)
    shard = next((second / "data/train/edited").glob("*.parquet"))
    moved = pq.read_table(shard).to_pylist()
    moved[0]["base"]["id"] = row.removesuffix("-row")
    pq.write_table(pa.Table.from_pylist(moved, schema=pq.read_schema(shard)), shard)
    message = refused(hub, second, "both sides of the 8:2")
    assert row in message
    assert moved[0]["id"] in message


def test_a_base_image_in_both_splits_of_a_held_out_config_is_refused_and_named(hub, tmp_path):
    first = packed_run(tmp_path, 0)
    push_to(hub, first)
    trains = next(row for row in ids(first, "train", UNEDITED) if "crop" not in row).removesuffix("-row")
    make_run(tmp_path / "other", prefix="other", kinds=[("flux.1",)], images=3)

    def same_photograph(base):
        return base.__class__(**{**vars(base), "base_id": trains}) if base.image == "other-00000" else base

    second = packed_again(tmp_path / "other", tmp_path / "second", same_photograph)
    [row] = [row for row in ids(second, "train", only_by("flux-hunyuan")) if row.startswith("other-00000")]
    message = refused(hub, second, "binary-heldout-flux-hunyuan")
    assert f"{trains}-row in train" in message
    assert row in message


def test_a_shard_of_the_same_name_with_other_bytes_is_not_overwritten(hub, tmp_path):
    first = packed_run(tmp_path, 0)
    push_to(hub, first)
    shard = next(first.rglob("*.parquet"))
    pq.write_table(pq.read_table(shard), shard, compression="gzip")
    assert shard.name in refused(hub, first, "other bytes")


def test_a_truncated_shard_is_refused(hub, tmp_path):
    first = packed_run(tmp_path, 0)
    push_to(hub, first)
    second = packed_run(tmp_path, 1)
    shard = next(second.rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(ValueError, match=shard.name):
        push_to(hub, second)


def test_a_script_that_would_keep_the_dataset_from_loading_is_named(hub, runs):
    push_to(hub, runs[0])
    script = {"diffseg30k.py": File(5, b"# hi\n")}
    hub.hub.repositories[NAME].commit("main", "a script", None, script, set(), as_pr=False)
    with pytest.raises(ValueError, match=r"holds diffseg30k\.py"):
        push_to(hub, runs[1])


def test_unedited_photographs_beyond_the_cap_join_the_rest(hub, runs, monkeypatch):
    first, second, _ = runs
    count = len(ids(first, "train", UNEDITED))
    monkeypatch.setattr("builder.hub.diff.UNEDITED_IN_TRAIN", count + 1)
    assert len(ids(second, "train", UNEDITED)) > 1
    push_to(hub, first)
    report = push_to(hub, second)
    [shard] = (second / "data/train/unedited").iterdir()
    assert f"data/train/unedited-more/{shard.name}" in report.new
    assert f"data/train/unedited/{shard.name}" not in shards_of(hub)
    assert push_to(hub, second).kept == len(report.new)


# ── Mistakes ──────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_folder_is_named(hub, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no shards"):
        push_to(hub, tmp_path / "nothing")


@pytest.mark.parametrize("name", ["diffseg30k", "https://hf.co/datasets/a/b", "a/b/c", ""])
def test_a_name_that_is_none_is_refused(hub, runs, name):
    with pytest.raises(ValueError, match="NAMESPACE/NAME"):
        push(str(runs[0]), name, lambda *_: None, PushOptions(endpoint=hub.endpoint))


def test_a_token_that_may_only_read_is_told_so(hub, runs, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", READ_TOKEN)
    with pytest.raises(HubError, match="write access"):
        push_to(hub, runs[0])


def test_nobody_in_particular_is_asked_to_log_in(hub, runs, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(HubError, match="hf auth login"):
        push_to(hub, runs[0])
