"""GLIDE's text transformer: token embeddings in, text features out. Parameters have OpenAI's names."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LayerNorm(nn.LayerNorm):
    """Layer normalisation computed in float32, whatever the input's dtype."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype)


class Attention(nn.Module):
    """Self-attention over all tokens; query, key and value of one head are adjacent channels."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.c_qkv = nn.Linear(width, 3 * width)
        self.c_proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) to the same."""
        batch, length, width = x.shape
        heads = self.c_qkv(x).view(batch, length, self.heads, 3 * width // self.heads).transpose(1, 2)
        query, key, value = heads.chunk(3, dim=-1)
        found = F.scaled_dot_product_attention(query, key, value)
        return self.c_proj(found.transpose(1, 2).reshape(batch, length, width))


class Mlp(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = LayerNorm(width)
        self.mlp = Mlp(width)
        self.ln_2 = LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, heads: int):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, heads) for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, width) to the same."""
        for block in self.resblocks:
            x = block(x)
        return x


def timestep_embedding(steps: Tensor, width: int) -> Tensor:
    """(B,) steps to (B, width) float32: cosines, then sines, with periods up to 20,000 pi steps; `width` is
    even."""
    half = width // 2
    frequencies = 10_000.0 ** (-torch.arange(half, dtype=torch.float32, device=steps.device) / half)
    angles = steps.float()[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)
