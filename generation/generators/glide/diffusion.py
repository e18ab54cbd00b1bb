"""GLIDE's sampling loop: DDPM steps with learned variances on a subset of the 1,000 training steps, with known
pixels kept.

diffusers' DDPMScheduler computes the posteriors. Its float32 schedule loses precision where betas are small; given
a float64 schedule, as here, it agrees with the formulas to float32 rounding.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

TRAINED_STEPS = 1000

FAST = (10, 10, 3, 2, 2)
"""Number of steps in each fifth of the schedule, the least noisy fifth first: OpenAI's `fast27` for the
upsampler."""

Model = Callable[[Tensor, Tensor], Tensor]
"""Maps a noisy (B, 3, S, S) image and (B,) steps to (B, 6, S, S): noise and variance."""


def spaced_steps(sections: Sequence[int]) -> list[int]:
    """Selects steps of the 1,000 training steps, in descending order.

    Args:
        sections: the number of steps in each of `len(sections)` equal parts of the schedule, evenly spaced from
            the part's first to its last step.

    Raises:
        ValueError: a part is to have no step, or more steps than it is long.
    """
    size = TRAINED_STEPS // len(sections)
    if min(sections) < 1 or max(sections) > size:
        raise ValueError(f"{sections} steps: each part of {size} has 1 to {size}")
    steps = []
    for number, count in enumerate(sections):
        stride = (size - 1) / (count - 1) if count > 1 else 1.0
        steps += [number * size + round(index * stride) for index in range(count)]
    return steps[::-1]


def fast_steps() -> list[int]:
    """The steps of FAST with the noisiest one lowered by two: starting at the noisiest step leaves artefacts."""
    return [TRAINED_STEPS - 3, *spaced_steps(FAST)[1:]]


def make_scheduler(schedule: str, steps: Sequence[int]) -> Any:
    """diffusers' DDPMScheduler over the given steps, with a float64 schedule.

    Args:
        schedule: `linear` or `squaredcos_cap_v2`.
        steps: in falling order.
    """
    from diffusers import DDPMScheduler

    scheduler: Any = DDPMScheduler(
        beta_schedule=schedule, prediction_type="sample", variance_type="learned_range", clip_sample=False
    )
    scheduler.alphas_cumprod = torch.cumprod(1 - betas(schedule), dim=0)
    scheduler.set_timesteps(timesteps=list(steps))
    return scheduler


def betas(schedule: str) -> Tensor:
    """(1000,) float64 variances of the noise that each step adds.

    `squaredcos_cap_v2` is that of Nichol and Dhariwal 2021 (arXiv 2102.09672), `linear` that of Ho et al. 2020.
    """
    if schedule == "linear":
        return torch.linspace(0.0001, 0.02, TRAINED_STEPS, dtype=torch.float64)
    kept = [
        math.cos((step / TRAINED_STEPS + 0.008) / 1.008 * math.pi / 2) ** 2 for step in range(TRAINED_STEPS + 1)
    ]
    return torch.tensor(
        [min(1 - after / before, 0.999) for before, after in pairwise(kept)],
        dtype=torch.float64,
    )


def guided(model: Model, guidance: float) -> Model:
    """Classifier-free guidance (Ho and Salimans 2021) on the noise; the variance is that with the prompt.

    Args:
        model: predicts for a batch whose first half has the prompt and whose second half has an empty one.
        guidance: the guidance scale; 1 gives the prediction with the prompt.
    """

    def with_guidance(x: Tensor, steps: Tensor) -> Tensor:
        with_prompt, without = model(torch.cat([x, x]), torch.cat([steps, steps])).chunk(2)
        noise = without[:, :3] + guidance * (with_prompt[:, :3] - without[:, :3])
        return torch.cat([noise, with_prompt[:, 3:]], dim=1)

    return with_guidance


def sample(
    model: Model, scheduler: Any, noise: Tensor, known: Tensor, keep: Tensor, generators: Sequence[torch.Generator]
) -> Tensor:
    """Samples images by denoising.

    At every step the known pixels replace those of the predicted clean image before it is clipped, as in OpenAI's
    inpainting.

    Args:
        model: predicts noise and variance.
        scheduler: from `make_scheduler`.
        noise: (B, 3, S, S), the initial noise.
        known: (B, 3, S, S), -1 to 1.
        keep: (B, 1, S, S), 1 for pixels kept from `known`, 0 for pixels that the model paints.
        generators: one random generator per image.
    """
    x = noise
    for step in scheduler.timesteps:
        predicted = model(x, step.expand(len(x)).to(x.device))
        share = scheduler.alphas_cumprod[step].item()
        clean = (x - math.sqrt(1 - share) * predicted[:, :3]) / math.sqrt(share)
        clean = (clean * (1 - keep) + known * keep).clamp(-1, 1)
        proposal = torch.cat([clean, predicted[:, 3:]], dim=1)
        x = scheduler.step(proposal, int(step), x, generator=list(generators)).prev_sample
    return x
