"""What the tests of the Hub share: datasets to push, and loading them by name in a process of its own."""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterable
from multiprocessing.process import BaseProcess
from pathlib import Path

import pyarrow.parquet as pq

from builder.hub.push import PushOptions, PushReport, push
from builder.packing.pack import PackOptions, pack
from diffseg30k import CONFIGS, folder
from tests.hub_server import WRITE_TOKEN, HubServer
from tests.plain_card import write_plain_card
from tests.run_factory import KINDS, make_run

NAME = "tester/diffseg30k"
ROOT = Path(__file__).parent.parent


def packed_run(
    place: Path, number: int, images: int = 24, pixels: int = 64, shard_bytes: int = 200_000, kinds=KINDS
) -> Path:
    """A packed run; two of different numbers share no photograph."""
    make_run(place / f"run-{number}", images, pixels, seed=number, kinds=kinds, prefix=f"photo{number}")
    out = place / f"packed-{number}"
    pack(str(place / f"run-{number}"), str(out), PackOptions(shard_bytes=shard_bytes, progress=False))
    return out


def push_to(server: HubServer, dataset: Path | str, **options) -> PushReport:
    settings = PushOptions(endpoint=server.endpoint, progress=False, **options)
    return push(str(dataset), NAME, write_plain_card, settings)


def _push_alone(endpoint: str, dataset: str, token: str) -> None:
    os.environ["HF_TOKEN"] = token
    push(dataset, NAME, write_plain_card, PushOptions(endpoint=endpoint, progress=False))


def start_pushing(server: HubServer, dataset: Path) -> BaseProcess:
    """A push in a process of its own, which knows nothing of this one's threads."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.hub_client"])
    process = context.Process(target=_push_alone, args=(server.endpoint, str(dataset), WRITE_TOKEN))
    process.start()
    return process


def environment(server: HubServer, home: Path) -> dict[str, str]:
    """The environment of a process that knows no other Hub and has cached nothing yet."""
    own = {"HF_ENDPOINT": server.endpoint, "HF_HOME": str(home), "HF_TOKEN": WRITE_TOKEN}
    # without torch, which takes seconds to import and changes nothing here
    return os.environ | own | {"HF_HUB_DISABLE_XET": "1", "PYTHONPATH": str(ROOT), "USE_TORCH": "0"}


def start_loading(server: HubServer, home: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "load_by_name.py"), NAME, *arguments],
        env=environment(server, home),
        cwd=home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish_loading(process: subprocess.Popen[str]):
    printed, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return json.loads(printed.splitlines()[-1])


def load_by_name(server: HubServer, home: Path) -> dict[str, dict[str, list[str]]]:
    """Config to split to ids, as `load_dataset` has them from the server."""
    return finish_loading(start_loading(server, home))


def expected(datasets: Iterable[Path]) -> dict[str, dict[str, list[str]]]:
    """The same, read from the shards of local datasets by pyarrow."""
    folders = list(datasets)
    found: dict[str, dict[str, list[str]]] = {}
    for view in CONFIGS.values():
        if view.needs_originals:
            continue
        for split, places in view.splits.items():
            rows = [row for place in folders for each in places for row in _ids(place / each, view.filters)]
            if rows:
                found.setdefault(view.name, {})[split] = sorted(rows)
    return found


def ids(dataset: Path, side: str, group: str) -> list[str]:
    """The rows of one folder of shards."""
    return _ids(dataset / folder(side, group))


def _ids(place: Path, filters: list[list] | None = None) -> list[str]:
    tables = (pq.read_table(file, columns=["id"], filters=filters) for file in sorted(place.glob("*.parquet")))
    return [row for table in tables for row in table["id"].to_pylist()]
