"""U-Nets that begin from the trunk's weights, so that none of them begins from nothing."""

from typing import Any

import torch
from torch import Tensor, nn


def initialise_from(network: nn.Module, weights: dict[str, Tensor]) -> None:
    """Takes the weights whose names and shapes fit; the others stay random."""
    own = network.state_dict()
    fitting = {name: value for name, value in weights.items() if name in own and own[name].shape == value.shape}
    network.load_state_dict(fitting, strict=False)


@torch.no_grad()
def cut_mask_channels(unet: Any, weights: dict[str, Tensor], grey: Tensor) -> None:
    """The first convolution of a text-to-image U-Net: the trunk's, as if all of the picture were masked.

    Args:
        unet: with four input channels.
        weights: of the trunk, whose inputs are the noisy latents, the mask and the masked picture's latents.
        grey: (4,) latents of a grey picture, which is what the trunk has under a mask.
    """
    first, bias = weights["conv_in.weight"], weights["conv_in.bias"]
    unet.conv_in.weight.copy_(first[:, :4])
    unet.conv_in.bias.copy_(bias + torch.einsum("ockl,c->o", first[:, 4:], torch.cat([torch.ones(1), grey])))


@torch.no_grad()
def reorder_mask_channels(unet: Any, weights: dict[str, Tensor]) -> None:
    """Kandinsky's first convolution: its mask comes last, and is 1 where the picture is kept."""
    first = weights["conv_in.weight"]
    unet.conv_in.weight.copy_(torch.cat([first[:, :4], first[:, 5:], -first[:, 4:5]], dim=1))
    unet.conv_in.bias.copy_(weights["conv_in.bias"] + first[:, 4].sum(dim=(1, 2)))
