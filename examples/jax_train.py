"""Trains on a stream with JAX.

    python jax_train.py NAMESPACE/diffseg30k

`batch` of `datasets` makes the batches; the last, smaller one is dropped, for JAX compiles a step for every shape.
"""

import argparse
import random
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
from datasets import load_dataset
from transforms import augment

CLASSES = 9
Weights = dict[str, jax.Array]


def batches(
    dataset: str, side: int, batch_size: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images (batch, side, side, 3) float32 from 0 to 1, and masks (batch, side, side) uint8."""
    rows = load_dataset(dataset, "semantic", split="train", streaming=True)
    rows = rows.shuffle(seed=seed, buffer_size=200)
    rows.set_epoch(epoch)
    for batch in rows.batch(batch_size, drop_last_batch=True):
        pairs = [
            augment(image, mask, side, random.Random(f"{seed} {epoch} {row}"))
            for row, image, mask in zip(batch["id"], batch["image"], batch["semantic_mask"], strict=True)
        ]
        images, masks = zip(*pairs, strict=True)
        yield np.stack(images), np.stack(masks)


def init(key: jax.Array) -> Weights:
    """Stands in for your model."""
    first, second = jax.random.split(key)
    return {
        "first": jax.random.normal(first, (3, 3, 3, 16)) * 0.1,
        "second": jax.random.normal(second, (1, 1, 16, CLASSES)) * 0.1,
    }


def loss(weights: Weights, images: jax.Array, masks: jax.Array) -> jax.Array:
    layout = ("NHWC", "HWIO", "NHWC")
    hidden = jax.lax.conv_general_dilated(images, weights["first"], (1, 1), "SAME", dimension_numbers=layout)
    hidden = jax.nn.relu(hidden)
    logits = jax.lax.conv_general_dilated(hidden, weights["second"], (1, 1), "SAME", dimension_numbers=layout)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), masks[..., None].astype(int), axis=-1)
    return -chosen.mean()


@jax.jit
def step(weights: Weights, images: jax.Array, masks: jax.Array, rate: float) -> tuple[Weights, jax.Array]:
    value, gradients = jax.value_and_grad(loss)(weights, images, masks)
    return jax.tree.map(lambda weight, gradient: weight - rate * gradient, weights, gradients), value


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--rate", type=float, default=0.1, help="of learning")
    args = parser.parse_args()

    weights = init(jax.random.key(0))
    for epoch in range(args.epochs):
        seen, total = 0, 0.0
        for images, masks in batches(args.dataset, args.side, args.batch_size, seed=0, epoch=epoch):
            weights, value = step(weights, images, masks, args.rate)
            seen += len(images)
            total += float(value) * len(images)
        print(f"epoch {epoch}: {seen} rows, loss {total / seen:.4f}")


if __name__ == "__main__":
    main()
