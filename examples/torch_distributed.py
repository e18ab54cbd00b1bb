"""Trains on a stream in several processes, each reading its own part.

    torchrun --nproc-per-node 2 torch_distributed.py NAMESPACE/diffseg30k

`split_dataset_by_node` gives every row to one process, once an epoch. Where the number of processes divides
the number of shards, each process reads shards of its own. Where it does not, each process reads all shards and
keeps every n-th row: as right, but each byte is read by every process, so choose a number that divides.
Either way the processes may have different numbers of batches; `join` lets those that are done wait for the rest.
"""

import argparse
import os
import random

import torch
from datasets import IterableDataset, load_dataset
from datasets.distributed import split_dataset_by_node
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader
from transforms import augment

CLASSES = 9


def share(dataset: str, rank: int, world_size: int, side: int, seed: int) -> IterableDataset:
    """What one process trains on: ids, and image and mask as tensors."""

    def tensors(row: dict) -> dict:
        # from torch's randomness, which differs between workers and epochs
        chance = random.Random(int(torch.randint(2**62, ())))
        image, mask = augment(row["image"], row["semantic_mask"], side, chance)
        return {"image": torch.from_numpy(image).permute(2, 0, 1), "mask": torch.from_numpy(mask).long()}

    rows = load_dataset(dataset, "semantic", split="train", streaming=True)
    # the seed is the same everywhere: all processes have to shuffle alike before the rows are shared out
    rows = split_dataset_by_node(rows.shuffle(seed=seed, buffer_size=200), rank, world_size)
    return rows.map(tensors, remove_columns=["semantic_mask"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--workers", type=int, default=2, help="per process")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8, help="per process")
    parser.add_argument("--side", type=int, default=128)
    args = parser.parse_args()

    cuda = torch.cuda.is_available()
    distributed.init_process_group("nccl" if cuda else "gloo")
    rank, world_size = distributed.get_rank(), distributed.get_world_size()
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"])) if cuda else torch.device("cpu")
    rows = share(args.dataset, rank, world_size, args.side, seed=0)
    loader = DataLoader(rows, args.batch_size, num_workers=args.workers)
    # stands in for your model
    layers = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, CLASSES, 1))
    model = DistributedDataParallel(layers.to(device))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        rows.set_epoch(epoch)
        seen = 0
        with model.join():
            for batch in loader:
                loss = nn.functional.cross_entropy(model(batch["image"].to(device)), batch["mask"].to(device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                seen += len(batch["id"])
        print(f"epoch {epoch}, process {rank}: {seen} rows, loss {loss.item():.4f}")
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
