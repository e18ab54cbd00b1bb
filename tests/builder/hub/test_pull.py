"""Pulling a dataset, one config or one split, and verifying it where it is."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from builder.checks.verify import verify
from builder.dataset.manifest import MANIFEST
from builder.hub.pull import PullOptions, pull
from builder.hub.push import PushOptions
from builder.hub.repository import locate
from builder.hub.withdraw import withdraw_published
from builder.packing.pack import PackOptions, pack
from builder.packing.withdraw import withdraw
from diffseg30k import CONFIGS
from tests.hub_client import NAME, environment, expected, ids, packed_run, push_to
from tests.hub_server import Fault, drop
from tests.plain_card import write_plain_card
from tests.run_factory import make_run


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return packed_run(tmp_path_factory.mktemp("runs"), 0)


def pull_from(server, out, **options):
    return pull(NAME, str(out), write_plain_card, PullOptions(endpoint=server.endpoint, **options))


def files(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.parquet")}


def test_everything_comes_with_its_card(hub, dataset, tmp_path):
    push_to(hub, dataset)
    report = pull_from(hub, tmp_path / "pulled")
    assert files(tmp_path / "pulled") == files(dataset)
    assert (tmp_path / "pulled/README.md").read_bytes() == hub.head(NAME).files["README.md"].content
    assert report.size == sum(len(data) for data in files(dataset).values())


def test_another_revision_is_pulled_and_verified_by_its_name(hub, dataset, tmp_path):
    push_to(hub, dataset)
    later = packed_run(tmp_path / "later", 1)
    push_to(hub, later, revision="next")
    pull_from(hub, tmp_path / "main")
    pull_from(hub, tmp_path / "next", revision="next")
    assert files(tmp_path / "main") == files(dataset)
    assert files(tmp_path / "next") == files(dataset) | files(later)
    rows = []
    for name in (NAME, f"{NAME}@next"):
        ran = subprocess.run(
            [sys.executable, "-m", "diffseg30k_cli", "verify", name],
            env=environment(hub, tmp_path / "home"),
            check=True,
            capture_output=True,
            text=True,
        )
        rows.append(int(ran.stdout.split(" rows in")[0].split()[-1]))
        assert "0 violations" in ran.stdout
    assert rows[1] > rows[0]


def test_a_config_comes_alone_and_loads(hub, dataset, tmp_path):
    push_to(hub, dataset)
    pull_from(hub, tmp_path / "pulled", config="binary-heldout-flux-hunyuan")
    view = CONFIGS["binary-heldout-flux-hunyuan"]
    places = {place for places in view.splits.values() for place in places}
    assert {path.rsplit("/", 1)[0] for path in files(tmp_path / "pulled")} <= places
    assert expected([tmp_path / "pulled"])[view.name] == expected([dataset])[view.name]
    code = (
        "import json, datasets\n"
        "loaded = datasets.load_dataset('pulled', 'binary-heldout-flux-hunyuan')\n"
        "print(json.dumps({split: sorted(rows['id']) for split, rows in loaded.items()}))"
    )
    own = environment(hub, tmp_path / "home")
    ran = subprocess.run([sys.executable, "-c", code], env=own, cwd=tmp_path, check=True, capture_output=True)
    assert json.loads(ran.stdout.splitlines()[-1]) == expected([dataset])[view.name]


@pytest.mark.parametrize(
    ("options", "side"),
    [({"split": "validation"}, "validation"), ({"config": "semantic", "split": "train"}, "train")],
)
def test_a_split_comes_alone(hub, dataset, tmp_path, options, side):
    push_to(hub, dataset)
    pull_from(hub, tmp_path / "pulled", **options)
    there = {path for path in files(dataset) if path.startswith(f"data/{side}/") and "unedited-more" not in path}
    assert set(files(tmp_path / "pulled")) == there


def test_what_is_there_is_not_brought_again(hub, dataset, tmp_path):
    push_to(hub, dataset)
    pull_from(hub, tmp_path / "pulled", split="validation")
    before = len(hub.requests)
    pull_from(hub, tmp_path / "pulled")
    again = {request.path for request in hub.requests[before:] if request.path.startswith("/storage/")}
    there = {file.sha256 for path, file in hub.head(NAME).files.items() if path.startswith("data/validation/")}
    assert not again & {f"/storage/{digest}" for digest in there}


def test_a_pull_whose_connection_breaks_goes_on(hub, dataset, tmp_path):
    push_to(hub, dataset)
    fault = hub.fail(Fault(drop(), "GET", "/storage/", times=2))
    pull_from(hub, tmp_path / "pulled")
    assert fault.struck == 2
    assert files(tmp_path / "pulled") == files(dataset)


def test_new_rows_packed_into_what_was_pulled_join_it(hub, dataset, tmp_path):
    push_to(hub, dataset)
    pull_from(hub, tmp_path / "pulled")
    make_run(tmp_path / "other", prefix="other")
    pack(str(tmp_path / "other"), str(tmp_path / "pulled"), PackOptions(progress=False))
    report = push_to(hub, tmp_path / "pulled")
    assert report.kept == len(files(dataset))
    assert report.rows == 24 + 41


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"config": "semantics"}, ValueError, "'semantics' is not a config; there are semantic"),
        ({"config": "semantic", "split": "test"}, ValueError, "'test' is not a split of semantic"),
        ({"config": "semantic-lora"}, FileNotFoundError, r"has no config semantic-lora; it has semantic \("),
        ({"revision": "v9"}, FileNotFoundError, "has no revision 'v9'"),
    ],
)
def test_what_is_not_there_is_named(hub, dataset, tmp_path, options, error, message):
    push_to(hub, dataset)
    with pytest.raises(error, match=message):
        pull_from(hub, tmp_path / "pulled", **options)


def test_a_dataset_that_is_not_there_is_named(hub, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"there is no dataset {NAME}"):
        pull_from(hub, tmp_path / "pulled")


# ── Verifying ─────────────────────────────────────────────────────────────────────────────────────


def verify_there(hub, home, dataset=f"hf://datasets/{NAME}"):
    code = (
        "import json\nfrom builder.checks.verify import verify\n"
        f"found = verify({dataset!r}, progress=False)\n"
        "print(json.dumps([found.rows, [str(violation) for violation in found.violations if violation.shard]]))"
    )
    own = environment(hub, home)
    ran = subprocess.run([sys.executable, "-c", code], env=own, check=True, capture_output=True, timeout=120)
    return json.loads(ran.stdout.splitlines()[-1])


def test_a_dataset_is_verified_where_it_is(hub, dataset, tmp_path):
    push_to(hub, dataset)
    before = len(hub.requests)
    assert verify_there(hub, tmp_path / "home") == [24, []]
    asked = hub.requests[before:]
    assert {request.status for request in asked if request.path.startswith("/storage/")} == {206}


def test_a_broken_promise_is_found_where_it_is(hub, dataset, tmp_path):
    push_to(hub, dataset)
    files = hub.head(NAME).files
    path = next(path for path in files if path.startswith("data/train/edited/"))
    astray = {path.replace("train", "validation"): files[path]}
    hub.hub.repositories[NAME].commit("main", "a mistake", None, astray, {path}, as_pr=False)
    rows, violations = verify_there(hub, tmp_path / "home")
    assert rows == 24
    assert any("the side is decided by the base image's id" in violation for violation in violations)


def test_a_name_is_a_folder_a_url_or_a_dataset_on_the_hub(tmp_path):
    assert locate(str(tmp_path)) == str(tmp_path)
    assert locate("hf://datasets/a/b") == "hf://datasets/a/b"
    assert locate("tester/diffseg30k") == "hf://datasets/tester/diffseg30k"
    assert locate("tester/diffseg30k@v1") == "hf://datasets/tester/diffseg30k@v1"
    with pytest.raises(FileNotFoundError, match="no dataset"):
        locate("a/b/c")


def test_the_command_line_verifies_a_dataset_by_its_name(hub, dataset, tmp_path):
    push_to(hub, dataset)
    command = [sys.executable, "-m", "diffseg30k_cli", "verify", NAME]
    settings = environment(hub, tmp_path / "home")
    done = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=300)
    assert "rows in" in done.stdout, done.stderr
    assert done.stdout.count(" 0 violations") == 1, done.stdout


def test_what_the_commit_no_longer_has_is_removed_where_a_pull_brought_it(hub, dataset, tmp_path):
    push_to(hub, dataset)
    pulled = tmp_path / "pulled"
    pull_from(hub, pulled)
    row = ids(dataset, "validation", "edited")[0]
    withdraw_published(NAME, [row], write_plain_card, options=PushOptions(endpoint=hub.endpoint, progress=False))
    pull_from(hub, pulled)
    assert set(files(pulled)) == {path for path in hub.head(NAME).files if path.endswith(".parquet")}
    assert row not in ids(pulled, "validation", "edited")


def test_shards_that_no_pull_brought_are_not_mixed_with_a_commit(hub, dataset, tmp_path):
    push_to(hub, dataset)
    own = packed_run(tmp_path, 7)
    before = files(own)
    with pytest.raises(ValueError, match=r"does not have and no pull brought, data/.* pull into another folder"):
        pull_from(hub, own)
    assert files(own) == before


def test_rows_that_are_withdrawn_here_and_not_there_do_not_come_back_by_a_pull(hub, dataset, tmp_path):
    push_to(hub, dataset)
    pulled = tmp_path / "pulled"
    pull_from(hub, pulled)
    row = ids(dataset, "validation", "edited")[0]
    withdraw(str(pulled), [row])
    with pytest.raises(ValueError, match=f"1 rows were taken out of .*{row}.*push with --replace first"):
        pull_from(hub, pulled)
    assert row not in ids(pulled, "validation", "edited")


def test_a_shard_that_was_damaged_since_it_was_pulled_is_brought_again(hub, dataset, tmp_path):
    push_to(hub, dataset)
    out = tmp_path / "pulled"
    pull_from(hub, out)
    shard = next(out.rglob("*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    stamps = shard.stat().st_atime_ns, shard.stat().st_mtime_ns
    shard.write_bytes(data)
    os.utime(shard, ns=stamps)
    pull_from(hub, out)
    assert files(out) == files(dataset)


def test_a_part_has_a_manifest_of_its_own_and_the_whole_brings_back_that_of_the_repository(hub, dataset, tmp_path):
    push_to(hub, dataset)
    out = tmp_path / "pulled"
    pull_from(hub, out, config="semantic", split="validation")
    assert verify(str(out), progress=False).violations == ()
    pull_from(hub, out)
    assert (out / MANIFEST).read_bytes() == hub.head(NAME).files[MANIFEST].content
    assert (out / "README.md").read_bytes() == hub.head(NAME).files["README.md"].content
    assert verify(str(out), progress=False).violations == ()


def test_a_damaged_shard_is_not_pushed(hub, dataset, tmp_path):
    out = tmp_path / "damaged"
    shutil.copytree(dataset, out)
    shard = next(out.rglob("*.parquet"))
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(data)
    with pytest.raises(ValueError, match=f"{shard.name} is damaged: .* restore it, or delete it and pack"):
        push_to(hub, out)
    assert MANIFEST not in hub.head(NAME).files
