"""GLIDE's byte-pair tokenizer: reads a checkpoint's two vocabulary files and encodes prompts."""

import gzip
import json
from pathlib import Path

VOCABULARY, MERGES = "encoder.json.gz", "vocab.bpe.gz"


class GlideTokenizer:
    """GPT-2's byte-level byte-pair encoding (Radford et al. 2019) of lower-case text.

    Args:
        vocabulary: token to number.
        merges: pairs of tokens, the most frequent first.
    """

    def __init__(self, vocabulary: dict[str, int], merges: list[tuple[str, str]]):
        from tokenizers import Tokenizer
        from tokenizers.models import BPE
        from tokenizers.normalizers import Lowercase
        from tokenizers.pre_tokenizers import ByteLevel

        tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=merges))
        tokenizer.normalizer = Lowercase()
        tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
        self._tokenizer = tokenizer
        self.size = len(vocabulary)

    @classmethod
    def from_folder(cls, folder: Path) -> "GlideTokenizer":
        """Reads `encoder.json.gz` and `vocab.bpe.gz` from a folder.

        Raises:
            ValueError: one of them is damaged.
            OSError: one of them is missing or cannot be read.
        """
        try:
            vocabulary = json.loads(gzip.decompress((folder / VOCABULARY).read_bytes()))
            lines = gzip.decompress((folder / MERGES).read_bytes()).decode("utf-8").split("\n")
        except (EOFError, gzip.BadGzipFile, ValueError) as error:
            raise ValueError(f"the vocabulary in {folder} is damaged: {error}") from error
        # the first line is the version, the last is empty
        return cls(vocabulary, [(first, second) for first, second in (line.split() for line in lines[1:-1])])

    def encode(self, text: str, length: int) -> tuple[list[int], list[bool]]:
        """Encodes text as `length` token numbers, truncated or padded, and a mask that is true for the text's own
        tokens."""
        tokens = self._tokenizer.encode(text).ids[:length]
        padding = length - len(tokens)
        return tokens + [self.size - 1] * padding, [True] * len(tokens) + [False] * padding
