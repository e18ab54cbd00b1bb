"""Pushing when things go wrong: refusals, lost connections, lost answers, other pushes, and SIGKILL."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future

import pytest

from builder.encoding.secrets import redact
from builder.hub.repository import HubError
from tests.hub_client import (
    NAME,
    environment,
    expected,
    finish_loading,
    load_by_name,
    packed_run,
    push_to,
    start_loading,
    start_pushing,
)
from tests.hub_server import (
    WRITE_TOKEN,
    Fault,
    HubServer,
    Killable,
    cut_upload,
    drop,
    forget_upload,
    kill,
    lose_answer,
    refuse,
    stall,
)

COMMIT = "/commit/"
UPLOAD = "/storage/"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two packed runs that share nothing."""
    place = tmp_path_factory.mktemp("runs")
    return [packed_run(place, number) for number in range(2)]


def files_of(server):
    return {path for path in server.head(NAME).files if path.endswith(".parquet")}


def shards(*datasets):
    return {str(file.relative_to(dataset)) for dataset in datasets for file in dataset.rglob("*.parquet")}


@pytest.mark.parametrize(
    "act",
    [refuse(500), refuse(503), refuse(429, headers={"Retry-After": "1"}), refuse(412), drop(), lose_answer()],
    ids=["500", "503", "429", "412", "dropped", "answer lost"],
)
def test_a_commit_that_fails_is_made_once(hub, runs, act):
    push_to(hub, runs[0])
    fault = hub.fail(Fault(act, "POST", COMMIT, times=2))
    push_to(hub, runs[1])
    assert fault.struck >= 1
    assert files_of(hub) == shards(*runs)
    assert len(hub.hub.repositories[NAME].commits) == 3


def test_a_commit_is_made_again_no_sooner_than_the_hub_asks(hub, runs):
    hub.fail(Fault(refuse(429, headers={"Retry-After": "2"}), "POST", COMMIT))
    begun = time.monotonic()
    push_to(hub, runs[0])
    assert time.monotonic() - begun >= 2


