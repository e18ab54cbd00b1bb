"""What a push decides, whatever is local and published."""

import hashlib
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builder.dataset.directory import DatasetDirectory, Shard
from builder.dataset.manifest import Manifest
from builder.hub.agreement import Disagreement, Line
from builder.hub.diff import Comparison, compare, giving_way, settle
from builder.hub.repository import RemoteFile, Snapshot
from diffseg30k import EDITED, LORA, MORE_UNEDITED, UNEDITED, folder

PLENTY = settings(max_examples=60)

PLACES = (("train", EDITED), ("validation", EDITED), ("train", UNEDITED), ("train", LORA))
NAMES = st.sampled_from([f"{number:016x}.parquet" for number in range(3)])
CONTENTS = st.sampled_from([b"one", b"two", b"longer"])

LOCAL = st.dictionaries(st.tuples(st.sampled_from(PLACES), NAMES), CONTENTS, max_size=8)
REMOTE = st.dictionaries(
    st.tuples(st.sampled_from([*PLACES, ("train", MORE_UNEDITED)]), NAMES), CONTENTS, max_size=8
)


def by_path(files: dict) -> dict[str, bytes]:
    return {f"{folder(*place)}/{name}": content for (place, name), content in files.items()}


def decide(local: dict, remote: dict[str, bytes]) -> Comparison:
    """The comparison of real files with the published ones."""
    shards = [Shard(f"{folder(*place)}/{name}", *place, len(content)) for (place, name), content in local.items()]
    with tempfile.TemporaryDirectory() as place:
        for path, content in by_path(local).items():
            Path(place, path).parent.mkdir(parents=True, exist_ok=True)
            Path(place, path).write_bytes(content)
        there = {
            path: RemoteFile(path, len(content), hashlib.sha256(content).hexdigest(), "blob")
            for path, content in remote.items()
        }
        return compare(DatasetDirectory(place), shards, Manifest(), Snapshot("commit", there))


def pushed(local: dict, remote: dict[str, bytes], decided: Comparison) -> dict[str, bytes]:
    """What is published after it: what is rewritten goes, what is new comes."""
    kept = {path: content for path, content in remote.items() if path not in decided.rewritten}
    return kept | {shard.path: by_path(local)[shard.path] for shard in decided.new}


@PLENTY
@given(LOCAL, REMOTE)
def test_a_shard_is_uploaded_or_there_already_and_never_both(local, remote):
    published = by_path(remote)
    decided = decide(local, published)
    assert sorted(shard.path for shard in decided.new + decided.there) == sorted(by_path(local))
    for shard in decided.new:
        assert published.get(shard.path) != by_path(local)[shard.path], "these bytes are there already"


@PLENTY
@given(LOCAL, REMOTE)
def test_after_a_push_all_that_is_local_is_published_and_other_shards_are_as_they_were(local, remote):
    published = by_path(remote)
    decided = decide(local, published)
    after = pushed(local, published, decided)
    for shard in decided.new:
        assert after[shard.path] == by_path(local)[shard.path]
    names = {Path(path).name for path in by_path(local)}
    for path, content in published.items():
        if Path(path).name not in names:
            assert after[path] == content


@PLENTY
@given(LOCAL, REMOTE)
def test_a_second_push_of_the_same_decides_nothing(local, remote):
    published = by_path(remote)
    after = pushed(local, published, decide(local, published))
    again = decide(local, after)
    assert (again.new, again.rewritten) == ((), ())


ROWS = st.lists(st.integers(0, 11), max_size=12, unique=True)


def shards_of(rows: list[int], cuts: list[int], name: str) -> dict[Shard, list[Line]]:
    """Rows shared out to shards, each row in one of them."""
    found = {}
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(rows)], strict=True):
        if rows[start:end]:
            shard = Shard(f"{folder('train', EDITED)}/{name}-{start}.parquet", "train", EDITED, 1)
            found[shard] = [Line(str(row), str(row), "train", {}) for row in rows[start:end]]
    return found


CUTS = st.lists(st.integers(0, 12), max_size=3)


@PLENTY
@given(ROWS, CUTS, ROWS, CUTS, ROWS)
def test_shards_give_way_so_that_every_row_is_published_once_or_the_push_is_refused(old, cuts, rows, more, taken):
    published, new = shards_of(old, cuts, "old"), shards_of(rows, more, "new")
    gone = set(taken) - set(rows)
    ids = {str(row) for row in gone}
    found = [{int(line.id) for line in lines} for lines in published.values()]
    torn = any(0 < len(shard & (set(rows) | gone)) < len(shard) for shard in found)
    if torn:
        with pytest.raises(Disagreement):
            giving_way(published, new, (), ids)
        return
    replaced = giving_way(published, new, (), ids)
    left = [line.id for shard, lines in published.items() if shard not in replaced for line in lines]
    after = left + [line.id for lines in new.values() for line in lines]
    assert sorted(after) == sorted({str(row) for row in [*old, *rows]} - ids)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PLACES), st.integers(1, 4)), max_size=8),
    st.integers(0, 6),
    st.integers(0, 8),
)
def test_unedited_photographs_join_train_as_far_as_there_is_room_and_the_rest_goes_beside(shards, there, room):
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr("builder.hub.diff.UNEDITED_IN_TRAIN", room)
        local = []
        for number, (where, rows) in enumerate(shards):
            shard = Shard(f"{folder(*where)}/{number:016x}.parquet", *where, 1)
            Path(place, shard.path).parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table({"id": [str(row) for row in range(rows)]}), Path(place, shard.path))
            local.append(shard)
        settled = settle(DatasetDirectory(place), local, there)
    assert [each.local for each in settled] == local
    rows = {shard.path: count for shard, (_, count) in zip(local, shards, strict=True)}
    joined = [each for each in settled if each.path == each.local.path and each.local.group == UNEDITED]
    moved = [each for each in settled if each.path != each.local.path]
    used = there + sum(rows[each.local.path] for each in joined)
    assert used <= max(room, there)
    for each in moved:
        assert each.local.group == UNEDITED
        assert each.path == f"{folder('train', MORE_UNEDITED)}/{Path(each.local.path).name}"
        assert used + rows[each.local.path] > room, "there was room for it"
