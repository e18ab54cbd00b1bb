"""Formats the progress of a run: as tables for the console, and as JSON."""

import dataclasses
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from generation.monitoring.status import RunStatus


def show_status(status: RunStatus, console: Console) -> None:
    """Prints two tables, by turn and by generator, and the time left."""
    waves = Table("turn", "planned", "finished", "failed", "skipped", "waiting")
    for wave in status.waves:
        waves.add_row(
            *(
                str(n)
                for n in (
                    wave.turn or "pictures",
                    wave.planned,
                    wave.finished,
                    wave.failed,
                    wave.skipped,
                    wave.waiting,
                )
            )
        )
    generators = Table("generator", "planned", "finished", "loads", "edits/s of one worker")
    for each in status.generators:
        rate = f"{each.edits_per_second:.3g}" if each.edits_per_second else "–"
        generators.add_row(each.generator, str(each.planned), str(each.finished), str(each.loads), rate)
    console.print(waves, generators, time_left(status))


def time_left(status: RunStatus) -> str:
    """One line: the present rate and the time left."""
    if not any(wave.waiting for wave in status.waves):
        return "nothing waits"
    if status.time_left is not None:
        return f"now {status.rate:.3g} edits/s; {_duration(status.time_left)} left at this rate"
    if status.seconds_left is not None:
        return (
            f"no edit was finished lately; one worker needs {_duration(status.seconds_left)} for the waiting edits"
        )
    return "no edit was finished lately; the time left is unknown until each generator has finished an edit"


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))


def as_dict(status: RunStatus) -> dict[str, Any]:
    """The same numbers for JSON; times in seconds, None where unknown."""
    return {
        "waves": [dataclasses.asdict(wave) | {"waiting": wave.waiting} for wave in status.waves],
        "generators": [
            dataclasses.asdict(each) | {"edits_per_second": each.edits_per_second} for each in status.generators
        ],
        "loads": sum(each.loads for each in status.generators),
        "edits_per_second": status.rate,
        "seconds_left": status.time_left,
        "worker_seconds_left": status.seconds_left,
    }
