"""`python -m generation.generators.tiny.training PHOTOGRAPHS... --state DIR`: trains what is not trained yet."""

import argparse
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path

import torch

from generation.generators.tiny.assembly import TRAINED
from generation.generators.tiny.training.loop import Training, seconds_of
from generation.generators.tiny.training.photographs import is_held_out, photograph_files
from generation.generators.tiny.training.sheet import write_sheets
from generation.generators.tiny.training.steps import STEPS, Context, Step


def main() -> None:
    arguments = _parser().parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    try:
        files = photograph_files(arguments.photographs, arguments.listing)
    except (OSError, ValueError) as error:
        raise SystemExit(str(error)) from error
    earlier = TRAINED if arguments.go_on else None
    context = Context(tuple(file for file in files if not is_held_out(file)), arguments.state, earlier)
    arguments.state.mkdir(parents=True, exist_ok=True)
    (arguments.state / "pid").write_text(str(os.getpid()))
    print(f"{len(context.files)} photographs of {len(files)}; the others are held out", flush=True)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    for step in STEPS:
        if asked:
            break
        if not arguments.only or step.name in arguments.only:
            trained = train(step, context, arguments.scale, lambda: bool(asked))
            if trained and not asked:
                draw_sheets(step.name, arguments.state, [file for file in files if is_held_out(file)])
    if asked:
        print("stopped; the same command goes on from here", flush=True)


def train(step: Step, context: Context, scale: float, stop: Callable[[], bool]) -> bool:
    """Trains a network for what is left of its time; false where nothing is left."""
    file = context.state / f"{step.name}.pt"
    if seconds_of(file) >= step.schedule.minutes * 60 * scale:
        return False
    torch.manual_seed(step.seed)
    network, loss = step.prepare(context)
    network.train().to(memory_format=torch.channels_last)
    earlier = None if step.from_trunk else context.earlier(step.name)
    Training(network, step.schedule, file, step.seed, earlier).run(loss, scale, stop)
    return True


def draw_sheets(network: str, state: Path, held_out: list[Path]) -> None:
    """Contact sheets on photographs that are held out; if one fails, training goes on all the same."""
    try:
        write_sheets(network, state, held_out)
    except Exception:
        traceback.print_exc()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", nargs="+", type=Path, help="folders of photographs")
    parser.add_argument("--state", type=Path, required=True, help="where training is kept, and goes on from")
    parser.add_argument("--listing", type=Path, help="JSON list of the photographs to take; all if left out")
    parser.add_argument("--go-on", action="store_true", help="begin from the published tensors, not anew")
    parser.add_argument("--only", nargs="*", help="networks to train; all if left out")
    parser.add_argument("--scale", type=float, default=1.0, help="of the minutes of each step")
    parser.add_argument("--threads", type=int, default=2)
    return parser


if __name__ == "__main__":
    main()
