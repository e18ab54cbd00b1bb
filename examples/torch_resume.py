"""Trains on a stream, is stopped in the middle of an epoch, and goes on with the next row.

    python torch_resume.py NAMESPACE/diffseg30k --checkpoint run.pt --max-steps 100
    python torch_resume.py NAMESPACE/diffseg30k --checkpoint run.pt

The position in the stream is saved with the model. It is exact to the row as long as rows are not drawn from a
shuffle buffer, whose contents are not saved: shuffling the shards alone keeps it so, and the rows within a shard
are mixed already. With workers, `StatefulDataLoader` (pip install torchdata) keeps the position of each.
"""

import argparse
import os
import random

import torch
from datasets import IterableDataset, load_dataset
from torch import nn
from torchdata.stateful_dataloader import StatefulDataLoader
from transforms import augment

CLASSES = 9


def stream(dataset: str, side: int, seed: int) -> IterableDataset:
    """Rows: ids, and image and mask as tensors, in an order that the seed fixes."""

    def tensors(row: dict) -> dict:
        image, mask = augment(row["image"], row["semantic_mask"], side, random.Random(f"{seed} {row['id']}"))
        return {"image": torch.from_numpy(image).permute(2, 0, 1), "mask": torch.from_numpy(mask).long()}

    rows = load_dataset(dataset, "semantic", split="train", streaming=True)
    return rows.shuffle(seed=seed, buffer_size=1, max_buffer_input_shards=1).map(
        tensors, remove_columns=["semantic_mask"]
    )


def save(path: str, **state) -> None:
    """Writes a checkpoint atomically."""
    torch.save(state, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--checkpoint", default="checkpoint.pt")
    parser.add_argument("--max-steps", type=int, help="stop after so many")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    args = parser.parse_args()

    rows = stream(args.dataset, args.side, seed=0)
    loader = StatefulDataLoader(rows, args.batch_size, num_workers=min(args.workers, rows.num_shards))
    # stands in for your model
    model = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, CLASSES, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    if os.path.exists(args.checkpoint):
        state = torch.load(args.checkpoint, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        loader.load_state_dict(state["loader"])
    seen = []
    for step, batch in enumerate(loader, start=1):
        loss = nn.functional.cross_entropy(model(batch["image"]), batch["mask"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen += batch["id"]
        if step == args.max_steps:
            save(
                args.checkpoint,
                model=model.state_dict(),
                optimizer=optimizer.state_dict(),
                loader=loader.state_dict(),
            )
            break
    print(f"{len(seen)} rows: {' '.join(seen)}")


if __name__ == "__main__":
    main()
