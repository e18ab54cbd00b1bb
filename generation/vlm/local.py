"""Asks Qwen2.5-VL on this machine, with `transformers`."""

from collections.abc import Iterable, Iterator
from typing import Any

from generation.checkpoints.checkpoint import place_of
from generation.generators.pipelines import memory
from generation.vlm.images import limited
from generation.vlm.options import MODELS, VlmOptions
from generation.vlm.question import BROKEN_OFF, Message, Picture, Question, Reply


class LocalVlm:
    """Qwen2.5-VL in this process, loaded at the first question; decoding is greedy.

    Args:
        options: options whose `vlm` is a checkpoint.

    Raises:
        ImportError: the extra is not installed.
    """

    def __init__(self, options: VlmOptions):
        _import_classes()
        self.name = options.name
        self._options = options
        self._model: Any = None
        self._processor: Any = None

    def replies(self, questions: Iterable[Question[Any]]) -> Iterator[tuple[Question[Any], Reply]]:
        """Yields a reply to each question, in order.

        Raises:
            OSError: the checkpoint is missing and cannot be downloaded; the message says where it was searched.
            ValueError: the checkpoint is not one of Qwen2.5-VL.
        """
        for some in _in_batches(questions, self._options.batch_size):
            yield from zip(some, self._batch(some), strict=True)

    def close(self) -> None:
        """Frees the model's memory, including the GPU's."""
        self._model = self._processor = None
        memory.free()

    def _batch(self, questions: tuple[Question[Any], ...]) -> list[Reply]:
        import torch

        if self._model is None:
            self._load()
        inputs = self._processor.apply_chat_template(
            [self._conversation(question) for question in questions],
            tokenize=True,
            add_generation_prompt=True,
            return_dict=True,
            return_tensors="pt",
            processor_kwargs={"padding": True, "padding_side": "left"},
        ).to(self._model.device)
        with torch.inference_mode():
            output = self._model.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=max(question.max_tokens for question in questions),
                pad_token_id=self._processor.tokenizer.pad_token_id,
            )
        written = output[:, inputs["input_ids"].shape[1] :]
        texts = self._processor.batch_decode(written, skip_special_tokens=True)
        ends = _end_tokens(self._model)
        return [
            Reply(text, None if ends.intersection(tokens.tolist()) else BROKEN_OFF)
            for text, tokens in zip(texts, written, strict=True)
        ]

    def _conversation(self, question: Question[Any]) -> list[dict[str, Any]]:
        system = {"role": "system", "content": [self._part(question.system)]}
        return [system, *map(self._message, question.messages)]

    def _message(self, message: Message) -> dict[str, Any]:
        return {"role": message.role, "content": [self._part(part) for part in message.parts]}

    def _part(self, part: str | Picture) -> dict[str, Any]:
        if isinstance(part, str):
            return {"type": "text", "text": self._plain(part)}
        return {"type": "image", "image": limited(part.load(), self._options.picture_side)}

    def _plain(self, text: str) -> str:
        """A text without special tokens such as `<|im_start|>`, which would end the message that it stands in."""
        for token in sorted(self._processor.tokenizer.get_added_vocab(), key=len, reverse=True):
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def _load(self) -> None:
        import torch
        from huggingface_hub.errors import HFValidationError

        processor_class, model_class = _import_classes()
        name, device = self._options.vlm, self._options.device
        place = place_of(MODELS.get(name, name))
        revision = self._options.revision or place.revision
        source = {"pretrained_model_name_or_path": place.source, "revision": revision}
        source = {key: value for key, value in source.items() if value is not None}
        dtype = torch.float32 if device == "cpu" else torch.bfloat16
        try:
            self._processor = processor_class.from_pretrained(**source)
            self._model = model_class.from_pretrained(
                **source, dtype=dtype, use_safetensors=True, device_map=_device_map(device)
            )
        except (OSError, HFValidationError) as error:
            said = " ".join(str(error).split())[:120]
            raise OSError(
                f"the VLM {name} is not on this machine and cannot be fetched ({said}). Name a folder or an "
                "endpoint with --vlm"
            ) from error
        except (ValueError, KeyError, TypeError, RuntimeError) as error:
            said = " ".join(str(error).split())[:300]
            raise ValueError(f"{name} is not a checkpoint of Qwen2.5-VL: {said}") from error
        self._model.eval()


def _device_map(device: str) -> str:
    """Where the weights are loaded: `cuda` divides them among all GPUs, and puts what does not fit on the host."""
    return "auto" if device == "cuda" else device


def _end_tokens(model: Any) -> set[int]:
    """The tokens that end a reply, in the checkpoint's generation config."""
    end = model.generation_config.eos_token_id
    return set(end) if isinstance(end, list) else {end}


def _in_batches(questions: Iterable[Question[Any]], size: int) -> Iterator[tuple[Question[Any], ...]]:
    """Splits questions into batches, in order; the last may be smaller."""
    iterator = iter(questions)
    for first in iterator:
        batch = [first]
        while len(batch) < size and (following := next(iterator, None)) is not None:
            batch.append(following)
        yield tuple(batch)


def _import_classes() -> tuple[Any, Any]:
    try:
        from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2_5_VLProcessor
    except ImportError as error:
        raise ImportError("--vlm needs transformers: pip install 'diffseg30k[generation]'") from error
    return Qwen2_5_VLProcessor, Qwen2_5_VLForConditionalGeneration
