"""What looks at pictures for a run: the VLM, and whether its questions are kept for audit."""

from dataclasses import dataclass

from builder.run.directory import RunDirectory
from generation.vlm.options import VlmOptions
from generation.vlm.reply_store import Archive


@dataclass(frozen=True)
class Eyes:
    """What looks at pictures for a run.

    Attributes:
        vlm: which VLM, and how it is asked; the models that find objects run on its `device`.
        keep_replies: keep every question whole beside its answer.
    """

    vlm: VlmOptions
    keep_replies: bool = False

    def archive(self, run: RunDirectory) -> Archive:
        return Archive(run, self.keep_replies)
