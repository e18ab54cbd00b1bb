"""The `score` stage: finished images are measured, judged where there is a VLM, and accepted or discarded."""

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
"""How many of the images that are not scored are named."""


@dataclass
class QualityReport:
    """What became of the edited images of a run.

    Attributes:
        vlm: who judged; None where the measured facts alone decided.
        accepted: images that go into the dataset.
        discarded: why others do not, and how many.
        asked: questions that were asked by this call.
        kept: images that had been measured and judged before.
        unscored: images that the VLM's server gave no answer for; another call asks again.
        unfinished: images that wait for an edit.
        unreadable: images with a file that cannot be read, and what is wrong.
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
        """The report for people."""
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
        return lines + [f"not scored: {name}: {reason}" for name, reason in self.unreadable.items()]

    def check(self) -> None:
        """Raises ValueError where the VLM's server gave no answer for an image."""
        if self.unscored:
            raise ValueError(
                f"{len(self.unscored)} images have no score yet, for the VLM's server gave no answer: "
                "what it answered is kept, so give the same command again"
            )


def _more(names: Sequence[str]) -> str:
    return ", …" if len(names) > NAMED else ""


def score(run_url: str, options: QualityOptions | None = None, client: VlmClient | None = None) -> QualityReport:
    """Scores every finished image of a run; what is measured, asked and answered already is not done again.

    Without `client`, what a VLM said in an earlier call still counts, so that the limits alone can be changed.

    Args:
        run_url: a run directory, a folder or an fsspec URL.
        options: how images are judged.
        client: the VLM; the measured facts alone decide if left out.

    Raises:
        FileNotFoundError: the run directory holds no plan.
        VlmUnavailable: the VLM does not answer; what it answered is kept.
    """
    run, options = RunDirectory(run_url), options or QualityOptions()
    bases, unfinished = finished_bases(run)
    report = QualityReport(client.vlm.name if client else None, unfinished=unfinished)
    with ThreadPoolExecutor(READERS) as pool:
        looked = map_ahead(pool, lambda base: _look(run, base, client, options.judge), bases, 2 * READERS)
        bar = tqdm(looked, "scoring", len(bases), unit="image", disable=not bases)
        for measured, opinion in _opinions(run, bar, options, client, report):
            _settle(run, measured, opinion, options, report)
    return report


@dataclass(frozen=True)
class _Looked:
    """What is known of an image before a VLM is asked.

    Attributes:
        measured: the image and its facts; None where a file of it cannot be read.
        kept: the opinion that counts already, or None.
        is_settled: it has been measured and judged as it is to be now.
        problem: what is wrong with a file.
    """

    name: str
    measured: Measured | None
    kept: Opinion | None = None
    is_settled: bool = False
    problem: str = ""


def _look(run: RunDirectory, base: Base, client: VlmClient | None, how: str) -> _Looked:
    try:
        image = read_finished(run, base)
        before = _earlier(run, image)
        if before is None:
            return _Looked(base.image, Measured(image, measure(run, image)))
    except (ValueError, FileNotFoundError) as error:
        return _Looked(base.image, None, problem=str(error))
    opinion = opinion_of(before)
    counts = client is None or (opinion is not None and (opinion.vlm, opinion.judge) == (client.vlm.name, how))
    return _Looked(base.image, Measured(image, before.edits), opinion if counts else None, counts)


def _earlier(run: RunDirectory, image: FinishedImage) -> Score | None:
    """The score that an image has already, if it is of these very edits."""
    try:
        before = read_score(run, image.name)
    except (FileNotFoundError, ValueError):
        return None
    return before if before.subject == image.subject and len(before.edits) == len(image.records) else None


Opinions = Iterator[tuple[Measured, Opinion | None]]


def _opinions(
    run: RunDirectory,
    looked: Iterable[_Looked],
    options: QualityOptions,
    client: VlmClient | None,
    report: QualityReport,
) -> Opinions:
    """Every image that can be scored, with the opinion that counts."""
    settled: list[tuple[Measured, Opinion | None]] = []

    def open_ones() -> Iterator[Measured]:
        for one in looked:
            if one.measured is None:
                report.unreadable[one.name] = one.problem
            elif one.is_settled:
                report.kept += 1
                settled.append((one.measured, one.kept))
            else:
                yield one.measured

    asking = _ask(run, open_ones(), options, client, report) if client else ((one, None) for one in open_ones())
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
