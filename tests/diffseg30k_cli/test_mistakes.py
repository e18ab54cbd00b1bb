"""Mistakes that users make, typed as they type them: one line that says what is wrong, where, and what to do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from builder.packing.pack import PackOptions, pack
from cards.card import write_card
from generation.sources.demo.photographs import write_demo_sources
from tests.run_factory import make_run

ROOT = Path(__file__).parents[2]

TYPED = """
import sys
from diffseg30k_cli.main import main
sys.argv = ["diffseg30k", *sys.argv[1:]]
try:
    main()
finally:
    slow = sorted({"torch", "transformers", "diffusers"} & sys.modules.keys())
    print("slow to import:", *slow, file=sys.stderr)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a run, a dataset, photographs, and what people confuse with them."""
    made = tmp_path_factory.mktemp("mistakes")
    images, annotations = write_demo_sources(str(made / "demo"))
    Path(images).rename(made / "photographs")
    Path(annotations).rename(made / "instances.json")
    run = make_run(made / "run", images=5)
    pack(run.url, str(made / "dataset"), PackOptions(progress=False))
    write_card(str(made / "dataset"))
    (made / "begun").mkdir()
    (made / "begun" / "options.json").write_text("{}")
    (made / "empty").mkdir()
    (made / "mine").mkdir()
    (made / "mine" / "notes.txt").write_text("mine")
    (made / "text.json").write_text("not json")
    (made / "captions.json").write_text(json.dumps({"images": [], "annotations": []}))
    (made / "train.zip").write_bytes(b"zip?")
    (made / "labels.json").write_text('{"1": "sd2"}')
    (made / "file").write_text("")
    return made


def typed(folder: Path, line: str) -> tuple[int, list[str], list[str]]:
    """The exit code, the lines on stderr that are errors, and all other lines."""
    done = subprocess.run(
        [sys.executable, "-c", TYPED, *line.split()],
        capture_output=True,
        text=True,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder), "HF_HUB_OFFLINE": "1"},
    )
    lines = done.stderr.splitlines()
    assert lines[-1] == "slow to import:", "a mistake like this is to be found before torch is imported"
    lines, printed = lines[:-1], done.stdout.splitlines()
    errors = [each for each in lines if each.startswith("diffseg30k")]
    return done.returncode, errors, [*printed, *(each for each in lines if each not in errors)]


BUILD = "build --images photographs --annotations instances.json --out out"

MISTAKES = [
    ("genrate run", "No such command 'genrate'. Did you mean 'generate'"),
    ("generate", "Missing argument 'run'"),
    ("generate run --batchsize 3", "No such option: --batchsize (Possible options: --batch-size"),
    ("build --images photos --annotations instances.json --out out", "--images photos: there is no such folder"),
    ("build --images photographs --annotations no.json --out out", "--annotations no.json: there is no such file"),
    ("build --images photographs --annotations text.json --out out", "--annotations text.json is not JSON"),
    ("plan --images photographs --annotations captions.json --run new", "not a COCO instances file"),
    ("build --images photographs --out out", "--annotations FILE, or --regions automatic"),
    (f"{BUILD} --generators sd9", "'sd9' is not a generator; there are sd2"),
    (f"{BUILD} --checkpoint foo", "--checkpoint: 'foo' is not GENERATOR=HUB_ID"),
    (f"{BUILD} --compositing spilced", "compositing is spliced or regenerated, not 'spilced'"),
    (f"{BUILD} --target 5 --count 5", "leave out --count"),
    (f"{BUILD} --prompts vlm", "name it with --vlm"),
    (f"{BUILD} --vlm http://127.0.0.1:9/v1", "name its model with --vlm-model"),
    (f"{BUILD} --vlm http://127.0.0.1:9/v1 --vlm-model m --vlm-key-env NO_KEY", "no environment variable NO_KEY"),
    (f"{BUILD} --size 1000000", "--size"),
    ("generate nowhere", "there is no run directory nowhere"),
    ("generate begun", "begun has no plan.parquet: its plan is not finished"),
    ("score nowhere", "there is no run directory nowhere"),
    ("status nowhere", "there is no run directory nowhere"),
    ("estimate nowhere", "there is no run directory nowhere"),
    ("report nowhere --out report", "there is no run directory nowhere"),
    ("lora nowhere --out dataset", "there is no run directory nowhere"),
    ("pack nowhere --out out", "there is no run directory nowhere"),
    ("pack run --out file", "file"),
    ("card empty", "empty holds no shards"),
    ("verify nowhere", "there is no dataset nowhere: give a folder, a URL or NAMESPACE/NAME"),
    ("gallery dataset --out mine", "mine holds files that are no gallery"),
    ("push dataset name", "'name' is not the name of a dataset: it takes NAMESPACE/NAME"),
    ("push empty me/name", "empty holds no shards"),
    ("pull me/name --out out", "me/name"),
    ("withdraw dataset nobody", "dataset has no row and no base image nobody"),
    ("import validation.zip --labels labels.json --out out", "there is no archive at"),
    ("import train.zip --labels labels.json --out out", "train.zip"),
    ("tables nowhere --out tables", "nowhere: there is no such file or folder of results"),
    ("tables text.json --out tables", "text.json is not a result of diffseg30k evaluate"),
    ("distort dataset --out out --config nothing", "there is no config 'nothing'; the configs are"),
    ("distort nowhere --out out", "--dataset nowhere: there is no such folder"),
    ("generators sd9", "'sd9' is not a generator"),
    ("card dataset --gallery index.html", "takes the URL of a web page"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_is_one_line_and_an_exit_code(folder, line, says):
    code, errors, others = typed(folder, line)
    assert code != 0
    assert len(errors) == 1, errors
    assert says in errors[0]
    assert "Traceback" not in "".join(others)
    assert len([each for each in others if each]) <= 1, others  # what the command is about to do


def test_a_missing_archive_is_told_from_a_bad_one(folder):
    _, missing, _ = typed(folder, "import validation.zip --labels labels.json --out imported")
    _, bad, _ = typed(folder, "import train.zip --labels labels.json --out imported")
    assert not (folder / "imported").exists()
    assert "there is no archive" in missing[0]
    assert "there is no archive" not in bad[0]
    assert "not a zip" in bad[0]


def test_a_full_disk_is_an_error_that_names_the_path(folder, tmp_path):
    """The limit on the size of files stands for the disk: the same write fails with the same kind of error."""
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "from diffseg30k_cli.main import main\nmain()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "pack", str(folder / "run"), "--out", str(tmp_path / "full")],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )
    assert done.returncode == 1
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("diffseg30k")]
    assert str(tmp_path / "full") in line
    assert "nothing finished is lost" in line


@pytest.mark.parametrize("line", ["verify dataset", "card dataset", "gallery dataset --out pages"])
def test_a_command_says_what_it_is_about_to_do_and_what_comes_next(folder, line):
    code, errors, printed = typed(folder, line)
    assert (code, errors) == (0, [])
    assert any("dataset" in each and each.endswith(".") for each in printed)


def test_with_json_nothing_but_json_is_printed(folder):
    done = subprocess.run(
        [sys.executable, "-m", "diffseg30k_cli", "verify", str(folder / "dataset"), "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)
    assert done.stderr == ""
