"""The progress of a run, read from its directory, and estimates from it."""

import io
import json
import os
import time

import pytest
from rich.console import Console
from typer.testing import CliRunner

from builder.run.directory import RunDirectory
from builder.run.planned_edit import write_plan
from builder.run.records import EditFailure, write_failure, write_load
from diffseg30k_cli.main import app
from generation.editing.wave_run import Progress
from generation.monitoring.estimate import estimate
from generation.monitoring.simulation import Cluster
from generation.monitoring.status import read_status
from generation.monitoring.status_view import as_dict, show_status, time_left
from tests.generation.editing.test_waves import finish, planned

FIRST = [planned(image, 1, "sd2") for image in "abcd"]
SECOND = [planned(image, 2, "sdxl") for image in "abc"]
NOW = 1_000_000.0


@pytest.fixture
def run(tmp_path) -> RunDirectory:
    """Of four images: `a` and `b` have finished their first turn, a minute ago, and the edit of `c` has failed."""
    run = RunDirectory(str(tmp_path))
    write_plan(run, [*FIRST, *SECOND])
    for edit in FIRST[:2]:
        finish(run, edit)
        os.utime(tmp_path / f"turn-1/{edit.image}.json", (NOW - 60, NOW - 60))
    write_failure(run, EditFailure("c", 1, "sd2", "the result is black"))
    write_load(run, 1, "sd2", 2.0, "cpu")
    return run


def test_every_edit_is_counted_once(run):
    counts = [
        (wave.planned, wave.finished, wave.failed, wave.skipped, wave.waiting)
        for wave in read_status(run.url, NOW).waves
    ]
    assert counts == [(4, 2, 1, 0, 1), (3, 0, 0, 1, 2), (0, 0, 0, 0, 0)]


def test_loads_and_rates_are_those_of_the_records(run):
    sd2, sdxl = read_status(run.url, NOW).generators
    assert (sd2.generator, sd2.planned, sd2.finished, sd2.loads) == ("sd2", 4, 2, 1)
    assert sd2.edits_per_second == pytest.approx(10)
    assert (sdxl.finished, sdxl.loads, sdxl.edits_per_second) == (0, 0, None)


def test_the_time_left_goes_by_what_was_finished_lately(run):
    status = read_status(run.url, NOW)
    assert status.rate == pytest.approx(2 / 60)
    assert status.time_left == pytest.approx(3 * 30)
    assert time_left(status) == "now 0.0333 edits/s; 0:01:30 left at this rate"

    later = read_status(run.url, NOW + 3600)
    assert (later.rate, later.time_left) == (None, None)


def test_without_recent_edits_the_time_left_is_for_one_worker_once_every_rate_is_known(run):
    assert "unknown" in time_left(read_status(run.url, NOW + 3600))
    finish(run, SECOND[0])
    later = read_status(run.url, time.time() + 3600)
    assert later.seconds_left == pytest.approx(0.2), "one edit each waits; those that failed are not waited for"
    assert time_left(later) == "no edit was finished lately; one worker needs 0:00:00 for the waiting edits"


def test_a_run_of_which_nothing_is_left_but_failures_waits_for_nothing(run):
    for edit in (FIRST[3], *SECOND[:2]):
        finish(run, edit)
    status = read_status(run.url, time.time())
    assert (status.time_left, status.seconds_left) == (0.0, 0.0)
    assert time_left(status) == "nothing waits"


def test_the_command_prints_the_same_numbers_for_people_and_as_json(run):
    status = read_status(run.url, NOW)
    page = io.StringIO()
    show_status(status, Console(width=100, file=page))
    assert all(word in page.getvalue() for word in ("skipped", "sdxl", "0:01:30"))

    result = CliRunner().invoke(app, ["status", run.url, "--json"])
    assert result.exit_code == 0
    printed = json.loads(result.output)
    assert printed["waves"] == as_dict(status)["waves"]
    assert printed["waves"][0] | {"waiting": 1, "failed": 1} == printed["waves"][0]
    assert printed["loads"] == 1


def test_a_bar_follows_the_records_whoever_writes_them(run, capsys):
    with Progress(run, FIRST) as progress:
        assert progress._bar.n == 2
        finish(run, FIRST[3])
        end = time.monotonic() + 20
        while progress._bar.n < 3 and time.monotonic() < end:
            time.sleep(0.05)
        assert progress._bar.n == 3
        finish(run, FIRST[2])
    assert progress._bar.n == 4
    assert "turn 1: 100%" in capsys.readouterr().err


def test_an_estimate_takes_a_zero_for_what_it_says(run):
    free = estimate(run.url, Cluster(2), seconds={"sd2": 0.0, "sdxl": 0.0}, load_seconds=0.0)
    assert (free.hours, free.simulated.seconds, free.images) == (0.0, 0.0, 4)
    assert len(free.simulated.finished) == 7


def test_an_estimate_measures_what_it_is_not_told_and_scales_to_more_images(run):
    with pytest.raises(ValueError, match=r"not known for sdxl.*--seconds sdxl=SECONDS"):
        estimate(run.url, Cluster(1))
    larger = estimate(run.url, Cluster(1), images=8, seconds={"sdxl": 3.0}, load_seconds=5.0)
    assert [(each.generator, each.edits, each.seconds) for each in larger.generators] == [
        ("sd2", 8, pytest.approx(0.1)),
        ("sdxl", 6, 3.0),
    ]
    assert larger.simulated.seconds == pytest.approx(8 * 0.1 + 6 * 3 + 2 * 5)
