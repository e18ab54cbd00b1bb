"""The VLM client of a run: its options, and whether whole replies are kept."""

from dataclasses import dataclass

from builder.run.directory import RunDirectory
from generation.vlm.options import VlmOptions
from generation.vlm.question import Vlm
from generation.vlm.reply_store import ReplyStore


@dataclass(frozen=True)
class VlmClient:
    """The VLM of a run and its reply store's setting.

    Attributes:
        vlm: the VLM's options; Grounding DINO and SAM run on its `device`.
        keep_replies: whether every whole question is stored with its answer, for audit.
    """

    vlm: VlmOptions
    keep_replies: bool = False

    def reply_store(self, run: RunDirectory) -> ReplyStore:
        return ReplyStore(run, self.keep_replies)


def open_vlm(options: VlmOptions) -> Vlm:
    """Opens the VLM that the options name. A checkpoint is loaded at the first question.

    Raises:
        ImportError: the extra that it needs is not installed; the message names it.
        ValueError: it is not a supported VLM.
    """
    if options.is_endpoint:
        from generation.vlm.endpoint import EndpointVlm

        return EndpointVlm(options)
    from generation.vlm.local import LocalVlm

    return LocalVlm(options)
