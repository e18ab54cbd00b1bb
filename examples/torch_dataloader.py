"""Trains on a stream with a PyTorch DataLoader and workers.

    python torch_dataloader.py NAMESPACE/diffseg30k --workers 2

Each worker reads shards of its own, so every row comes once an epoch. More workers than shards would idle.
"""

import argparse
import random

import torch
from datasets import IterableDataset, load_dataset
from torch import nn
from torch.utils.data import DataLoader
from transforms import augment

CLASSES = 9


def stream(dataset: str, side: int, seed: int) -> IterableDataset:
    """Rows: ids, and as tensors image (3, side, side) float32 from 0 to 1, and mask (side, side) int64."""

    def tensors(row: dict) -> dict:
        # from torch's randomness, which differs between workers and epochs
        chance = random.Random(int(torch.randint(2**62, ())))
        image, mask = augment(row["image"], row["semantic_mask"], side, chance)
        return {"image": torch.from_numpy(image).permute(2, 0, 1), "mask": torch.from_numpy(mask).long()}

    rows = load_dataset(dataset, "semantic", split="train", streaming=True)
    # shuffles the order of the shards too, and anew in each epoch
    rows = rows.shuffle(seed=seed, buffer_size=200)
    return rows.map(tensors, remove_columns=["semantic_mask"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    args = parser.parse_args()

    rows = stream(args.dataset, args.side, seed=0)
    loader = DataLoader(rows, args.batch_size, num_workers=min(args.workers, rows.num_shards))
    # stands in for your model
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, CLASSES, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for epoch in range(args.epochs):
        rows.set_epoch(epoch)
        seen, total = 0, 0.0
        for batch in loader:
            loss = nn.functional.cross_entropy(model(batch["image"]), batch["mask"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            seen += len(batch["mask"])
            total += loss.item() * len(batch["mask"])
        print(f"epoch {epoch}: {seen} rows, loss {total / seen:.4f}")


if __name__ == "__main__":
    main()
