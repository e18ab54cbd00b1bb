"""A tiny SAM whose masks pass the limits of mask generation, and a tiny RT-DETR, of the real classes."""

from pathlib import Path

import torch
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrImageProcessor, SamModel, SamProcessor

from tests.generation.regions.grounding.tiny_models import build_segmenter

NAMES = ("person", "cat", "cup", "N/A")


def build_sure_segmenter(folder: str | Path) -> str:
    """Saves a SAM with random weights that is sure of its masks: large logits, and a predicted IoU of 1."""
    build_segmenter(folder)
    model, processor = SamModel.from_pretrained(folder), SamProcessor.from_pretrained(folder)
    torch.manual_seed(0)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:  # larger than the library's own, so that masks differ by image and by point
                weights.normal_(std=weights[0].numel() ** -0.5)
        for network in model.mask_decoder.output_hypernetworks_mlps:
            network.proj_out.weight.mul_(1e3)
        model.mask_decoder.iou_prediction_head.proj_out.weight.zero_()
        model.mask_decoder.iou_prediction_head.proj_out.bias.fill_(1.0)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def build_namer(folder: str | Path) -> str:
    """Saves an RT-DETR with random weights, which is sure of what it detects."""
    torch.manual_seed(0)
    config = RTDetrConfig(
        backbone_config={
            "model_type": "rt_detr_resnet",
            "embedding_size": 8,
            "hidden_sizes": [8, 8, 16, 16],
            "depths": [1, 1, 1, 1],
            "layer_type": "basic",
            "out_features": ["stage2", "stage3", "stage4"],
        },
        encoder_hidden_dim=16,
        encoder_in_channels=[8, 16, 16],
        encoder_layers=1,
        encoder_ffn_dim=16,
        encoder_attention_heads=2,
        d_model=16,
        num_queries=30,
        decoder_in_channels=[16, 16, 16],
        decoder_ffn_dim=16,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_denoising=0,
        id2label=dict(enumerate(NAMES)),
        label2id={name: place for place, name in enumerate(NAMES)},
    )
    model = RTDetrForObjectDetection(config)
    with torch.no_grad():
        for layer in model.model.decoder.class_embed:
            layer.bias.add_(3)  # scores above one half
    model.save_pretrained(folder)
    RTDetrImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return str(folder)
