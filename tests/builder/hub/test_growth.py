"""A published dataset grows while its run goes on, is mended, and loses rows, by the commands that people type."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from builder.checks.verify import verify
from builder.dataset.manifest import MANIFEST
from builder.hub.contents import CARD
from builder.run.bases import read_bases
from builder.run.directory import record_path
from builder.run.scores import Score, write_score
from cards.card import write_card
from tests.hub_client import NAME, expected, load_by_name
from tests.hub_server.store import File
from tests.run_factory import make_run

pytestmark = pytest.mark.network


@pytest.fixture
def a_run(tmp_path):
    return make_run(tmp_path / "run", 40)


def pack_and_push(command, run, out, *options) -> None:
    command("pack", run, "--out", out, "--shard-size", 1, "--partial")
    command("card", out)
    command("push", out, NAME, *options)


def assert_published(hub, tmp_path, local: Path, number: int) -> None:
    """Every config loads by name with exactly the rows of a local dataset, and no check finds anything."""
    assert load_by_name(hub, tmp_path / f"home-{number}") == expected([local])
    pulled = tmp_path / f"pulled-{number}"
    shutil.copytree(local, pulled)
    write_card(str(pulled))
    assert verify(str(pulled)).violations == ()


def test_a_run_is_published_at_a_quarter_at_half_and_whole(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    edited = [base for base in read_bases(a_run) if base.num_edits]
    records = [Path(a_run.url, record_path(base.image, base.num_edits)) for base in edited]
    contents = [record.read_bytes() for record in records]
    published: dict[str, File] = {}
    for number, share in enumerate((0.25, 0.5, 1)):
        for index, record in enumerate(records):
            record.unlink(missing_ok=True)
            if index < share * len(records):
                record.write_bytes(contents[index])
        before = len(hub.requests)
        pack_and_push(command, a_run.url, out)
        there = {path: file for path, file in hub.head(NAME).files.items() if path.endswith(".parquet")}
        assert published.items() < there.items(), "what was published stays where it is"
        new = {file.sha256: file.size for path, file in there.items() if path not in published}
        sent = {request.path.rsplit("/", 1)[-1]: request.received for request in uploads(hub, before)}
        others = {file.sha256 for path, file in published.items()}
        assert sent.keys().isdisjoint(others), "and is not sent again"
        assert sum(sent[digest] for digest in new) <= 1.02 * sum(new.values())
        published = there
        assert_published(hub, tmp_path, out, number)


def test_rows_scored_anew_are_replaced_only_when_asked(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    pack_and_push(command, a_run.url, out)
    better, worse = [base for base in read_bases(a_run) if base.num_edits == 2][:2]
    write_score(a_run, better.image, Score(5.0, "natural", True))
    write_score(a_run, worse.image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    command("pack", a_run.url, "--out", out, "--shard-size", 1)
    command("card", out)
    before = hub.head(NAME)
    said = command("push", out, NAME, code=1)
    assert "row ids are there twice, published and in new shards of yours" in said
    assert "push with --replace" in said
    assert "would replace" in command("push", out, NAME, "--replace", "--dry-run")
    assert hub.head(NAME) is before

    command("push", out, NAME, "--replace")
    assert_published(hub, tmp_path, out, 0)
    assert manifest_of(hub)["discarded"] == [worse.row_id]


def uploads(hub, since: int) -> list:
    return [r for r in hub.requests[since:] if r.method == "PUT" and r.path.startswith("/storage/")]


def manifest_of(hub) -> dict:
    return json.loads(hub.head(NAME).files[MANIFEST].content)


def ids_of(folder: Path) -> set[str]:
    return {row for path in folder.rglob("*.parquet") for row in pq.read_table(path)["id"].to_pylist()}


def test_rows_that_are_only_discarded_are_not_left_behind_silently(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    pack_and_push(command, a_run.url, out)
    for base in read_bases(a_run):
        if base.num_edits == 3:
            write_score(a_run, base.image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    command("pack", a_run.url, "--out", out, "--shard-size", 1)
    command("card", out)
    assert "push with --replace" in command("push", out, NAME, code=1)
    command("push", out, NAME, "--replace")
    assert_published(hub, tmp_path, out, 0)


def test_a_photographers_rows_are_withdrawn_from_the_hub_and_stay_away(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    pack_and_push(command, a_run.url, out)
    gone = next(base for base in read_bases(a_run) if base.num_edits == 2)
    rows = {base.row_id for base in read_bases(a_run) if base.base_id == gone.base_id}
    before = hub.head(NAME)
    assert gone.row_id in command("withdraw", NAME, gone.base_id, "--dry-run")
    assert hub.head(NAME) is before

    said = command("withdraw", NAME, gone.base_id, "--reason", "the photographer asked")
    assert "earlier commits of the repository still hold the rows" in said
    assert manifest_of(hub)["withdrawn"] == dict.fromkeys(rows, "the photographer asked")
    command("pull", NAME, "--out", tmp_path / "pulled")
    assert len(rows) > 1
    assert ids_of(tmp_path / "pulled") == ids_of(out) - rows
    assert_published(hub, tmp_path, tmp_path / "pulled", 0)
    assert "was withdrawn before" in command("withdraw", NAME, gone.row_id)

    assert f"left out, withdrawn: {gone.image}" in command("pack", a_run.url, "--out", tmp_path / "pulled")
    assert "withdraw them from your dataset too" in command("push", out, NAME, code=1)
    command("withdraw", out, gone.base_id)
    assert "has it all" in command("push", out, NAME)
    assert load_by_name(hub, tmp_path / "home-1") == expected([tmp_path / "pulled"])


def test_rows_are_withdrawn_from_a_folder_and_an_unknown_id_is_named(command, a_run, tmp_path):
    out = tmp_path / "out"
    command("pack", a_run.url, "--out", out, "--shard-size", 1)
    command("card", out)
    first, second = [base.row_id for base in read_bases(a_run) if base.num_edits][:2]
    whole = ids_of(out)
    assert "no row and no base image nobody" in command("withdraw", out, first, "nobody", code=1)
    assert ids_of(out) == whole
    command("withdraw", out, first, second)
    assert ids_of(out) == whole - {first, second}
    assert verify(str(out)).violations == ()
    command("pack", a_run.url, "--out", out, "--shard-size", 1)
    assert ids_of(out) == whole - {first, second}


def test_a_row_that_was_withdrawn_from_the_hub_is_not_pushed_again(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    pack_and_push(command, a_run.url, out)
    gone = next(base for base in read_bases(a_run) if base.num_edits == 2)
    command("withdraw", NAME, gone.row_id)
    write_score(a_run, gone.image, Score(5.0, "natural", True))
    command("pack", a_run.url, "--out", out, "--shard-size", 1)
    said = command("push", out, NAME, "--replace", code=1)
    assert "were withdrawn from the repository" in said
    assert gone.row_id in said


def edit_card(hub, change) -> None:
    """Changes the card on the Hub, as a person does in the browser."""
    before = hub.head(NAME).files[CARD].content.decode()
    data = change(before).encode()
    repository = hub.hub.repositories[NAME]
    repository.commit("main", "Edit the card", None, {CARD: File(len(data), data)}, set(), as_pr=False)


def test_what_people_write_in_the_card_on_the_hub_stays(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    pack_and_push(command, a_run.url, out)
    edit_card(
        hub,
        lambda card: (
            card.replace("---\n", "---\nextra_gated_prompt: Agree to name the source.\n", 1)
            .replace("tags:\n", "tags:\n- faces\n", 1)
            .replace("<!-- diffseg30k:begin -->", "**Read the errata below.**\n\n<!-- diffseg30k:begin -->")
            + "\n## Contact\n\nWrite to <me@example.org>.\n"
        ),
    )
    assert "has it all" in command("push", out, NAME)
    make_run(tmp_path / "second", 40, edition="-2")
    pack_and_push(command, tmp_path / "second", out)

    card = hub.head(NAME).files[CARD].content.decode()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["extra_gated_prompt"] == "Agree to name the source."
    assert "faces" in front["tags"]
    assert "**Read the errata below.**\n\n<!-- diffseg30k:begin -->" in card
    assert card.endswith("\n## Contact\n\nWrite to <me@example.org>.\n")
    assert f"{len(ids_of(out))} images" in card
    assert_published(hub, tmp_path, out, 0)
    assert ": 0 violations" in command("verify", NAME)
    command("pull", NAME, "--out", tmp_path / "part", "--config", "semantic", "--split", "validation")
    assert (tmp_path / "part" / CARD).read_text().endswith("Write to <me@example.org>.\n")


def test_what_people_write_in_the_card_of_a_folder_arrives_with_the_first_push(hub, command, a_run, tmp_path):
    out = tmp_path / "out"
    command("pack", a_run.url, "--out", out)
    command("card", out)
    (out / CARD).write_text((out / CARD).read_text() + "\n## Contact\n\nWrite to me.\n")
    command("push", out, NAME)
    assert hub.head(NAME).files[CARD].content.decode().endswith("## Contact\n\nWrite to me.\n")
    (out / CARD).write_text("---\na: [1\n---\n")
    assert f"{out / CARD}: its metadata" in command("card", out, code=1)
    assert (out / CARD).read_text() == "---\na: [1\n---\n"
