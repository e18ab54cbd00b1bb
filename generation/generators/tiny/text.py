"""Tiny text encoders and tokenizers of the same classes as in the published checkpoints."""

from typing import Any

SIDE = 32
"""Width of the text encoders."""


def clip_tokenizer() -> Any:
    """A CLIP tokenizer whose vocabulary is the 256 bytes, each inside a word and at a word's end."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=[], model_max_length=77)


def clip_config(**changes: Any) -> Any:
    from transformers import CLIPTextConfig

    tokenizer = clip_tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **{
            "hidden_size": SIDE,
            "intermediate_size": 2 * SIDE,
            "num_attention_heads": 4,
            "num_hidden_layers": 2,
            "projection_dim": SIDE,
            **changes,
        },
    )


def t5_tokenizer() -> Any:
    """A T5 tokenizer whose vocabulary is the printable ASCII characters."""
    from transformers import T5Tokenizer

    letters = [chr(code) for code in range(33, 127)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((letter, -3.0) for letter in letters)]
    return T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=64)


def t5_encoder(side: int = SIDE) -> Any:
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(
        T5Config(
            vocab_size=len(t5_tokenizer()),
            d_model=side,
            d_kv=8,
            d_ff=2 * side,
            num_layers=2,
            num_heads=4,
            feed_forward_proj="gated-gelu",
        )
    )


def bert_tokenizer(length: int) -> Any:
    """A BERT tokenizer whose vocabulary is the printable ASCII characters, at a word's start and inside it."""
    from transformers import BertTokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    return BertTokenizer(vocab={token: index for index, token in enumerate(tokens)}, model_max_length=length)


def bert_config(length: int) -> Any:
    from transformers import BertConfig

    return BertConfig(
        vocab_size=len(bert_tokenizer(length)),
        hidden_size=SIDE,
        intermediate_size=2 * SIDE,
        num_attention_heads=4,
        num_hidden_layers=2,
        max_position_embeddings=length,
    )
