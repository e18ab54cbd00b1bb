"""GLIDE's U-Net (Dhariwal and Nichol 2021, arXiv 2105.05233), for the base model and the upsampler: its
self-attention layers also attend to the prompt's tokens. Modules are nested and named so that parameters have the
names of OpenAI's state dicts.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.generators.glide.options import ModelOptions
from generation.generators.glide.text import LayerNorm, Transformer, timestep_embedding

Resample = str | None
"""`up` doubles the side, `down` halves it, None keeps it."""


class GroupNorm(nn.GroupNorm):
    """Group normalisation computed in float32, whatever the input's dtype."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float()).to(x.dtype)


class ResBlock(nn.Module):
    """Two convolutions with a scale and a shift between them, computed from the time step and the prompt."""

    def __init__(self, channels: int, out: int, width: int, groups: int, resample: Resample = None):
        super().__init__()
        self.resample = resample
        self.in_layers = nn.Sequential(
            GroupNorm(groups, channels), nn.SiLU(), nn.Conv2d(channels, out, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * out))
        # an identity in place of OpenAI's dropout, so that the fourth layer has OpenAI's name
        self.out_layers = nn.Sequential(
            GroupNorm(groups, out), nn.SiLU(), nn.Identity(), nn.Conv2d(out, out, 3, padding=1)
        )
        self.skip_connection = nn.Identity() if channels == out else nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, channels, H, W) and (B, width) to (B, out, H', W')."""
        normalise, activate, convolve = self.in_layers
        h = convolve(self._resampled(activate(normalise(x))))
        scale, shift = self.emb_layers(condition.to(h.dtype))[..., None, None].chunk(2, dim=1)
        h = self.out_layers[0](h) * (1 + scale) + shift
        return self.skip_connection(self._resampled(x)) + self.out_layers[1:](h)

    def _resampled(self, x: Tensor) -> Tensor:
        if self.resample == "up":
            return F.interpolate(x, scale_factor=2, mode="nearest")
        return F.avg_pool2d(x, 2) if self.resample == "down" else x


class AttentionBlock(nn.Module):
    """Attention from every pixel to all pixels and to all tokens of the prompt."""

    def __init__(self, channels: int, head_channels: int, text_width: int, groups: int):
        super().__init__()
        self.heads = channels // head_channels
        self.norm = GroupNorm(groups, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.encoder_kv = nn.Conv1d(text_width, 2 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        """(B, channels, H, W) and (B, text_width, L) to (B, channels, H, W)."""
        pixels = self.norm(x).flatten(2)
        query, key, value = self._heads(self.qkv(pixels), 3)
        text_key, text_value = self._heads(self.encoder_kv(text), 2)
        found = F.scaled_dot_product_attention(
            query, torch.cat([text_key, key], dim=2), torch.cat([text_value, value], dim=2)
        )
        found = found.transpose(2, 3).reshape(pixels.shape)
        return x + self.proj_out(found).view(x.shape)

    def _heads(self, x: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Splits (B, heads * parts * C, L), the parts of one head adjacent, into `parts` tensors (B, heads, L,
        C)."""
        batch, channels, length = x.shape
        heads = x.view(batch, self.heads, channels // self.heads, length).transpose(2, 3)
        return heads.chunk(parts, dim=-1)


class Level(nn.ModuleList):
    """A sequence of modules; each gets the arguments that its class takes."""

    def forward(self, x: Tensor, condition: Tensor, text: Tensor) -> Tensor:
        for module in self:
            if isinstance(module, ResBlock):
                x = module(x, condition)
            else:
                x = module(x, text) if isinstance(module, AttentionBlock) else module(x)
        return x


class GlideUNet(nn.Module):
    """The base model or the upsampler.

    Args:
        options: its hyper-parameters.
        vocabulary: number of tokens in the vocabulary.
    """

    def __init__(self, options: ModelOptions, vocabulary: int):
        super().__init__()
        self.options = options
        width = 4 * options.channels
        self.time_embed = nn.Sequential(nn.Linear(options.channels, width), nn.SiLU(), nn.Linear(width, width))
        self.transformer = Transformer(options.text_width, options.text_layers, options.text_heads)
        self.final_ln = LayerNorm(options.text_width)
        self.token_embedding = nn.Embedding(vocabulary, options.text_width)
        self.positional_embedding = nn.Parameter(torch.zeros(options.context, options.text_width))
        self.transformer_proj = nn.Linear(options.text_width, width)
        self.padding_embedding = nn.Parameter(torch.zeros(options.context, options.text_width))
        first, skipped = options.channels * options.multiples[0], [options.channels * options.multiples[0]]
        self.input_blocks = nn.ModuleList([Level([nn.Conv2d(options.in_channels, first, 3, padding=1)])])
        channels = self._add_levels_down(first, width, skipped)
        self.middle_block = Level(
            [
                self._residual(channels, channels, width),
                self._attention(channels),
                self._residual(channels, channels, width),
            ]
        )
        self.output_blocks = nn.ModuleList()
        channels = self._add_levels_up(channels, width, skipped)
        # an identity, as in OpenAI's
        self.out = nn.Sequential(
            GroupNorm(options.groups, channels), nn.SiLU(), nn.Conv2d(channels, 6, 3, padding=1)
        )

    def _residual(self, channels: int, out: int, width: int, resample: Resample = None) -> ResBlock:
        return ResBlock(channels, out, width, self.options.groups, resample)

    def _attention(self, channels: int) -> AttentionBlock:
        return AttentionBlock(channels, self.options.head_channels, self.options.text_width, self.options.groups)

    def _add_levels_down(self, channels: int, width: int, skipped: list[int]) -> int:
        options, side = self.options, self.options.side
        for level, multiple in enumerate(options.multiples):
            for _ in range(options.blocks):
                modules: list[nn.Module] = [self._residual(channels, multiple * options.channels, width)]
                channels = multiple * options.channels
                if side in options.attention_sides:
                    modules.append(self._attention(channels))
                self.input_blocks.append(Level(modules))
                skipped.append(channels)
            if level < len(options.multiples) - 1:
                self.input_blocks.append(Level([self._residual(channels, channels, width, "down")]))
                skipped.append(channels)
                side //= 2
        return channels

    def _add_levels_up(self, channels: int, width: int, skipped: list[int]) -> int:
        options = self.options
        side = options.side // 2 ** (len(options.multiples) - 1)
        for level, multiple in reversed(list(enumerate(options.multiples))):
            for block in range(options.blocks + 1):
                out = multiple * options.channels
                modules: list[nn.Module] = [self._residual(channels + skipped.pop(), out, width)]
                channels = out
                if side in options.attention_sides:
                    modules.append(self._attention(channels))
                if level and block == options.blocks:
                    modules.append(self._residual(channels, channels, width, "up"))
                    side *= 2
                self.output_blocks.append(Level(modules))
        return channels

    def read(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes a prompt for the U-Net.

        Args:
            tokens: (B, L) integers.
            mask: (B, L) bool, false for padding.

        Returns:
            (B, 4 * channels), added to the time embedding, and (B, text_width, L), the keys of the attention.
        """
        x = self.token_embedding(tokens) + self.positional_embedding
        x = torch.where(mask[..., None], x, self.padding_embedding)
        x = self.final_ln(self.transformer(x.to(self.dtype)))
        return self.transformer_proj(x[:, -1]), x.transpose(1, 2)

    def forward(self, x: Tensor, steps: Tensor, prompt: tuple[Tensor, Tensor]) -> Tensor:
        """Predicts noise and variance.

        Args:
            x: (B, 7 or 10, S, S) float32: noisy image, known pixels, mask, and for the upsampler the smaller
                picture resized to S.
            steps: (B,) time steps, 0 to 999.
            prompt: the result of `read`.

        Returns:
            (B, 6, S, S) float32: the noise in the image, and the variance's position between its bounds, -1 to 1.
        """
        projected, text = prompt
        condition = self.time_embed(timestep_embedding(steps, self.options.channels)) + projected.float()
        h, kept = x.to(self.dtype), []
        for level in self.input_blocks:
            h = level(h, condition, text)
            kept.append(h)
        h = self.middle_block(h, condition, text)
        for level in self.output_blocks:
            h = level(torch.cat([h, kept.pop()], dim=1), condition, text)
        return self.out(h.float())

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights between the first and the last layer."""
        return self.transformer_proj.weight.dtype

    def in_dtype(self, dtype: torch.dtype) -> "GlideUNet":
        """Converts the weights to a dtype, except norms, time embedding and last layer, which stay float32."""
        parts = (self.input_blocks, self.middle_block, self.output_blocks, self.transformer, self.transformer_proj)
        for part in parts:
            for module in part.modules():
                if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
                    module.to(dtype)
        return self
