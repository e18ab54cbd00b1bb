"""Writes the options of a run to its directory, and checks a later call's options against them."""

import dataclasses
import json
from typing import Any

from builder.run.directory import OPTIONS, RunDirectory
from generation.plan.options import PlanOptions
from generation.sources.photographs import SourceOptions
from generation.vlm.client import VlmClient

_COMMAND_LINE_NAMES = {"side": "size"}


def settle_options(
    run: RunDirectory, sources: SourceOptions, options: PlanOptions, client: VlmClient | None = None
) -> None:
    """Writes the options of a new run, or checks that they equal those of an existing one.

    The VLM's address is written for later stages and may change; the VLM's name may not.

    Raises:
        ValueError: options differ; the message names them.
    """
    wanted = {"sources": dataclasses.asdict(sources), "plan": dataclasses.asdict(options)}
    if client is not None:
        wanted["vlm"] = {"vlm": client.vlm.place, "model": client.vlm.model}
    text = json.dumps(wanted, ensure_ascii=False, indent=1, sort_keys=True)
    if not run.exists(OPTIONS):
        run.write(OPTIONS, text.encode())
        return
    try:
        before = json.loads(run.read(OPTIONS))
        differing = _differences(before, json.loads(text))
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(f"{run.url}/{OPTIONS} does not hold the options of a plan; name another run") from error
    if differing:
        raise ValueError(
            f"{run.url} was begun with other options: {'; '.join(differing)}. Go on with those, name another run, "
            "or delete this one"
        )
    if before.get("vlm") != wanted.get("vlm"):
        run.write(OPTIONS, text.encode())


def read_vlm(run: RunDirectory) -> dict[str, str | None]:
    """The `vlm` and `model` arguments for `VlmOptions.named` of the VLM that a run was planned with; empty without
    one."""
    if not run.exists(OPTIONS):
        return {}
    content = json.loads(run.read(OPTIONS))
    return content.get("vlm", {}) if isinstance(content, dict) else {}


def _differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    for part in ("sources", "plan"):
        for name, value in now[part].items():
            if name == "generators":
                found += _generator_differences(before[part][name], value)
            elif before[part].get(name) != value:
                shown = _COMMAND_LINE_NAMES.get(name, name)
                found.append(f"{shown} was {before[part].get(name)} and is now {value}")
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
