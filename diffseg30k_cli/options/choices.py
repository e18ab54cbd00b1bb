"""The option groups of the commands that build a dataset, each with a method that returns the library's
options."""

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from builder.packing.options import SHARD_BYTES, PackOptions
from diffseg30k_cli.options.common import MEGABYTE, Device, Seed, ShardSize, Size, Workers, names, worker_count
from generation.editing.executors.options import ExecutorKind, ExecutorOptions, SlurmOptions
from generation.plan.choices import REMOVAL_DILATION, CheckpointKind, PromptsBy, RegionsFrom
from generation.quality.options import Judge, QualityOptions

if TYPE_CHECKING:
    from generation.editing.worker_options import WorkerOptions
    from generation.plan.options import PlanOptions
    from generation.sources.photographs import SourceOptions
    from generation.vlm.client import VlmClient


@dataclass(frozen=True)
class SourceChoices:
    """The sources of base images."""

    images: Annotated[str, typer.Option(help="Folder of the photographs.", show_default=False)]
    annotations: Annotated[
        str | None,
        typer.Option(help="COCO instances file (JSON) with their objects' outlines."),
    ] = None
    any_license: Annotated[
        bool, typer.Option("--any-license", help="Keep photographs whose licence forbids derivatives.")
    ] = False
    captions: Annotated[
        str | None, typer.Option(help="COCO captions file (JSON), from which generators make base images.")
    ] = None
    generated_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Of the edited images, those with such a base; 0.5 with --captions."),
    ] = None

    def sources(self) -> "SourceOptions":
        from generation.sources.photographs import SourceOptions

        share = (0.5 if self.captions else 0.0) if self.generated_share is None else self.generated_share
        return SourceOptions(
            self.images,
            self.annotations,
            any_license=self.any_license,
            captions=self.captions,
            generated_share=share,
        )


@dataclass(frozen=True)
class CheckpointChoices:
    """The replaced checkpoints."""

    checkpoint: Annotated[
        list[str] | None,
        typer.Option(
            help="GENERATOR=HUB_ID or GENERATOR=FOLDER, to replace one, or flux.1=fill, flux.1=int8, "
            "sdxl=inpainting; may be repeated."
        ),
    ] = None

    def replacements(self) -> tuple[tuple[str, str], ...]:
        """Pairs of a generator and what replaces its checkpoint.

        Raises:
            typer.BadParameter: an option is not such a pair.
        """
        split = [(pair, *pair.partition("=")[::2]) for pair in self.checkpoint or ()]
        for pair, name, place in split:
            if not (name and place):
                raise typer.BadParameter(
                    f"{pair!r} is not GENERATOR=HUB_ID or GENERATOR=FOLDER", param_hint="--checkpoint"
                )
        return tuple((name, place) for _, name, place in split)


@dataclass(frozen=True)
class VlmChoices:
    """The VLM."""

    vlm: Annotated[
        str | None,
        typer.Option(help="qwen2.5-vl-7b, a Hub id, ID@REVISION, a folder, or an OpenAI-compatible URL."),
    ] = None
    vlm_model: Annotated[str | None, typer.Option(help="The endpoint's name of its model.")] = None
    vlm_timeout: Annotated[
        float | None, typer.Option(help="Seconds that one request to an endpoint may take; 120 if left out.")
    ] = None
    vlm_concurrency: Annotated[
        int | None, typer.Option(min=1, help="Requests to an endpoint at a time; 32 if left out.")
    ] = None
    vlm_retries: Annotated[
        int | None, typer.Option(min=0, help="Repetitions of a request that fails; 5 if left out.")
    ] = None
    vlm_key_env: Annotated[
        str | None,
        typer.Option(help="Environment variable with the endpoint's API key; OPENAI_API_KEY if left out."),
    ] = None
    keep_replies: Annotated[
        bool, typer.Option("--keep-replies", help="Store every whole question to the VLM with its answer.")
    ] = False

    @property
    def is_local(self) -> bool:
        """Whether a VLM is named that runs on this machine."""
        return self.vlm is not None and "://" not in self.vlm

    @property
    def needs_hub(self) -> bool:
        """Whether the VLM's weights may have to be fetched."""
        return self.vlm is not None and self.is_local and not os.path.isdir(self.vlm)

    def client(self, device: str) -> "VlmClient | None":
        """The VLM that is named, or None."""
        from generation.editing.devices import resolve_device
        from generation.vlm.client import VlmClient
        from generation.vlm.options import VlmOptions

        if self.vlm is None:
            return None
        if self.vlm_key_env is not None and self.vlm_key_env not in os.environ:
            raise ValueError(f"--vlm-key-env: there is no environment variable {self.vlm_key_env}")
        device = resolve_device(device) if self.is_local else "cpu"
        batch_size = 1 if device == "cpu" else 8
        given = {
            "seconds": self.vlm_timeout,
            "concurrency": self.vlm_concurrency,
            "retries": self.vlm_retries,
            "key_variable": self.vlm_key_env,
        }
        chosen = {name: value for name, value in given.items() if value is not None}
        options = VlmOptions.named(self.vlm, self.vlm_model, device=device, batch_size=batch_size, **chosen)
        return VlmClient(options, self.keep_replies)


