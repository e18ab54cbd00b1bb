"""The detectors in `examples/detectors`, with tiny networks of the same interfaces, through `evaluate`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.evaluation.results import Result, read_result
from tests.examples.conftest import EXAMPLES

pytestmark = pytest.mark.frameworks

ROOT = EXAMPLES.parent


@pytest.fixture
def evaluate(folder, tmp_path):
    """Evaluates a copy of an example as a user does; the result."""

    def run(example: str, function: str, config: str, **environment: str) -> Result:
        copy = shutil.copy(EXAMPLES / "detectors" / example, tmp_path)
        command = [sys.executable, "-m", "diffseg30k_cli", "evaluate", f"{copy}:{function}", "--config", config]
        command += [
            "--dataset",
            str(folder / "diffseg30k"),
            "--conditions",
            "clean",
            "--out",
            str(tmp_path / "results"),
        ]
        command += ["--count", "6", "--device", "cpu", "--json"]
        variables = os.environ | {
            "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}",
            "HF_HUB_OFFLINE": "1",
            **environment,
        }
        done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return read_result(*json.loads(done.stdout.splitlines()[-1])["files"])

    return run


def assert_scored(result: Result) -> None:
    assert result.scores["images"] == 6
    assert 0 < result.estimates["pixel_auc"].value < 1


def test_a_segmentation_model_of_transformers(evaluate, tmp_path):
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    small = {
        "depths": [1] * 4,
        "hidden_sizes": [8, 8, 16, 16],
        "num_attention_heads": [1] * 4,
        "decoder_hidden_size": 16,
    }
    network = SegformerForSemanticSegmentation(SegformerConfig(num_labels=9, **small))
    network.save_pretrained(tmp_path / "model")
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(tmp_path / "model")
    assert_scored(evaluate("transformers_segmentation.py", "detect", "semantic", DETECTOR_MODEL="model"))


@pytest.mark.parametrize(("channels", "size"), [(1, 64), (2, None)])
def test_a_network_in_an_onnx_file(evaluate, tmp_path, channels, size):
    import onnx

    weights = np.random.default_rng(0).normal(0, 0.1, (channels, 3, 3, 3)).astype(np.float32)
    sides = [size or "height", size or "width"]
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Conv", ["image", "weights"], ["logits"], pads=[1, 1, 1, 1])],
        "detector",
        [onnx.helper.make_tensor_value_info("image", kind, ["images", 3, *sides])],
        [onnx.helper.make_tensor_value_info("logits", kind, ["images", channels, *sides])],
        [onnx.numpy_helper.from_array(weights, "weights")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, tmp_path / "detector.onnx")
    assert_scored(evaluate("onnx_model.py", "detect", "binary", DETECTOR_MODEL="detector.onnx"))


IMDLBENCO = """
import torch


class Models(dict):
    def register_module(self):
        return lambda model: self.setdefault(model.__name__, model)


MODELS = Models()


@MODELS.register_module()
class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, image, mask, label, *args, **kwargs):
        assert image.shape[1:] == (3, 512, 512) and mask.shape[1:] == (1, 512, 512)
        found = torch.sigmoid(self.layer(image))
        loss = torch.nn.functional.binary_cross_entropy(found, mask)
        return {"backward_loss": loss, "pred_mask": found, "pred_label": None, "visual_loss": {}}
"""


def test_a_model_of_imdlbenco(evaluate, tmp_path):
    package = tmp_path / "IMDLBenCo"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "registry.py").write_text(IMDLBENCO)
    torch.manual_seed(0)
    state = {f"layer.{name}": value for name, value in torch.nn.Conv2d(3, 1, 3).state_dict().items()}
    torch.save({"model": state, "epoch": 1}, tmp_path / "tiny.pth")
    assert_scored(
        evaluate("imdlbenco_model.py", "detect", "binary", DETECTOR_NAME="Tiny", DETECTOR_MODEL="tiny.pth")
    )


TRUFOR = {
    "lib/__init__.py": "",
    "lib/config/__init__.py": """
from types import SimpleNamespace

config = SimpleNamespace(experiment=None, MODEL_FILE="")


def update_config(config, args):
    config.experiment = open(f"lib/config/{args.experiment}.yaml").read()
    config.MODEL_FILE = args.opts[1]
""",
    "lib/config/trufor_ph3.yaml": "tiny",
    "lib/utils.py": """
import torch


class Tiny(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, rgb, save_np=False):
        assert 0 <= rgb.min() and rgb.max() < 1
        located = self.layer(rgb)
        return located, located[:, :1], located.mean(dim=(1, 2, 3))[:, None], None


def get_model(config):
    assert config.experiment == "tiny"
    return Tiny()
""",
}


@pytest.fixture
def trufor(tmp_path) -> dict[str, str]:
    for name, text in TRUFOR.items():
        file = Path(tmp_path, "clone", name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    torch.manual_seed(0)
    state = {f"layer.{name}": value for name, value in torch.nn.Conv2d(3, 2, 3).state_dict().items()}
    torch.save({"state_dict": state, "epoch": 1}, tmp_path / "trufor.pth.tar")
    return {"TRUFOR": "clone", "DETECTOR_MODEL": "trufor.pth.tar"}


def test_trufor_localizes(evaluate, trufor):
    assert_scored(evaluate("trufor.py", "detect", "binary", **trufor))


def test_trufor_scores_images(evaluate, trufor):
    result = evaluate("trufor.py", "score", "classification", **trufor)
    assert result.scores["images"] == 6
    assert result.scores["acc"] is not None
