"""Trains on a stream with Keras 3, on any of its backends.

    KERAS_BACKEND=jax python keras_train.py NAMESPACE/diffseg30k

`fit` takes a PyTorch DataLoader whichever backend computes, so reading runs in workers of their own.
"""

import argparse
import random

import keras
import numpy as np
import torch
from datasets import IterableDataset, load_dataset
from torch.utils.data import DataLoader
from transforms import augment, fit

CLASSES = 9


def stream(dataset: str, split: str, side: int, seed: int) -> IterableDataset:
    """Rows: image (side, side, 3) float32 from 0 to 1, mask (side, side) uint8; augmented for training."""

    def arrays(row: dict) -> dict:
        pair = (row["image"], row["semantic_mask"], side)
        training = split == "train"
        # from torch's randomness, which differs between workers and epochs
        chance = random.Random(int(torch.randint(2**62, ())))
        image, mask = augment(*pair, chance) if training else fit(*pair)
        return {"image": image, "mask": mask}

    rows = load_dataset(dataset, "semantic", split=split, streaming=True)
    if split == "train":
        rows = rows.shuffle(seed=seed, buffer_size=200)
    return rows.map(arrays, remove_columns=["id", "semantic_mask"])


def collate(rows: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
    # Keras takes the loader for PyTorch's and asks its batches for what a tensor has
    return tuple(torch.from_numpy(np.stack([row[name] for row in rows])) for name in ("image", "mask"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    args = parser.parse_args()

    loaders = []
    for split in ("train", "validation"):
        rows = stream(args.dataset, split, args.side, seed=0)
        workers = min(args.workers, rows.num_shards)
        loaders.append(DataLoader(rows, args.batch_size, num_workers=workers, collate_fn=collate))
    # stands in for your model
    model = keras.Sequential(
        [
            keras.Input((args.side, args.side, 3)),
            keras.layers.Conv2D(16, 3, padding="same", activation="relu"),
            keras.layers.Conv2D(CLASSES, 1),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer=keras.optimizers.AdamW(1e-3), loss=loss)
    model.fit(loaders[0], validation_data=loaders[1], epochs=args.epochs, verbose=2)


if __name__ == "__main__":
    main()
