"""A tiny Qwen2.5-VL of the real classes, from a config, with a real processor and the real chat template.

Its weights are trained for seconds, to give one usable reply to each kind of question whatever the picture: so the
whole path of tokens, pictures, generation and parsing runs without a network.
"""

import functools
import json
from pathlib import Path

import numpy as np
import torch
from skimage import data
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from diffseg30k import EDIT_TYPES
from generation.vlm.images import limited
from generation.vlm.question import Message, Picture, Question
from generation.vlm.questions import edit_question, image_question, objects_question, prompt_question
from generation.vlm.worked_examples import worked_examples

REPLIES = {
    "objects": '{"objects": [{"name": "woman", "kind": "person"}, {"name": "cup", "kind": "kitchen"}]}',
    "attribute_change": '{"prompt": "made of polished green glass"}',
    "addition": '{"prompt": "a small red balloon", "background": "an empty wooden table"}',
    "removal": '{"prompt": "an empty wooden table"}',
    "image": '{"score": 4, "reason": "the scene looks reasonable and natural"}',
    "edit": '{"score": 2, "reason": "the edited place has a torn edge"}',
}
"""What it was trained to say to each question."""

SIDE = 56
"""Of the pictures in training, in pixels: four visual tokens."""

WARM_UP = 15
"""Steps in which the learning rate rises."""

SPECIAL = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>"),
    *("<|image_pad|>", "<|video_pad|>"),
)

CHAT_TEMPLATE = (
    "{% set image_count = namespace(value=0) %}{% set video_count = namespace(value=0) %}"
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}<|im_end|>\n{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "{% set image_count.value = image_count.value + 1 %}"
    "{% if add_vision_id %}Picture {{ image_count.value }}: {% endif %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif content['type'] == 'video' or 'video' in content %}"
    "{% set video_count.value = video_count.value + 1 %}"
    "{% if add_vision_id %}Video {{ video_count.value }}: {% endif %}"
    "<|vision_start|><|video_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
"""Qwen2.5-VL's own (Apache-2.0)."""


def lessons(seed: int) -> list[tuple[Question, str]]:
    """One question of each kind, over crops of photographs, and what to say to it."""
    rng = np.random.default_rng(seed)

    def picture() -> Picture:
        whole = _photographs()[int(rng.integers(4))]
        top, left = (int(rng.integers(side - 200)) for side in whole.shape[:2])
        return Picture("crop", lambda: np.ascontiguousarray(whole[top : top + 200, left : left + 200]))

    examples = worked_examples()
    nouns = ("dog", "person", "cup", "car", "cat", "traffic light")
    asked = {"objects": objects_question("k", "s", picture())}
    for edit_type in EDIT_TYPES:
        noun = nouns[int(rng.integers(len(nouns)))]
        asked[edit_type] = prompt_question("k", "s", picture(), picture(), edit_type, noun)
    asked["image"] = image_question("k", "s", picture(), examples)
    noun = nouns[int(rng.integers(len(nouns)))]
    described = f"{EDIT_TYPES[int(rng.integers(3))].replace('_', ' ')} of the {noun}"
    asked["edit"] = edit_question("k", "s", picture(), picture(), picture(), described, examples)
    return [(question, REPLIES[name]) for name, question in asked.items()]


@functools.cache
def _photographs() -> tuple[np.ndarray, ...]:
    return data.chelsea(), data.coffee(), data.astronaut(), data.rocket()


def build(folder: str | Path, steps: int = 80) -> str:
    """Builds the checkpoint and saves it with `save_pretrained`; its folder."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # more only wait for each other on models this small
    processor = _processor()
    model = _model(processor)
    _train(model, processor, steps)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return str(folder)


def _processor() -> Qwen2_5_VLProcessor:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=2500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(_texts(), trainer)
    learnt = json.loads(tokenizer.to_str())["model"]
    qwen = Qwen2Tokenizer(
        vocab=learnt["vocab"],
        merges=[tuple(merge) for merge in learnt["merges"]],
        extra_special_tokens=list(SPECIAL[1:]),
    )
    return Qwen2_5_VLProcessor(Qwen2VLImageProcessor(), qwen, Qwen2VLVideoProcessor(), chat_template=CHAT_TEMPLATE)


def _texts() -> list[str]:
    asked = lessons(0)
    texts = [part for question, _ in asked for message in question.messages for part in message.parts]
    return [*(text for text in texts if isinstance(text, str)), *REPLIES.values(), asked[0][0].system]


def _model(processor: Qwen2_5_VLProcessor) -> Qwen2_5_VLForConditionalGeneration:
    token = processor.tokenizer.convert_tokens_to_ids
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(processor.tokenizer),
            "hidden_size": 64,
            "intermediate_size": 128,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]},
            "bos_token_id": token("<|endoftext|>"),
            "eos_token_id": token("<|im_end|>"),
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 2,
            "out_hidden_size": 64,
            "fullatt_block_indexes": [1],
        },
        image_token_id=token("<|image_pad|>"),
        video_token_id=token("<|video_pad|>"),
        vision_start_token_id=token("<|vision_start|>"),
        vision_end_token_id=token("<|vision_end|>"),
    )
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = token("<|im_end|>")
    model.generation_config.pad_token_id = token("<|endoftext|>")
    return model


def _train(model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, steps: int) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.95), weight_decay=0.0)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-2 * min(1, (step + 1) / WARM_UP) * (1 - step / steps)
        inputs, labels = _batch(processor, step)
        optimizer.zero_grad()
        loss = model(**inputs, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()


def _batch(processor: Qwen2_5_VLProcessor, seed: int) -> tuple[dict, torch.Tensor]:
    asked = lessons(seed)
    conversations = [
        [_turn("system", question.system), *map(_message, question.messages), _turn("assistant", reply)]
        for question, reply in asked
    ]
    inputs = processor.apply_chat_template(
        conversations,
        tokenize=True,
        return_dict=True,
        return_tensors="pt",
        processor_kwargs={"padding": True, "padding_side": "right"},
    )
    labels = torch.full_like(inputs["input_ids"], -100)
    for row, (_, reply) in enumerate(asked):
        length = int(inputs["attention_mask"][row].sum())
        taught = len(processor.tokenizer(f"{reply}<|im_end|>\n")["input_ids"])
        labels[row, length - taught : length - 1] = inputs["input_ids"][row, length - taught : length - 1]
    return inputs, labels


def _turn(role: str, text: str) -> dict:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _message(message: Message) -> dict:
    parts = [
        {"type": "text", "text": part}
        if isinstance(part, str)
        else {"type": "image", "image": limited(part.load(), SIDE)}
        for part in message.parts
    ]
    return {"role": message.role, "content": parts}
