"""`push --tag` names what a dataset holds, and the card says what changed since the version before."""

import json

import pytest

from builder.dataset.manifest import MANIFEST
from builder.run.bases import read_bases
from builder.run.scores import Score, write_score
from tests.hub_client import NAME
from tests.hub_server import Fault, refuse
from tests.run_factory import make_run

pytestmark = pytest.mark.network


@pytest.fixture
def a_run(tmp_path):
    return make_run(tmp_path / "run", 16)


@pytest.fixture
def out(command, a_run, tmp_path):
    command("pack", a_run.url, "--out", tmp_path / "out", "--shard-size", 1)
    return tmp_path / "out"


def tags(hub) -> dict[str, str]:
    return hub.hub.repositories[NAME].tags


def card(hub, revision: str = "main") -> str:
    return hub.head(NAME, revision).files["README.md"].content.decode()


def versions(hub) -> list[dict]:
    return json.loads(hub.head(NAME).files[MANIFEST].content)["versions"]


def test_a_version_says_how_many_rows_came_changed_and_went(hub, command, a_run, out, tmp_path):
    assert "would be tagged v1.0: 16 rows" in command("push", out, NAME, "--tag", "v1.0", "--dry-run")
    assert "is tagged v1.0: 16 rows in" in command("push", out, NAME, "--tag", "v1.0")
    assert tags(hub) == {"v1.0": hub.head(NAME).oid}
    assert "the first version" in card(hub)

    better, worse = [base for base in read_bases(a_run) if base.num_edits == 2][:2]
    write_score(a_run, better.image, Score(5.0, "natural", True))
    write_score(a_run, worse.image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    make_run(tmp_path / "second", 5, edition="-2")
    for run in (a_run.url, tmp_path / "second"):
        command("pack", run, "--out", out, "--shard-size", 1)
        command("push", out, NAME, "--replace")
    assert "since" not in card(hub), "what is not tagged is no version"
    said = command("push", out, NAME, "--tag", "v1.1")
    new = sum(bool(base.num_edits) for base in read_bases(a_run)[:5])
    changes = f"since v1.0: {new} added, 1 changed, 1 removed"
    assert f"is tagged v1.1: {15 + new} rows in" in said
    assert changes in said
    assert changes in card(hub)
    assert [version["tag"] for version in versions(hub)] == ["v1.0", "v1.1"]
    assert tags(hub)["v1.1"] == hub.head(NAME).oid

    for tag, rows in (("v1.0", 16), ("v1.1", 15 + new)):
        command("pull", NAME, "--out", tmp_path / tag, "--revision", tag)
        assert f"{rows} rows in" in command("verify", tmp_path / tag)
        assert f"{rows} rows in" in command("verify", f"{NAME}@{tag}")


def test_a_tag_is_given_once(hub, command, out):
    command("push", out, NAME, "--tag", "v1.0")
    head = hub.head(NAME)
    assert "is tagged v1.0" in command("push", out, NAME, "--tag", "v1.0"), "it names this state already"
    command("push", out, NAME, "--tag", "v1.1")
    assert f"has a tag v1.0, of commit {head.oid[:12]}" in command("push", out, NAME, "--tag", "v1.0", code=1)
    assert "has a branch main" in command("push", out, NAME, "--tag", "main", code=1)
    assert "cannot be a tag" in command("push", out, NAME, "--tag", "first version", code=1)
    assert "a pull request cannot be tagged" in command("push", out, NAME, "--tag", "v2", "--create-pr", code=1)
    assert tags(hub).keys() == {"v1.0", "v1.1"}


def test_a_push_that_ends_before_its_tag_is_finished_by_the_next(hub, command, out):
    fault = hub.fail(Fault(refuse(403), "POST", "/tag/"))
    said = command("push", out, NAME, "--tag", "v1.0", code=1)
    assert "all is pushed but the tag" in said
    assert "push again with --tag v1.0" in said
    assert (fault.struck, tags(hub)) == (1, {})
    head = hub.head(NAME)
    command("push", out, NAME, "--tag", "v1.0")
    assert tags(hub) == {"v1.0": head.oid}
    assert len(versions(hub)) == 1


def test_a_version_whose_tag_was_deleted_is_compared_with_none(hub, command, out):
    command("push", out, NAME, "--tag", "v1.0")
    tags(hub).clear()
    assert "the first version" in command("push", out, NAME, "--tag", "v1.1")
