"""Trains on a stream with transformers' Trainer.

    python trainer_train.py NAMESPACE/diffseg30k --model nvidia/mit-b0 --steps 10000

A stream has no length, so the number of steps is given. Without --model a small SegFormer with random weights is
trained.
"""

import argparse
import random

import torch
from datasets import IterableDataset, load_dataset
from transformers import SegformerConfig, SegformerForSemanticSegmentation, Trainer, TrainingArguments
from transforms import augment, fit

CLASSES = ("background", "sd2", "sd3.5", "sdxl", "flux.1", "glide", "kolors", "hunyuandit1.1", "kandinsky2.2")
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def stream(dataset: str, split: str, side: int, seed: int) -> IterableDataset:
    """Rows as SegFormer takes them: pixel_values (3, side, side) float32, labels (side, side) int64."""

    def inputs(row: dict) -> dict:
        pair = (row["image"], row["semantic_mask"], side)
        training = split == "train"
        # from torch's randomness, which differs between workers and epochs
        chance = random.Random(int(torch.randint(2**62, ())))
        image, mask = augment(*pair, chance) if training else fit(*pair)
        pixels = (torch.from_numpy(image) - MEAN) / DEVIATION
        return {"pixel_values": pixels.permute(2, 0, 1), "labels": torch.from_numpy(mask).long()}

    rows = load_dataset(dataset, "semantic", split=split, streaming=True)
    if split == "train":
        rows = rows.shuffle(seed=seed, buffer_size=200)
    return rows.map(inputs, remove_columns=["id", "image", "semantic_mask"])


def segformer(model: str | None) -> SegformerForSemanticSegmentation:
    names = {"id2label": dict(enumerate(CLASSES)), "label2id": {name: value for value, name in enumerate(CLASSES)}}
    if model:
        return SegformerForSemanticSegmentation.from_pretrained(model, **names)
    small = {"depths": [1, 1, 1, 1], "hidden_sizes": [8, 16, 24, 32], "num_attention_heads": [1, 1, 2, 4]}
    return SegformerForSemanticSegmentation(SegformerConfig(**small, **names, decoder_hidden_size=32))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dataset", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--model", help="a SegFormer on the Hub, or a folder")
    parser.add_argument("--out", default="segformer")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    trainer = Trainer(
        model=segformer(args.model),
        args=TrainingArguments(
            output_dir=args.out,
            max_steps=args.steps,
            per_device_train_batch_size=args.batch_size,
            dataloader_num_workers=args.workers,
            accelerator_config={"dispatch_batches": False},
            logging_steps=1,
            report_to="none",
            save_strategy="no",
        ),
        train_dataset=stream(args.dataset, "train", args.side, seed=0),
        eval_dataset=stream(args.dataset, "validation", args.side, seed=0),
    )
    trainer.train()
    print(f"validation loss {trainer.evaluate()['eval_loss']:.4f}")
    trainer.save_model()


if __name__ == "__main__":
    main()
