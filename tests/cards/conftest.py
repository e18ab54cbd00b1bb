"""Packed datasets with their cards."""

import pytest

from builder.dataset.stats import Stats, collect
from builder.packing.pack import PackOptions, pack
from cards.card import write_card
from tests.run_factory import make_run


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A dataset with every config that there is, and its card. Not to be changed: copy it."""
    folder = tmp_path_factory.mktemp("cards")
    out = folder / "diffseg30k"
    run = make_run(folder / "run")
    lora = make_run(folder / "lora", images=4, kinds=(("sdxl",),), prefix="lora", lora="watercolour")
    pack(run.url, str(out), PackOptions(with_originals=True, shard_bytes=60_000, progress=False))
    pack(lora.url, str(out), PackOptions(with_originals=True, lora=True, progress=False))
    write_card(str(out))
    return out


@pytest.fixture(scope="session")
def plain_dataset(tmp_path_factory):
    """A dataset of three images without originals and with few groups, and its card."""
    folder = tmp_path_factory.mktemp("plain")
    out = folder / "diffseg30k"
    run = make_run(folder / "run", images=3, kinds=(("sdxl", "flux.1"),))
    pack(run.url, str(out), PackOptions(progress=False))
    write_card(str(out))
    return out


@pytest.fixture(scope="session")
def stats(dataset) -> Stats:
    return collect(str(dataset))
