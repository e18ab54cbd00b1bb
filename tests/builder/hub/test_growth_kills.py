"""A dataset is published, grows, is mended and loses rows, while every command is killed and others read it."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from builder.run.bases import read_bases
from builder.run.directory import record_path
from builder.run.scores import Score, write_score
from tests.hub_client import NAME, ROOT, environment, expected, finish_loading, load_by_name, start_loading
from tests.hub_server import Fault, HubServer, Killable, kill, kill_after, wait_until
from tests.hub_server.faults import Act
from tests.run_factory import make_run

pytestmark = pytest.mark.kills

KILLS: tuple[tuple[Callable[[Future[Killable]], Act], str, str], ...] = (
    (kill, "PUT", "/storage/"),
    (kill, "POST", "/commit/"),
    (kill_after, "POST", "/commit/"),
)
"""How a command is killed, and in which request."""


class Publisher:
    """Gives commands against a Hub, each of them killed in every way first."""

    def __init__(self, server: HubServer, home: Path) -> None:
        self.server = server
        self.environment = environment(server, home)
        self.killed = 0

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "diffseg30k_cli", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=ROOT, env=self.environment, **pipes)

    def give(self, *arguments: object) -> str:
        return finish(self.start(*arguments))

    def give_and_kill(self, *arguments: object) -> str:
        """Gives a command that writes to the Hub; killed in each way of KILLS, and then not."""
        for act, method, path in KILLS:
            victim: Future[Killable] = Future()
            fault = self.server.fail(Fault(act(victim), method, path))
            process = self.start(*arguments)
            victim.set_result(process)
            said, _ = process.communicate(timeout=120)
            self.server.faults.remove(fault)
            assert process.returncode == (-signal.SIGKILL if fault.struck else 0), said
            self.killed += fault.struck
        return self.give(*arguments)


def finish(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return said


@pytest.fixture
def publisher(hub, tmp_path):
    return Publisher(hub, tmp_path / "publisher")


class Readers:
    """Streams `semantic` all the while, and holds what is published against a local dataset."""

    def __init__(self, server: HubServer, place: Path) -> None:
        self.server, self.place, self.rows = server, place, set[int]()
        self.watcher: subprocess.Popen[str] | None = None

    def expect(self, *datasets: Path) -> None:
        """From now on every config has exactly the rows of these datasets."""
        rows = expected(datasets)
        assert load_by_name(self.server, self.place / f"home-{len(self.rows)}") == rows
        self.rows.add(sum(map(len, rows["semantic"].values())))
        if self.watcher is None:
            self.watcher = start_loading(self.server, self.place / "watcher", str(self.place / "stop"))

    def finish(self) -> None:
        """Makes sure that whoever read meanwhile had one complete state or another."""
        assert self.watcher is not None
        (self.place / "stop").touch()
        counts = set(finish_loading(self.watcher))
        assert counts
        assert counts <= self.rows


@pytest.fixture
def readers(hub, tmp_path):
    return Readers(hub, tmp_path)


def grow(publisher: Publisher, run: str, out: Path, killed: bool = True) -> None:
    publisher.give("pack", run, "--out", out, "--shard-size", 1, "--partial")
    (publisher.give_and_kill if killed else publisher.give)("push", out, NAME)
    assert ": 0 violations" in publisher.give("verify", NAME)


def test_killed_at_every_step_it_grows_from_a_quarter_to_three_runs(publisher, readers, tmp_path):
    out = tmp_path / "out"
    run = make_run(tmp_path / "run", 40)
    records = [
        Path(run.url, record_path(base.image, base.num_edits)) for base in read_bases(run) if base.num_edits
    ]
    contents = [record.read_bytes() for record in records]
    for share in (0.25, 0.5, 1):
        for record in records:
            record.unlink(missing_ok=True)
        for record, content in list(zip(records, contents, strict=True))[: int(share * len(records))]:
            record.write_bytes(content)
        grow(publisher, run.url, out)
        readers.expect(out)
    grow(publisher, make_run(tmp_path / "second", 40, edition="-2").url, out)
    readers.expect(out)
    grow(publisher, make_run(tmp_path / "third", 12, prefix="other").url, out, killed=False)
    readers.expect(out)
    readers.finish()
    assert publisher.killed == 4 * len(KILLS)


def test_killed_at_every_step_rows_are_replaced_and_withdrawn(publisher, readers, tmp_path):
    out = tmp_path / "out"
    run = make_run(tmp_path / "run", 40)
    grow(publisher, run.url, out)
    readers.expect(out)

    better, worse, gone = [base for base in read_bases(run) if base.num_edits == 2][:3]
    write_score(run, better.image, Score(5.0, "natural", True))
    write_score(run, worse.image, Score(1.0, "torn", False, rejected_for="a score below 3"))
    publisher.give("pack", run.url, "--out", out, "--shard-size", 1)
    publisher.give_and_kill("push", out, NAME, "--replace")
    readers.expect(out)
    assert ": 0 violations" in publisher.give("verify", NAME)

    assert f"was withdrawn before: {gone.row_id}" in publisher.give_and_kill("withdraw", NAME, gone.row_id)
    publisher.give("withdraw", out, gone.row_id)
    readers.expect(out)
    readers.finish()
    assert ": 0 violations" in publisher.give("verify", NAME)
    assert "has it all" in publisher.give("push", out, NAME)
    assert publisher.killed == 3 * len(KILLS)


def test_two_people_at_once_add_a_run_each_and_withdraw_a_row_each(hub, publisher, readers, tmp_path):
    run = make_run(tmp_path / "run", 24)
    first = tmp_path / "first"
    publisher.give("pack", run.url, "--out", first, "--shard-size", 1)
    publisher.give("push", first, NAME)
    readers.expect(first)
    folders = [tmp_path / f"person-{number}" for number in range(2)]
    for number, folder in enumerate(folders):
        publisher.give("pull", NAME, "--out", folder)
        more = make_run(tmp_path / f"more-{number}", 12, seed=number + 1, prefix=f"more{number}")
        publisher.give("pack", more.url, "--out", folder, "--shard-size", 1)

    at_once(hub, publisher, [("push", folder, NAME) for folder in folders])
    together = tmp_path / "together"
    publisher.give("pull", NAME, "--out", together)
    readers.expect(together)
    rows = {row for folder in folders for row in rows_of(folder)}
    assert rows_of(together) == rows
    assert len(rows) == 24 + 2 * 12

    gone = [base.row_id for base in read_bases(run) if base.num_edits == 2][:2]
    at_once(hub, publisher, [("withdraw", NAME, row) for row in gone])
    publisher.give("pull", NAME, "--out", together)
    readers.expect(together)
    assert rows_of(together) == rows - set(gone)
    assert ": 0 violations" in publisher.give("verify", NAME)


def at_once(server: HubServer, publisher: Publisher, commands: Sequence[Sequence[object]]) -> None:
    """Gives commands at once, the first commit of which is overtaken by another's."""
    commits = server.hub.repositories[NAME].commits
    so_far = len(commits)
    overtaken = server.fail(Fault(wait_until(lambda: len(commits) > so_far), "POST", "/commit/"))
    for process in [publisher.start(*command) for command in commands]:
        finish(process)
    server.faults.remove(overtaken)
    assert overtaken.struck == 1
    assert len(commits) == so_far + len(commands)


def rows_of(dataset: Path) -> set[str]:
    return {row for path in dataset.rglob("*.parquet") for row in pq.read_table(path)["id"].to_pylist()}
