"""Loads a checkpoint's model and processor with `transformers`."""

from typing import Any

from generation.checkpoints.checkpoint import CheckpointError, place_of


def load(name: str, what: str, option: str, model_class: Any, device: str) -> tuple[Any, Any]:
    """Loads the processor and the model of a checkpoint, in evaluation mode on the device.

    Args:
        name: a folder, `NAMESPACE/NAME` or `NAMESPACE/NAME@REVISION`.
        what: the expected model, for messages: `Grounding DINO`.
        option: the command's option that names another, for messages.
        model_class: the model's class in `transformers`.
        device: `cpu`, `cuda` or `cuda:N`.

    Raises:
        CheckpointError: the checkpoint is unavailable, or of another model.
    """
    from transformers import AutoConfig, AutoProcessor

    place = place_of(name)
    source = {"pretrained_model_name_or_path": place.source}
    if place.revision:
        source["revision"] = place.revision
    try:
        config = AutoConfig.from_pretrained(**source)
        wanted = getattr(model_class, "config_class", None)  # the "auto" classes have none
        if wanted and not isinstance(config, wanted):
            raise ValueError(f"it is a {config.model_type}")
        processor = AutoProcessor.from_pretrained(**source)
        model = model_class.from_pretrained(**source, use_safetensors=True)
    except OSError as error:
        raise CheckpointError(
            f"{what} {name} is not on this machine and cannot be fetched ({_shortened(error)}). A folder of it is "
            f"named with {option}; --regions annotations needs no network"
        ) from error
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise CheckpointError(f"{name} is not a checkpoint of {what}: {_shortened(error)}") from error
    return processor, model.to(device).eval()


def _shortened(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
