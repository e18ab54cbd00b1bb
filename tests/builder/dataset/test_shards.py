"""How rows fall into shards, whatever the rows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.dataset.shards import Entry, PlannedShard, plan_shards
from builder.dataset.splits import Member, place
from diffseg30k import GENERATORS, folder, side

PLENTY = settings(max_examples=60)

ROWS_PER_GROUP = 3
LARGEST_ROW = 5000


@st.composite
def rows(draw) -> list[Entry]:
    """Rows of a few base images, some of which have several rows, of sizes that differ a lot."""
    count = draw(st.integers(1, 40))
    return [
        Entry(
            key=f"row-{number}",
            member=Member(
                f"row-{number}",
                f"base-{draw(st.integers(0, 15))}",
                tuple(draw(st.lists(st.sampled_from(GENERATORS), max_size=3, unique=True))),
            ),
            size=draw(st.integers(1, LARGEST_ROW)),
            fingerprint=number.to_bytes(4, "big"),
        )
        for number in range(count)
    ]


def plan(entries: list[Entry], shard_bytes: int) -> list[PlannedShard]:
    placements = place([entry.member for entry in entries])
    return plan_shards(entries, placements, shard_bytes, ROWS_PER_GROUP, with_originals=False)


def entries_of(shard: PlannedShard) -> list[Entry]:
    return [entry for group in shard.row_groups for entry, _ in group]


@PLENTY
@given(rows(), st.integers(1, 20_000))
def test_every_row_is_in_exactly_one_shard_of_its_side_and_group(entries, shard_bytes):
    shards = plan(entries, shard_bytes)
    keys = [entry.key for shard in shards for entry in entries_of(shard)]
    assert sorted(keys) == sorted(entry.key for entry in entries)
    assert len({shard.path for shard in shards}) == len(shards)
    for shard in shards:
        for group in shard.row_groups:
            for _, placement in group:
                assert shard.path.startswith(f"{folder(placement.side, placement.group)}/")


@PLENTY
@given(rows(), st.integers(1, 20_000))
def test_all_rows_of_a_base_image_lie_on_its_side(entries, shard_bytes):
    for shard in plan(entries, shard_bytes):
        for entry in entries_of(shard):
            assert shard.path.split("/")[1] == side(entry.member.base_id)


@PLENTY
@given(rows(), st.integers(LARGEST_ROW, 20_000))
def test_no_shard_is_over_its_limit_by_more_than_one_row(entries, shard_bytes):
    for shard in plan(entries, shard_bytes):
        sizes = [entry.size for entry in entries_of(shard)]
        assert sum(sizes) <= shard_bytes + max(sizes)


@PLENTY
@given(rows(), st.integers(1, 20_000), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(entries, shard_bytes, rng):
    mixed = list(entries)
    rng.shuffle(mixed)
    assert plan(mixed, shard_bytes) == plan(entries, shard_bytes)


@PLENTY
@given(rows(), st.integers(1, 20_000))
def test_a_row_group_is_of_limited_length_and_agrees_in_the_held_out_columns(entries, shard_bytes):
    for shard in plan(entries, shard_bytes):
        for group in shard.row_groups:
            assert 1 <= len(group) <= ROWS_PER_GROUP
            assert len({tuple(placement.flags.items()) for _, placement in group}) == 1