@dataclass(frozen=True)
class PlanChoices:
    """The options of the plan."""

    count: Annotated[
        int | None, typer.Option(min=1, help="Images to edit; all that have regions if left out.")
    ] = None
    unedited: Annotated[
        int | None,
        typer.Option(min=0, help="Photographs to keep unedited; one for every six edited if left out."),
    ] = None
    size: Size = 1024
    seed: Seed = 0
    generators: Annotated[
        str | None, typer.Option(help="Generators to use, by short id, separated by commas; all if left out.")
    ] = None
    checkpoints: Annotated[
        CheckpointKind,
        typer.Option(help="`tiny`: small ones for tests, built on this machine; `full`: the published ones."),
    ] = "tiny"
    compositing: Annotated[
        str,
        typer.Option(help="`spliced`: outside the mask nothing changes; `regenerated`: the model's whole output."),
    ] = "spliced"
    removal_dilation: Annotated[
        float,
        typer.Option(min=0, max=1, help="A removal paints this share of the region's size more; labels do not."),
    ] = REMOVAL_DILATION
    regions: Annotated[
        RegionsFrom,
        typer.Option(
            help="`annotations`: those of the COCO file; `automatic`: what SAM segments; `grounded-sam`: "
            "objects that a VLM names."
        ),
    ] = "annotations"
    prompts: Annotated[
        PromptsBy,
        typer.Option(help="`templates`, or `vlm`: written for each edit by a VLM that sees the image."),
    ] = "templates"
    detector: Annotated[
        str | None,
        typer.Option(
            help="Grounding DINO, or for `automatic` any object detector: a Hub id, ID@REVISION or a folder."
        ),
    ] = None
    segmenter: Annotated[
        str | None, typer.Option(help="SAM: a Hub id, ID@REVISION or a folder, to replace the default.")
    ] = None

    @property
    def asks_vlm(self) -> bool:
        return self.regions == "grounded-sam" or self.prompts == "vlm"

    @property
    def needs_hub(self) -> bool:
        """Whether weights may have to be fetched."""
        return self.regions != "annotations" or self.checkpoints == "full"

    def plan(self, replaced: CheckpointChoices, client: "VlmClient | None") -> "PlanOptions":
        """The plan's options.

        Args:
            replaced: the replaced checkpoints.
            client: the VLM, if the plan asks one.
        """
        from generation.generators import registry
        from generation.plan.options import PlanOptions
        from generation.regions.automatic.options import NAMING_DETECTOR
        from generation.regions.grounding.options import DETECTOR, SEGMENTER

        finds = self.regions != "annotations"
        detector = NAMING_DETECTOR if self.regions == "automatic" else DETECTOR
        replacements = dict(replaced.replacements())
        return PlanOptions(
            side=self.size,
            seed=self.seed,
            count=self.count,
            unedited=self.unedited,
            generators=registry.settings(names(self.generators), self.checkpoints, replacements),
            compositing=self.compositing,
            removal_dilation=self.removal_dilation,
            regions=self.regions,
            prompts=self.prompts,
            vlm=client.vlm.name if client else None,
            detector=(self.detector or detector) if finds else None,
            segmenter=(self.segmenter or SEGMENTER) if finds else None,
        )


