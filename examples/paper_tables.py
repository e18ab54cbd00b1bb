"""The paper's tables from one dataset and one architecture: five trainings a seed, their evaluations, the tables.

    python examples/paper_tables.py                                   # the paper's setting: a GPU, days
    python examples/paper_tables.py --quick                           # a demo dataset: two cores, minutes

Stopped and started again it goes on where it was. With several seeds each number is the mean over them, with the
standard deviation. `--quick` shows that everything works and measures nothing.
"""

import argparse
from pathlib import Path

from datasets import get_dataset_config_names

from benchmark.data.distortions import TABLE_3
from benchmark.evaluation.evaluate import EvaluateOptions, evaluate
from benchmark.tables.tables import write_tables
from benchmark.training.options import TrainOptions
from benchmark.training.train import train
from diffseg30k import HELD_OUT_PAIRS

QUICK = {
    "architecture": "linknet",
    "encoder": "timm-mobilenetv3_small_minimal_100",
    "weights": "none",
    "size": 96,
    "steps": 200,
    "batch_size": 4,
    "learning_rate": 0.05,
    "scale": (1.0, 1.0),
    "workers": 0,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="diffseg30k", help="a packed folder, or NAMESPACE/NAME on the Hub")
    parser.add_argument("--architecture", default="deeplabv3plus", help="--quick has a small LinkNet instead")
    parser.add_argument("--out", type=Path, default=Path("paper"))
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each detector")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    options = QUICK if arguments.quick else {"architecture": arguments.architecture}
    paper_tables(arguments.dataset, arguments.out, arguments.seeds, options)


def paper_tables(dataset: str, out: Path, seeds: int, options: dict) -> None:
    there = set(get_dataset_config_names(dataset))
    results: list[str] = []
    for config in ("semantic", "binary", *(f"binary-heldout-{pair}" for pair in HELD_OUT_PAIRS)):
        for seed in range(seeds) if config in there else ():
            detector = out / "detectors" / f"{config}-{seed}"
            training = TrainOptions(
                str(detector), dataset, config, cache=str(out / "cache"), seed=seed, resume=True, **options,
            )  # fmt: skip
            if not (detector / "detector.json").exists():
                train(training)
            for test, conditions in evaluations(config, there):
                results += evaluate(
                    EvaluateOptions(
                        str(detector),
                        str(out / "results" / config),
                        dataset,
                        test,
                        conditions=conditions,
                        name=options["architecture"],
                        as_classifier=test.startswith("classification"),
                    )
                )
    print(Path(write_tables(results, str(out / "tables")).markdown).read_text(encoding="utf-8"))


def evaluations(config: str, there: set[str]) -> list[tuple[str, tuple[str, ...]]]:
    """What a detector trained on a config is tested on: other configs, and the conditions."""
    as_classifier = config.replace("binary", "classification")
    tests = {
        "semantic": [("semantic", TABLE_3), ("semantic-lora", ("clean",))],
        "binary": [("binary", TABLE_3), ("classification", TABLE_3)],
    }.get(config, [(config, ("clean",)), (as_classifier, ("clean",))])
    return [(test, conditions) for test, conditions in tests if test in there]


if __name__ == "__main__":
    main()
