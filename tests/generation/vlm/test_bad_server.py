"""A server that answers some questions with nothing usable costs those questions: by the commands, over HTTP."""

import re
import subprocess
import sys

import pytest

from builder.run.directory import RunDirectory
from builder.run.planned_edit import read_plan
from tests.generation.vlm.answers import answer, kind_of
from tests.generation.vlm.endpoint_server import MALFORMED, Behaviour, endpoint
from tests.kills import ROOT
from tests.run_factory import make_run

pytestmark = pytest.mark.network
TROUBLES = [
    *(MALFORMED[name] for name in ("a choice that is a text", "too deep", "a page", "not gzip")),
    Behaviour("{}", trickle=0.2),
    Behaviour(status=500),
]


class Troubled:
    """Answers as a VLM does, but for the first images of one kind of question, each of which has a trouble."""

    def __init__(self, kind: str, troubles: list[Behaviour]):
        self.kind, self.troubles = kind, troubles
        self.places: dict[str, int] = {}

    def __call__(self, request: dict, number: int) -> Behaviour:
        if kind_of(request) != self.kind:
            return answer(request)
        place = self.places.setdefault(str(request["messages"][-1]["content"][0]), len(self.places))
        return self.troubles[place] if place < len(self.troubles) else answer(request)


def run_command(*arguments: str) -> tuple[int, str]:
    """Exit code and output of a command that waits five seconds for a response and sends nothing twice."""
    options = ("--vlm-timeout", "5", "--vlm-retries", "0", "--vlm-concurrency", "8")
    command = [sys.executable, "-m", "diffseg30k_cli", *arguments, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def plan_command(models, photographs: str, run: str) -> list[str]:
    return [
        *("plan", "--run", run, "--images", photographs, "--size", "64", "--generators", "sd2", "--unedited", "0"),
        *("--regions", "grounded-sam", "--prompts", "vlm", "--device", "cpu", "--vlm-model", "m"),
        *("--detector", models.detector, "--segmenter", models.segmenter),
    ]


def test_photographs_that_stay_unanswered_are_left_out_of_the_plan(models, photographs, tmp_path):
    plan = plan_command(models, photographs, str(tmp_path / "run"))
    with endpoint(answer) as server:
        command = plan_command(models, photographs, str(tmp_path / "other"))
        assert run_command(*command, "--vlm", server.url)[0] == 0
        wanted = len(server.requests)
    with endpoint(Troubled("objects", TROUBLES)) as server:
        for call in range(3):
            before = len(server.requests)
            code, printed = run_command(*plan, "--vlm", server.url)
            assert len(server.requests) - before == (len(TROUBLES) if call else wanted)
            assert "Traceback" not in printed
            if call < 2:
                assert code != 0
                assert f"left {len(TROUBLES)} of " in printed
        assert code == 0, printed
        left_out = re.findall(
            r"(\d+): the VLM named no objects: the server gave no reply in 3 calls", joined(printed)
        )
        assert sum(map(int, left_out)) == len(TROUBLES)
    planned = read_plan(RunDirectory(str(tmp_path / "run")))
    assert len({edit.image for edit in planned}) == wanted - len(TROUBLES)


def test_only_what_has_no_prompt_or_no_score_is_asked_about_again(models, photographs, tmp_path):
    run = str(tmp_path / "run")
    with endpoint(answer) as server:
        plan = [*plan_command(models, photographs, run), "--count", "4"]
        assert run_command(*plan, "--vlm", server.url)[0] == 0

    for kind, command, said in (
        ("prompt", "generate", "the endpoint's response is not a chat completion"),
        ("score", "score", "1 images have no score yet, because the VLM's server gave no answer"),
    ):
        arguments = [command, run, "--device", "cpu", "--vlm-model", "m", "--vlm"]
        with endpoint(Troubled(kind, [MALFORMED["a choice that is a text"]])) as server:
            code, printed = run_command(*arguments, server.url)
            assert (code != 0, "Traceback" in printed) == (True, False), printed
            assert said in joined(printed)
        with endpoint(answer) as server:
            code, printed = run_command(*arguments, server.url)
            assert code == 0, printed
            assert len([request for request in server.requests if kind_of(request) == kind]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vlm-timeout", "0"], "--vlm-timeout is a number of seconds above 0"),
        (["--vlm-retries", "-1"], "--vlm-retries"),
        (["--vlm-concurrency", "0"], "--vlm-concurrency"),
        (
            ["--vlm-key-env", "NO_SUCH_VARIABLE"],
            "--vlm-key-env: there is no environment variable NO_SUCH_VARIABLE",
        ),
    ],
)
def test_an_option_with_a_value_that_it_cannot_have_is_named(tmp_path, options, message):
    run = make_run(tmp_path / "run", images=2)
    command = [sys.executable, "-m", "diffseg30k_cli", "score", run.url, "--vlm", "http://localhost:1/v1"]
    done = subprocess.run([*command, "--vlm-model", "m", *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode != 0
    assert message in joined(done.stderr)
    assert "Traceback" not in done.stderr


def joined(printed: str) -> str:
    """What was printed, without the frames and line breaks of a terminal."""
    return " ".join(re.sub(r"[│╭╮╰╯─]", " ", printed).split())
