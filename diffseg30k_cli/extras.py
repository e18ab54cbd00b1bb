"""Finds the package extra that installs a missing module."""

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
    "quantized": ("torchao",),
}


def advice(module: str | None) -> str | None:
    """Advice on what to install for a module that was not found.

    Args:
        module: its dotted name; for modules of both extras the advice names `generation`.

    Returns:
        A sentence; None for a module that no extra installs.
    """
    top = (module or "").partition(".")[0]
    for extra, modules in EXTRAS.items():
        if top in modules:
            return f"{top} is not installed: pip install 'diffseg30k[{extra}]'"
    return None
