"""The `score` stage: measures finished images, has a VLM judge them if one is given, and accepts or discards
each."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from tqdm import tqdm

from builder.run.bases import Base
from builder.run.directory import READERS, RunDirectory
from builder.run.map_ahead import map_ahead
from builder.run.scores import Score, read_score, write_score
from generation.quality.finished_images import FinishedImage, finished_bases, measure, read_finished
from generation.quality.judge import Measured, judge
from generation.quality.options import QualityOptions
from generation.quality.verdict import Opinion, decide, opinion_of
from generation.vlm.client import VlmClient

NAMED = 3
"""Number of unscored images whose names are shown."""


@dataclass
class QualityReport:
    """The result of the `score` stage.

    Attributes:
        vlm: the VLM that judged; None if measurements alone decided.
        accepted: number of images for the dataset.
        discarded: number of other scored images by cause.
        asked: number of questions asked in this call.
        kept: number of images that were measured and judged by an earlier call.
        unscored: names of images for which the VLM's server gave no answer; another call asks again.
        unfinished: names of images with an unfinished edit.
        unreadable: names of images with an unreadable file, with the error.
    """

    vlm: str | None
    accepted: int = 0
    discarded: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    kept: int = 0
    unscored: list[str] = field(default_factory=list)
    unfinished: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Lines to print."""
        judge = f"judged by {self.vlm}" if self.vlm else "no VLM: by measured facts alone"
        lines = [
            f"quality: {self.accepted} images accepted, {self.discarded.total()} discarded ({judge}); "
            f"{self.asked} questions asked"
        ]
        lines += [f"discarded: {count}: {ground}" for ground, count in sorted(self.discarded.items())]
        for heading, names in (("no answer yet", self.unscored), ("unfinished", self.unfinished)):
            if names:
                lines.append(
                    f"not scored: {len(names)}: {heading} ({', '.join(names[:3])}{'…' * (len(names) > 3)})"
                )
        return lines + [f"not scored: {name}: {reason}" for name, reason in sorted(self.unreadable.items())]

    def check(self) -> None:
        """Raises ValueError if the VLM's server gave no answer for an image."""
        if self.unscored:
            raise ValueError(
                f"{len(self.unscored)} images have no score yet, because the VLM's server gave no answer; "
                "earlier answers are kept: give the same command again"
            )


def _more(names: Sequence[str]) -> str:
    return ", …" if len(names) > NAMED else ""


def score(run_url: str, options: QualityOptions | None = None, client: VlmClient | None = None) -> QualityReport:
    """Scores every finished image of a run; earlier measurements and answers are reused.

    Without `client` a VLM's judgements from an earlier call are used, so that limits can be changed without a VLM.

    Args:
        run_url: a run directory, a folder or an fsspec URL.
        options: the options of the quality filter.
        client: the VLM; if left out, measurements and earlier judgements decide.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        VlmUnavailable: the VLM does not answer; earlier answers are kept.
    """
    run, options = RunDirectory(run_url), options or QualityOptions()
    bases, unfinished = finished_bases(run)
    report = QualityReport(client.vlm.name if client else None, unfinished=unfinished)
    with ThreadPoolExecutor(READERS) as pool:
        inspected = map_ahead(pool, lambda base: _inspect(run, base, client, options.judge), bases, 2 * READERS)
        bar = tqdm(inspected, "scoring", len(bases), unit="image", disable=not bases)
        for measured, opinion in _opinions(run, bar, options, client, report):
            _settle(run, measured, opinion, options, report)
    return report


@dataclass(frozen=True)
class _Inspected:
    """The state of an image before a VLM is asked.

    Attributes:
        measured: the image and its measurements; None if a file cannot be read.
        kept: an earlier judgement that is used again, or None.
        is_settled: whether no VLM has to be asked.
        problem: the error of an unreadable file.
    """

    name: str
    measured: Measured | None
    kept: Opinion | None = None
    is_settled: bool = False
    problem: str = ""


def _inspect(run: RunDirectory, base: Base, client: VlmClient | None, how: str) -> _Inspected:
    try:
        image = read_finished(run, base)
        before = _earlier(run, image)
        if before is None:
            return _Inspected(base.image, Measured(image, measure(run, image)))
    except (ValueError, FileNotFoundError) as error:
        return _Inspected(base.image, None, problem=str(error))
    opinion = opinion_of(before)
    counts = client is None or (opinion is not None and (opinion.vlm, opinion.judge) == (client.vlm.name, how))
    return _Inspected(base.image, Measured(image, before.edits), opinion if counts else None, counts)


def _earlier(run: RunDirectory, image: FinishedImage) -> Score | None:
    """The existing score of an image if it belongs to the same edits, else None."""
    try:
        before = read_score(run, image.name)
    except (FileNotFoundError, ValueError):
        return None
    return before if before.subject == image.subject and len(before.edits) == len(image.records) else None


Opinions = Iterator[tuple[Measured, Opinion | None]]


def _opinions(
    run: RunDirectory,
    inspected: Iterable[_Inspected],
    options: QualityOptions,
    client: VlmClient | None,
    report: QualityReport,
) -> Opinions:
    """Yields every image that can be scored, with its judgement."""
    settled: list[tuple[Measured, Opinion | None]] = []

    def unjudged() -> Iterator[Measured]:
        for one in inspected:
            if one.measured is None:
                report.unreadable[one.name] = one.problem
            elif one.is_settled:
                report.kept += 1
                settled.append((one.measured, one.kept))
            else:
                yield one.measured

    asking = _ask(run, unjudged(), options, client, report) if client else ((one, None) for one in unjudged())
    for answered in asking:
        yield answered
        while settled:
            yield settled.pop()
    yield from settled


def _ask(
    run: RunDirectory,
    images: Iterator[Measured],
    options: QualityOptions,
    client: VlmClient,
    report: QualityReport,
) -> Opinions:
    from generation.vlm.client import open_vlm

    vlm = open_vlm(client.vlm)
    try:
        for judged in judge(run, images, options.judge, vlm, client.reply_store(run)):
            report.asked += judged.asked
            if judged.opinion is None:
                report.unscored.append(judged.image.image.name)
            else:
                yield judged.image, judged.opinion
    finally:
        vlm.close()


def _settle(
    run: RunDirectory, measured: Measured, opinion: Opinion | None, options: QualityOptions, report: QualityReport
) -> None:
    image = measured.image
    found = decide(image.records, measured.edits, opinion, options, image.subject)
    if found != _earlier(run, image):
        write_score(run, image.name, found)
    if found.accepted:
        report.accepted += 1
    else:
        report.discarded[found.rejected_for or ""] += 1