def test_folders_of_killed_pushes_are_removed_by_the_next_and_those_of_living_ones_stay(
    hub, runs, monkeypatch, tmp_path
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    names = [f"diffseg30k-{dead.pid}-left", f"diffseg30k-{os.getpid()}-mine", "diffseg30k-notes"]
    for name in names:
        (tmp_path / name / "pool").mkdir(parents=True)
    push_to(hub, runs[0])
    assert {path.name for path in tmp_path.iterdir()} & set(names) == set(names[1:])


def test_a_commit_that_stalls_is_given_up_and_made_again(hub, runs):
    push_to(hub, runs[0])
    fault = hub.fail(Fault(stall(3), "POST", COMMIT))
    push_to(hub, runs[1], timeout=1)
    assert fault.struck == 1
    assert files_of(hub) == shards(*runs)


@pytest.mark.parametrize("act", [refuse(500), drop(), cut_upload(1000)], ids=["500", "dropped", "cut"])
def test_an_upload_that_fails_is_tried_again(hub, runs, act):
    fault = hub.fail(Fault(act, "PUT", UPLOAD))
    push_to(hub, runs[0])
    assert fault.struck == 1
    assert files_of(hub) == shards(runs[0])


@pytest.mark.parametrize(
    "path", ["/api/repos/create", "/tree/", "/preupload/", "/objects/batch", "/api/validate-yaml"]
)
def test_any_request_may_fail_once(hub, runs, path):
    fault = hub.fail(Fault(refuse(503), "GET" if path == "/tree/" else "POST", path))
    push_to(hub, runs[0])
    assert fault.struck == 1
    assert files_of(hub) == shards(runs[0])


def test_an_upload_that_the_hub_forgets_is_sent_again(hub, runs):
    fault = hub.fail(Fault(forget_upload(hub.hub.objects.forget), "POST", "/verify/"))
    push_to(hub, runs[0])
    assert fault.struck == 1
    assert files_of(hub) == shards(runs[0])
    assert all(hub.hub.objects.holds(file.sha256) for file in hub.head(NAME).files.values() if file.sha256)


def test_a_hub_that_keeps_failing_is_given_up_and_shows_nothing_new(hub, runs):
    push_to(hub, runs[0])
    head = hub.head(NAME)
    hub.fail(Fault(refuse(503), "POST", COMMIT, times=100))
    with pytest.raises(HubError, match=r"gave up after 2 tries; .*503"):
        push_to(hub, runs[1], tries=2)
    assert hub.head(NAME) is head


def test_what_was_sent_before_a_push_was_cut_off_is_not_sent_again(hub, runs):
    push_to(hub, runs[0])
    fault = hub.fail(Fault(refuse(503), "POST", COMMIT, times=100))
    with pytest.raises(HubError):
        push_to(hub, runs[1], tries=1)
    fault.times = 0
    before = len(hub.requests)
    push_to(hub, runs[1])
    assert [request.path for request in hub.requests[before:] if request.method == "PUT"] == []
    assert files_of(hub) == shards(*runs)


def test_a_pull_request_whose_answer_is_lost_is_not_opened_twice(hub, runs):
    push_to(hub, runs[0])
    hub.fail(Fault(lose_answer(), "POST", COMMIT))
    with pytest.raises(HubError, match="look there before"):
        push_to(hub, runs[1], create_pr=True)
    assert hub.hub.repositories[NAME].pull_requests == 1


def test_a_hub_that_is_not_there_is_said_to_be(runs, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    with HubServer(tmp_path) as gone:
        pass
    with pytest.raises(HubError, match="cannot be reached"):
        push_to(gone, runs[0], timeout=1)


@pytest.mark.parametrize("command", [("verify", NAME), ("pull", NAME, "--out", "x"), ("withdraw", NAME, "row")])
def test_a_command_without_the_hub_ends_in_one_line(command, tmp_path):
    with HubServer(tmp_path / "hub") as gone:
        pass
    arguments = [sys.executable, "-m", "diffseg30k_cli", *command]
    done = subprocess.run(
        arguments, env=environment(gone, tmp_path / "home"), cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    *_, line = done.stderr.splitlines()
    assert line.startswith(f"diffseg30k: {NAME} on {gone.endpoint} cannot be reached")


def test_two_pushes_at_once_both_arrive(hub, runs, tmp_path):
    overtaken = hub.fail(Fault(stall(1.5), "POST", COMMIT))
    pushing = [start_pushing(hub, run) for run in runs]
    for process in pushing:
        process.join(60)
    assert [process.exitcode for process in pushing] == [0, 0]
    assert overtaken.struck == 1
    assert any(request.status == 412 for request in hub.requests)
    assert files_of(hub) == shards(*runs)
    assert f"{24 * 2} rows" in hub.head(NAME).files["README.md"].content.decode()


WRITES = "/preupload/|/batch$|/storage/|/verify/|/commit/"
"""The requests with which a push writes; who loads meanwhile makes none of them."""


def push_until(server, dataset, write: int) -> bool:
    """Pushes in a process that is killed in its nth request that writes; False where it needed fewer."""
    victim: Future[Killable] = Future()
    fault = server.fail(Fault(kill(victim), "POST|PUT", WRITES, spared=write - 1))
    process = start_pushing(server, dataset)
    victim.set_result(process)
    process.join()
    server.faults.remove(fault)
    assert process.exitcode == (-signal.SIGKILL if fault.struck else 0)
    return bool(fault.struck)


@pytest.mark.kills
def test_killed_in_every_request_that_writes_it_leaves_what_loads_and_ends_complete(hub, tmp_path):
    pushed = []
    for number in range(2):
        pushed.append(packed_run(tmp_path, number))
        push_to(hub, pushed[-1])
    stop = tmp_path / "stop"
    watcher = start_loading(hub, tmp_path / "home", str(stop))
    kills = 0
    for _ in range(3):
        pushed.append(packed_run(tmp_path, len(pushed), images=16))
        write = 1
        while push_until(hub, pushed[-1], write):
            write += 1
        kills += write - 1
    stop.touch()
    assert kills >= 3 * 3, "in the question what is there, in an upload and in the commit"
    counts = set(finish_loading(watcher))
    complete = {
        sum(len(ids) for ids in expected(pushed[:n])["semantic"].values()) for n in range(2, len(pushed) + 1)
    }
    assert any(request.method == "PUT" and request.status != 200 for request in hub.requests)
    assert counts
    assert counts <= complete
    assert load_by_name(hub, tmp_path / "afterwards") == expected(pushed)


def test_no_token_and_no_signature_is_written_anywhere(hub, runs, tmp_path):
    for act, path in ((refuse(500), UPLOAD), (drop(), UPLOAD)):
        hub.fail(Fault(act, "PUT", path))
    hub.fail(Fault(refuse(503), "POST", COMMIT, times=100))
    code = (
        "import logging; logging.basicConfig(level=logging.DEBUG)\n"
        "from tests.hub_client import *\n"
        f"push({str(runs[0])!r}, NAME, write_plain_card, PushOptions(tries=1))"
    )
    home = tmp_path / "home"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(hub, home) | {"TMPDIR": str(tmp_path), "HF_DEBUG": ""},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "HubError" in ran.stderr
    assert "Retrying" in ran.stderr
    written = [ran.stdout, ran.stderr]
    written += [file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    assert not any(WRITE_TOKEN in text for text in written)
    assert "signed-" not in ran.stdout + ran.stderr
    assert hub.hub.leaked == []


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (f"with {WRITE_TOKEN}!", "with …!"),
        ("https://me:secret@hub.example/x", "https://…hub.example/x"),
        (
            "PUT https://s3.example/a?X-Amz-Signature=abc&x=1 failed",
            "PUT https://s3.example/a?X-Amz-Signature=…&x=… failed",
        ),
        ("https://hub.example/api?recursive=True", "https://hub.example/api?recursive=…"),
        ("az://box/run?sv=1&sig=a%2Bb%3D", "az://box/run?sv=…&sig=…"),
        ("https://hub.example/a#part", "https://hub.example/a#part"),
    ],
)
def test_redacting(text, safe):
    assert redact(text) == safe
