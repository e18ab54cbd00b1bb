"""The VLM that a run asks: a checkpoint on this machine or an OpenAI-compatible endpoint."""

from dataclasses import dataclass

from builder.run.directory import RunDirectory
from generation.vlm.options import VlmOptions
from generation.vlm.question import Vlm
from generation.vlm.reply_store import ReplyStore


@dataclass(frozen=True)
class VlmClient:
    """Which VLM a run asks, and whether its questions are kept for audit.

    Attributes:
        vlm: which VLM, and how it is asked; the models that find objects run on its `device`.
        keep_replies: keep every question whole beside its answer.
    """

    vlm: VlmOptions
    keep_replies: bool = False

    def reply_store(self, run: RunDirectory) -> ReplyStore:
        return ReplyStore(run, self.keep_replies)


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
