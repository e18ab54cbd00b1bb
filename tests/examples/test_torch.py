"""The examples in PyTorch: each row once, in workers and in processes, and the rest after a stop."""

import json
import re
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES, row_ids, shard_count

pytestmark = pytest.mark.frameworks

READ_IN_WORKERS = """
import json, sys
from torch.utils.data import DataLoader
from torch_dataloader import stream

rows = stream("diffseg30k", 32, seed=0)
epochs = []
for epoch in range(2):
    rows.set_epoch(epoch)
    epochs.append([row for batch in DataLoader(rows, 4, num_workers=2) for row in batch["id"]])
print(json.dumps(epochs))
"""

READ_A_SHARE = """
import json, sys
from pathlib import Path
from torch import distributed
from torch.utils.data import DataLoader
from torch_distributed import share

distributed.init_process_group("gloo")
rank, world_size = distributed.get_rank(), distributed.get_world_size()
rows = share("diffseg30k", rank, world_size, 32, seed=0)
epochs = []
for epoch in range(2):
    rows.set_epoch(epoch)
    epochs.append([row for batch in DataLoader(rows, 4, num_workers=1) for row in batch["id"]])
Path(sys.argv[1], f"{rank}.json").write_text(json.dumps({"epochs": epochs, "shards": rows.num_shards}))
distributed.barrier()
distributed.destroy_process_group()
"""


def counts(printed: str) -> list[int]:
    return [int(number) for number in re.findall(r"(\d+) rows", printed)]


def torchrun(run, processes: int, *command: object) -> str:
    return run("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes, *command)


def test_a_data_loader_with_workers_trains_on_every_row_once_an_epoch(run, folder):
    printed = run(EXAMPLES / "torch_dataloader.py", "diffseg30k", "--side", 32, "--epochs", 2)

    assert counts(printed) == [len(row_ids(folder, "train"))] * 2


def test_two_workers_yield_every_row_once_in_another_order_each_epoch(run, folder):
    first, second = json.loads(run("-c", READ_IN_WORKERS))

    assert sorted(first) == sorted(second) == row_ids(folder, "train")
    assert first != second


def test_two_processes_train_on_every_row_once_an_epoch(run, folder):
    script = EXAMPLES / "torch_distributed.py"
    printed = torchrun(run, 2, script, "diffseg30k", "--side", 32, "--workers", 1, "--epochs", 2)

    assert sum(counts(printed)) == 2 * len(row_ids(folder, "train"))


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_the_rows_of_each_epoch_whether_or_not_they_divide_the_shards(
    run, folder, tmp_path, processes
):
    script = tmp_path / "read.py"
    script.write_text(READ_A_SHARE)

    torchrun(run, processes, script, tmp_path)

    shares = [json.loads(Path(tmp_path, f"{rank}.json").read_text()) for rank in range(processes)]
    for epoch in range(2):
        ids = [row for share in shares for row in share["epochs"][epoch]]
        assert sorted(ids) == row_ids(folder, "train")
    shards = shard_count(folder)
    # each reads shards of its own where they divide, and all shards where they do not
    own = shards // processes if shards % processes == 0 else shards
    assert [share["shards"] for share in shares] == [own] * processes


def test_a_stream_stopped_in_the_middle_of_an_epoch_goes_on_with_the_next_row(run, folder, tmp_path):
    command = (EXAMPLES / "torch_resume.py", "diffseg30k", "--side", 32, "--batch-size", 5)
    checkpoint = ("--checkpoint", tmp_path / "run.pt")

    whole = run(*command, "--checkpoint", tmp_path / "none.pt").split(": ")[1].split()
    before = run(*command, *checkpoint, "--max-steps", 3).split(": ")[1].split()
    after = run(*command, *checkpoint).split(": ")[1].split()

    assert len(before) == 15
    assert before + after == whole
    assert sorted(whole) == row_ids(folder, "train")
