"""Trains in one of several processes, and writes down what it did: `torchrun … processes.py OPTIONS FOLDER`.

OPTIONS is JSON for `TrainOptions`. FOLDER/RANK.json gets, for each update, the learning rate and a digest of the
parameters after it.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmark.training.train import TrainOptions, train

torch.use_deterministic_algorithms(True)
updates = []


def record(optimizer: torch.optim.Optimizer, *_) -> None:
    digest = hashlib.sha256()
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            digest.update(parameter.detach().numpy().tobytes())
    updates.append([optimizer.param_groups[0]["lr"], digest.hexdigest()])


register_optimizer_step_post_hook(record)
report = train(TrainOptions(**json.loads(sys.argv[1])))
best = None if report.best is None else [report.best.score, report.best.step]
written = {"updates": updates, "best": best, "step": report.step, "loss": report.loss}
Path(sys.argv[2], f"{os.environ.get('RANK', 0)}.json").write_text(json.dumps(written))
