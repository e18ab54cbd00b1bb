"""Trains on a stream with Accelerate, in one process or many.

    accelerate launch --num_processes 2 accelerate_train.py NAMESPACE/diffseg30k

The rows are shared out by `split_dataset_by_node` before the loader is made. It is not handed to `prepare`,
which would by default read everything in one process and send it to the others.
"""

import argparse
import random

import torch
from accelerate import Accelerator
from datasets import IterableDataset, load_dataset
from datasets.distributed import split_dataset_by_node
from torch import nn
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

    accelerator = Accelerator()
    rows = share(args.dataset, accelerator.process_index, accelerator.num_processes, args.side, seed=0)
    loader = DataLoader(rows, args.batch_size, num_workers=args.workers)
    # stands in for your model
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, CLASSES, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model, optimizer = accelerator.prepare(model, optimizer)
    for epoch in range(args.epochs):
        rows.set_epoch(epoch)
        seen = torch.zeros((), dtype=torch.long, device=accelerator.device)
        with accelerator.join_uneven_inputs([model]):
            for batch in loader:
                logits = model(batch["image"].to(accelerator.device))
                loss = nn.functional.cross_entropy(logits, batch["mask"].to(accelerator.device))
                optimizer.zero_grad()
                accelerator.backward(loss)
                optimizer.step()
                seen += len(batch["mask"])
        accelerator.print(f"epoch {epoch}: {accelerator.reduce(seen).item()} rows, loss {loss.item():.4f}")
    accelerator.end_training()


if __name__ == "__main__":
    main()
