"""The one door to the VLM, with two rooms behind it."""

from generation.vlm.options import VlmOptions
from generation.vlm.question import Vlm


def open_vlm(options: VlmOptions) -> Vlm:
    """The VLM that the options name. A checkpoint is loaded at the first question.

    Raises:
        ImportError: the extra that it needs is not installed; the message names it.
        ValueError: it is not a VLM that can be asked.
    """
    if options.is_endpoint:
        from generation.vlm.endpoint import EndpointVlm

        return EndpointVlm(options)
    from generation.vlm.local import LocalVlm

    return LocalVlm(options)
