"""Writes the options of a run to its directory, and checks a later call's options against them."""

import dataclasses
from typing import Any

from builder.encoding.json_document import JsonDocument
from builder.run.directory import OPTIONS, PICTURES, PLAN, RunDirectory
from generation.plan.options import PlanOptions
from generation.sources.photographs import SourceOptions
from generation.vlm.client import VlmClient

_COMMAND_LINE_NAMES = {"side": "size", "removal_dilation": "removal-dilation"}
_BEFORE = {"removal_dilation": 0.0}
"""What runs of versions that had no such option did."""


def settle_options(
    run: RunDirectory, sources: SourceOptions, options: PlanOptions, client: VlmClient | None = None
) -> None:
    """Writes the options of a run that has no plan yet, or checks that they equal those of one that has.

    Base images that were made for other options are removed then: nothing else was done for them yet. The VLM's
    address is written for later stages and may change; the VLM's name may not.

    Raises:
        ValueError: options differ; the message names them.
    """
    wanted = {"sources": dataclasses.asdict(sources), "plan": dataclasses.asdict(options)}
    if client is not None:
        wanted["vlm"] = {"vlm": client.vlm.place, "model": client.vlm.model}
    written = _OPTIONS.dump(wanted)
    if not run.exists(OPTIONS):
        run.write(OPTIONS, written)
        return
    before, now = (_OPTIONS.load(data, f"{run.url}/{OPTIONS}") for data in (run.read(OPTIONS), written))
    differing = _differences(before, now)
    if differing and not (run.exists(PLAN) or run.exists(PICTURES)):
        for name in sorted(run.names("bases")):
            run.delete(f"bases/{name}")
        run.write(OPTIONS, written)
        return
    if differing:
        raise ValueError(
            f"{run.url} was begun with other options: {'; '.join(differing)}. Go on with those, name another run, "
            "or delete this one"
        )
    if before.get("vlm") != wanted.get("vlm"):
        run.write(OPTIONS, written)


def read_vlm(run: RunDirectory) -> dict[str, str | None]:
    """The `vlm` and `model` arguments for `VlmOptions.named` of the VLM that a run was planned with; empty without
    one."""
    if not run.exists(OPTIONS):
        return {}
    return _OPTIONS.load(run.read(OPTIONS), f"{run.url}/{OPTIONS}").get("vlm", {})


def _parse(fields: dict[str, Any]) -> dict[str, Any]:
    for part in ("sources", "plan"):
        if not isinstance(fields[part], dict):
            raise TypeError(f"{part} is no object")
    for settings in fields["plan"]["generators"]:
        settings["generator"]
    return fields


_OPTIONS = JsonDocument(
    "a file of the options of a plan",
    1,
    _parse,
    "restore it, or delete it and give the plan command again with the same options",
)


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    for part in ("sources", "plan"):
        for name, value in now[part].items():
            if name == "generators":
                found += _generator_differences(before[part][name], value)
            elif (earlier := before[part].get(name, _BEFORE.get(name))) != value:
                shown = _COMMAND_LINE_NAMES.get(name, name)
                found.append(f"{shown} was {earlier} and is now {value}")
    return found


def _generator_differences(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[str]:
    """One line for each difference between two lists of generators: the ids, or if these are equal the
    settings."""
    names = [", ".join(settings["generator"] for settings in one) for one in (before, now)]
    if names[0] != names[1]:
        return [f"generators was {names[0]} and is now {names[1]}"]
    return [
        f"{name} of {new['generator']} was {old.get(name)} and is now {value}"
        for old, new in zip(before, now, strict=True)
        for name, value in new.items()
        if old.get(name) != value
    ]
