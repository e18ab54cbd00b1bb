"""A run, the dataset that it becomes, and a Hub to push it to."""

import pytest

from builder.packing.pack import PackOptions, pack
from tests.hub_server import WRITE_TOKEN, HubServer
from tests.run_factory import make_run

SMALL_SHARDS = 60_000


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """A finished run that fills every group but the LoRA's. Not to be changed: copy it."""
    return make_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="session")
def packed(run, tmp_path_factory):
    """The folder of the dataset that the run becomes, in several shards a group. Not to be changed: copy it."""
    out = tmp_path_factory.mktemp("packed") / "diffseg30k"
    pack(run.url, str(out), PackOptions(shard_bytes=SMALL_SHARDS, progress=False))
    return out


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A Hub of its own for a test, and a token that may write to it."""
    monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
    with HubServer(tmp_path / "hub") as server:
        yield server
