"""Which extra of the package brings a module that is missing."""

EXTRAS = {
    "generation": (
        "accelerate",
        "datatrove",
        "diffusers",
        "ftfy",
        "openai",
        "peft",
        "pycocotools",
        "safetensors",
        "sentencepiece",
        "simplemma",
        "skimage",
        "sklearn",
        "torch",
        "torchvision",
        "transformers",
    ),
    "benchmark": ("scipy", "segmentation_models_pytorch", "tensorboard", "timm"),
    "distributed": ("ray",),
}


def advice(module: str | None) -> str | None:
    """What to install for a module that was not found.

    Args:
        module: its dotted name; of those that both extras bring, `generation` is named.

    Returns:
        A sentence, or None for a module that no extra brings.
    """
    top = (module or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if top in modules:
            return f"{top} is not installed: pip install 'diffseg30k[{extra}]'"
    return None