@dataclass(frozen=True)
class WorkChoices:
    """The options of workers."""

    device: Device = "auto"
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Edits per batch; 1 on a CPU, 4 on a GPU if left out."),
    ] = None

    def worker(self, replaced: CheckpointChoices, here: bool = True) -> "WorkerOptions":
        """The worker's options.

        Args:
            here: whether the workers run on this machine, so that `auto` is resolved now.
        """
        from generation.editing.devices import resolve_device
        from generation.editing.worker_options import WorkerOptions

        device = resolve_device(self.device) if here else self.device
        return WorkerOptions(device, self.batch_size or (1 if device == "cpu" else 4), replaced.replacements())

    def on(self, where: ExecutorOptions) -> "WorkChoices":
        """The same for workers of a cluster, whose device follows from its GPUs."""
        return self if where.kind == "local" else WorkChoices("cuda" if where.gpus else "cpu", self.batch_size)


@dataclass(frozen=True)
class ExecutorChoices:
    """The executor of a wave."""

    workers: Workers = None
    executor: Annotated[ExecutorKind, typer.Option(help="This machine, or a cluster.")] = "local"
    shared: Annotated[
        bool, typer.Option("--shared", help="Other machines work on the same run, each started by this command.")
    ] = False
    address: Annotated[str, typer.Option(help="Ray: of the cluster; `local` starts one here.")] = "auto"
    gpus: Annotated[int, typer.Option(min=0, help="Ray and Slurm: GPUs a worker.")] = 0
    partition: Annotated[str | None, typer.Option(help="Slurm: the partition.")] = None
    time_limit: Annotated[str, typer.Option(help="Slurm: of a job.")] = SlurmOptions.time
    setup: Annotated[str, typer.Option(help="Slurm: a command first, such as `source env/bin/activate`.")] = ""
    sbatch: Annotated[list[str] | None, typer.Option(help="Slurm: KEY=VALUE for sbatch; may be repeated.")] = None

    def where(self, device: str) -> ExecutorOptions:
        """The executor's options.

        Args:
            device: of local workers, whose number follows from it if it is left out.

        Raises:
            typer.BadParameter: a cluster's number of workers is left out.
        """
        slurm = None
        if self.executor == "slurm" or self.partition:
            pairs = tuple((key, value) for key, _, value in (pair.partition("=") for pair in self.sbatch or ()))
            slurm = SlurmOptions(
                self.partition or "", self.time_limit, gpus=self.gpus, setup=self.setup, sbatch=pairs
            )
        if self.executor != "local" and self.workers is None:
            raise typer.BadParameter("give the number of workers on the cluster", param_hint="--workers")
        workers = worker_count(self.workers, device)
        return ExecutorOptions(self.executor, workers, self.shared, self.address, self.gpus, slurm)


@dataclass(frozen=True)
class ScoreChoices:
    """The options of the quality filter."""

    judge: Annotated[
        Judge,
        typer.Option(help="A VLM is shown the whole `image`, or each `edit` with its region before and after."),
    ] = QualityOptions.judge
    min_quality: Annotated[float, typer.Option(min=0, max=5, help="Images with a lower score are discarded.")] = (
        QualityOptions.min_quality
    )
    min_change: Annotated[
        float, typer.Option(min=0, max=1, help="Images with an edit that changed its mask by less are discarded.")
    ] = QualityOptions.min_change
    max_seam: Annotated[
        float | None,
        typer.Option(min=0, help="Images with an edit whose border stands out by more are discarded."),
    ] = QualityOptions.max_seam
    min_coverage: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Images with less of an edit's changes inside its mask are discarded."),
    ] = QualityOptions.min_coverage
    min_changed_share: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Images with an edit that left more of its mask as it was are discarded."),
    ] = QualityOptions.min_changed_share

    def quality(self) -> QualityOptions:
        return QualityOptions(**dataclasses.asdict(self))


@dataclass(frozen=True)
class PackChoices:
    """The options of packing."""

    with_originals: Annotated[
        bool, typer.Option("--with-originals", help="Keep the base images as the column `original`.")
    ] = PackOptions.with_originals
    shard_size: ShardSize = SHARD_BYTES // MEGABYTE

    def packing(self) -> PackOptions:
        return PackOptions(with_originals=self.with_originals, shard_bytes=self.shard_size * MEGABYTE)
