"""GLIDE as a pipeline with the call signature of diffusers' inpainting pipelines."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from generation.generators.glide.diffusion import fast_steps, guided, make_scheduler, sample, spaced_steps
from generation.generators.glide.options import read_options
from generation.generators.glide.tokenizer import GlideTokenizer
from generation.generators.glide.unet import GlideUNet

BASE_FILE, UPSAMPLER_FILE = "base_inpaint.pt", "upsample_inpaint.pt"

TEMPERATURE = 0.997
"""Scale of the upsampler's initial noise; slightly below 1 gives less grain (OpenAI's notebook)."""


@dataclass(frozen=True)
class GlideOutput:
    """The result of a call.

    Attributes:
        images: (B, S, S, 3) float32, 0 to 1.
    """

    images: np.ndarray


class GlideInpaintPipeline:
    """The base model at 64 pixels with guidance, then the upsampler to 256 pixels without."""

    def __init__(self, base: GlideUNet, upsampler: GlideUNet, tokenizer: GlideTokenizer):
        self.base = base.eval().requires_grad_(False)
        self.upsampler = upsampler.eval().requires_grad_(False)
        self.tokenizer = tokenizer

    @classmethod
    def from_pretrained(
        cls, folder: Path | str, torch_dtype: torch.dtype = torch.float32
    ) -> "GlideInpaintPipeline":
        """Loads a folder with OpenAI's two state dicts and two vocabulary files.

        Args:
            folder: with `base_inpaint.pt`, `upsample_inpaint.pt`, `encoder.json.gz` and `vocab.bpe.gz`, and
                `options.json` where the hyper-parameters are not OpenAI's.
                torch_dtype: dtype of the weights, but for norms, time embedding and last layer.

        Raises:
            OSError: a file is missing.
            ValueError: a file is damaged, or of another model.
        """
        folder = Path(folder)
        options, tokenizer = read_options(folder), GlideTokenizer.from_folder(folder)
        base = load_model(GlideUNet(options.base, tokenizer.size), folder / BASE_FILE, torch_dtype)
        upsampler = load_model(GlideUNet(options.upsampler, tokenizer.size), folder / UPSAMPLER_FILE, torch_dtype)
        return cls(base, upsampler, tokenizer)

    @property
    def scale_factor(self) -> int:
        """Side in the result's pixels of one pixel of the base model."""
        return self.upsampler.options.side // self.base.options.side

    @property
    def device(self) -> torch.device:
        return self.base.padding_embedding.device

    def to(self, device: str) -> "GlideInpaintPipeline":
        self.base.to(device)
        self.upsampler.to(device)
        return self

    @torch.no_grad()
    def __call__(
        self,
        prompt: Sequence[str],
        image: Sequence[Image.Image],
        mask_image: Sequence[Image.Image],
        generator: Sequence[torch.Generator],
        num_inference_steps: int = 100,
        guidance_scale: float = 5.0,
        height: int | None = None,
        width: int | None = None,
        output_type: str = "np",
    ) -> GlideOutput:
        """Paints the masked regions.

        Args:
            prompt: one prompt per image.
            image: RGB images of any size; they are resized for both models.
            mask_image: white where to paint, of the images' size.
            generator: one random generator per image, on the CPU.
            num_inference_steps: steps of the base model; the upsampler takes 27.
            guidance_scale: guidance scale of the base model.
            height, width: size of the result; only the upsampler's side is allowed, which is the default.
            output_type: only `np`.

        Raises:
            ValueError: another size or output type is given.
        """
        side = self.upsampler.options.side
        if {height or side, width or side} != {side} or output_type != "np":
            raise ValueError(f"GLIDE gives {side}x{side} arrays, not {height}x{width} as {output_type!r}")
        prompts = list(prompt)
        keep = self._keep(mask_image)
        small = self._paint_small(prompts, image, keep, generator, num_inference_steps, guidance_scale)
        # the upsampler was trained on 8-bit pictures
        small = ((small + 1) * 127.5).round() / 127.5 - 1
        large = self._enlarge(prompts, small, image, keep, generator)
        pixels = ((large + 1) / 2).clamp(0, 1).permute(0, 2, 3, 1)
        return GlideOutput(pixels.cpu().numpy())

    def _paint_small(
        self,
        prompts: list[str],
        images: Sequence[Image.Image],
        keep: Tensor,
        generators: Sequence[torch.Generator],
        steps: int,
        guidance: float,
    ) -> Tensor:
        side = self.base.options.side
        known = self._known(images, side)
        guides = guidance != 1  # with guidance 1 the prediction without prompt has weight 0
        read_prompts = [*prompts, *[""] * len(prompts)] if guides else prompts
        read = self.base.read(*self._tokens(read_prompts, self.base.options.context))
        context = torch.cat([known * keep, keep], dim=1).repeat(1 + guides, 1, 1, 1)

        def model(x: Tensor, times: Tensor) -> Tensor:
            return self.base(torch.cat([x, context], dim=1), times, read)

        scheduler = make_scheduler(self.base.options.schedule, spaced_steps([steps]))
        painter = guided(model, guidance) if guides else model
        return sample(painter, scheduler, self._noise(generators, side), known, keep, generators)

    def _enlarge(
        self,
        prompts: list[str],
        small: Tensor,
        images: Sequence[Image.Image],
        keep: Tensor,
        generators: Sequence[torch.Generator],
    ) -> Tensor:
        side = self.upsampler.options.side
        known, keep = self._known(images, side), F.interpolate(keep, (side, side), mode="nearest")
        read = self.upsampler.read(*self._tokens(prompts, self.upsampler.options.context))
        coarse = F.interpolate(small, (side, side), mode="bilinear", align_corners=False)
        context = torch.cat([known * keep, keep, coarse], dim=1)

        def model(x: Tensor, times: Tensor) -> Tensor:
            return self.upsampler(torch.cat([x, context], dim=1), times, read)

        scheduler = make_scheduler(self.upsampler.options.schedule, fast_steps())
        noise = self._noise(generators, side) * TEMPERATURE
        return sample(model, scheduler, noise, known, keep, generators)

    def _tokens(self, prompts: Sequence[str], length: int) -> tuple[Tensor, Tensor]:
        tokens, masks = zip(*(self.tokenizer.encode(prompt, length) for prompt in prompts), strict=True)
        return torch.tensor(tokens, device=self.device), torch.tensor(masks, device=self.device)

    def _noise(self, generators: Sequence[torch.Generator], side: int) -> Tensor:
        noise = [torch.randn((3, side, side), generator=generator) for generator in generators]
        return torch.stack(noise).to(self.device)

    def _known(self, images: Sequence[Image.Image], side: int) -> Tensor:
        """(B, 3, side, side) pixels of -1 to 1."""
        known = [image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC) for image in images]
        pixels = torch.from_numpy(np.stack([np.asarray(each) for each in known])).permute(0, 3, 1, 2)
        return (pixels.float() / 127.5 - 1).to(self.device)

    def _keep(self, masks: Sequence[Image.Image]) -> Tensor:
        """(B, 1, s, s) with 1 where pixels are kept, s the base model's side.

        As in OpenAI's notebook the mask is made at the base model's size, and enlarged by nearest neighbour for
        the upsampler. A pixel is kept only if no part of it is to be painted, so thin regions are not lost.
        """
        paint = torch.from_numpy(np.stack([np.asarray(mask.convert("L")) for mask in masks]) > 127)
        pooled = F.adaptive_max_pool2d(paint[:, None].float(), self.base.options.side)
        return (1 - pooled).to(self.device)


def _read_state(file: Path) -> Any:
    """Reads a state dict; a .safetensors file of the same name takes precedence over OpenAI's file."""
    from safetensors.torch import load_file

    safe = file.with_suffix(".safetensors")
    return load_file(safe) if safe.is_file() else torch.load(file, map_location="cpu", weights_only=True)


def load_model(model: GlideUNet, file: Path, dtype: torch.dtype) -> GlideUNet:
    """Loads the weights of one of OpenAI's files into a model.

    Raises:
        OSError: there is no such file.
        ValueError: the file is damaged, or belongs to another model.
    """
    try:
        state = _read_state(file)
    except (FileNotFoundError, PermissionError):
        raise
    except Exception as error:  # torch raises many error classes for a damaged file, OSError among them
        raise ValueError(f"{file} is damaged ({' '.join(str(error).split())[:120]}); download it again") from error
    try:
        model.load_state_dict(state)
    except (RuntimeError, AttributeError, TypeError) as error:
        raise ValueError(f"{file} is not of this model: {' '.join(str(error).split())[:200]}") from error
    return model.float().in_dtype(dtype)
