"""Tiny Grounding DINO and SAM of the real classes, from configs, with real processors and random weights."""

from pathlib import Path

import torch
from transformers import (
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    SamConfig,
    SamImageProcessor,
    SamModel,
    SamProcessor,
)

SIDE = 64
"""Of the pictures as the models see them, in pixels."""

WORDS = (
    *("person", "cat", "dog", "cup", "car", "table", "traffic", "light", "tree", "flower", "rocket", "coffee"),
    *("the", "a", "'", "-"),
)


def build_detector(folder: str | Path) -> str:
    """Saves a Grounding DINO; its folder."""
    torch.manual_seed(0)
    vocabulary = _vocabulary()
    tokenizer = BertTokenizer(vocab={word: place for place, word in enumerate(vocabulary)})
    config = GroundingDinoConfig(
        backbone_config={
            "model_type": "swin",
            "image_size": 128,
            "embed_dim": 8,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 2, 2],
            "window_size": 4,
            "out_indices": [2, 3, 4],
        },
        text_config={
            "model_type": "bert",
            "vocab_size": len(vocabulary),
            "hidden_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
        },
        d_model=32,
        num_queries=30,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
    )
    processor = GroundingDinoProcessor(
        GroundingDinoImageProcessor(size={"shortest_edge": 128, "longest_edge": 128}), tokenizer
    )
    model = GroundingDinoForObjectDetection(config)
    with torch.no_grad():
        model.model.decoder.layer_norm.weight.mul_(0.1)  # scores spread over 0 to 1
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def _vocabulary() -> list[str]:
    """BERT's places for the special tokens and the full stop: Grounding DINO knows them by number."""
    vocabulary = [f"[unused{place}]" for place in range(1100)]
    places = {"[PAD]": 0, "[UNK]": 100, "[CLS]": 101, "[SEP]": 102, "[MASK]": 103, ".": 1012, "?": 1029}
    for word, place in places.items():
        vocabulary[place] = word
    letters = "abcdefghijklmnopqrstuvwxyz"
    return [*vocabulary, *WORDS, *letters, *(f"##{letter}" for letter in letters)]


def build_segmenter(folder: str | Path) -> str:
    """Saves a SAM; its folder."""
    torch.manual_seed(0)
    config = SamConfig(
        vision_config={
            "hidden_size": 16,
            "output_channels": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": SIDE,
            "patch_size": 8,
            "num_pos_feats": 8,
            "mlp_dim": 32,
            "window_size": 4,
            "global_attn_indexes": [1],
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": SIDE, "patch_size": 8, "mask_input_channels": 4},
        mask_decoder_config={
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "mlp_dim": 32,
            "iou_head_hidden_dim": 16,
        },
    )
    processor = SamProcessor(
        SamImageProcessor(
            size={"longest_edge": SIDE},
            pad_size={"height": SIDE, "width": SIDE},
            mask_size={"longest_edge": SIDE // 2},
            mask_pad_size={"height": SIDE // 2, "width": SIDE // 2},
        )
    )
    SamModel(config).save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)
