"""Odd words on the command line: a command works, or ends with one line and no traceback."""

from __future__ import annotations

import contextlib
import io
import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search.cli.main import COMMANDS, main
from tcn_search.cli.output import printable

odd = st.sampled_from([
    "", " ", "0", "-1", "1", "3", "1,2", "2-8", "9" * 30, "9" * 5000, "1e3", "nan", "None", "a",
    "\udcff", "a\nb", "\x1b[2J", "--", "-x", "½", "١", "1_0", "same", "99999999999",
    "1-999999999", "x" * 300, "3.5", "../a.toml",
])  # fmt: skip
OPTIONS = {
    "check": ["--seq-len", "--kernel-size", "--dilations", "--stacks", "--padding", "--filters",
              "--norm", "--channels", "--required-context", "--layer"],
    "plan": ["--seq-len", "--kernel-size", "--dilation-base", "--levels", "--stacks", "--filters",
             "--dilations", "--padding", "--norm", "--sort-by", "--max-params",
             "--max-multiply-adds", "--max-depth", "--format", "--top", "--channels",
             "--required-context"],
    "run": ["--trials", "--timeout", "--patience", "--workers", "--workers-per-gpu", "--folds",
            "--trial-timeout", "--set", "--engine", "--tuner"],
    "status": ["--storage"],
    "best": ["--top", "--seeds", "--limit", "--workers", "--timeout", "--out"],
    "compare": ["--against", "--learning-rates", "--seeds", "--workers", "--out"],
    "report": ["--out"],
    "trials": ["--top", "--out"],
}  # fmt: skip
NEEDED = {
    "check": ["--seq-len", "100", "--kernel-size", "3", "--dilations", "1,2"],
    "plan": ["--seq-len", "100"],
    "run": ["none.toml"],
    "status": ["none"],
    "best": ["none"],
    "compare": ["none"],
    "report": ["none"],
    "trials": ["none"],
}


def ends_in_one_line(arguments: list[str]) -> None:
    out = io.StringIO()
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code
    assert code in (0, 1, 2)
    if code == 2:
        assert err.getvalue().count("\n") == 1
        assert "\x1b" not in err.getvalue()
        assert out.getvalue() == ""


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_odd_values_of_options_end_in_one_line(data: st.DataObject) -> None:
    command = data.draw(st.sampled_from(list(OPTIONS)))
    given = data.draw(st.lists(st.tuples(st.sampled_from(OPTIONS[command]), odd), max_size=3))
    ends_in_one_line([command, *NEEDED[command], *(word for pair in given for word in pair)])


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(list(COMMANDS)).filter(lambda name: name not in ("tasks", "dashboard")),
    st.lists(odd, max_size=3),
)
def test_odd_words_end_in_one_line(command: str, words: list[str]) -> None:
    ends_in_one_line([command, *words])


HUGE = {
    "run x.toml --workers 99999999999999999999": "--workers must be at most 1,024. Received: 99999999999999999999",
    "run x.toml --name x": "unrecognized arguments: --name x. See tcn-search run --help",
    "run x.toml --workers 0": "--workers must be auto or at least 1. Received: 0",
    "compare x --workers 0": "--workers must be auto or at least 1. Received: 0",
    "run x.toml --workers-per-gpu 1000": "--workers-per-gpu must be at most 64. Received: 1000",
    "run x.toml --trials 10000000": "--trials must be at most 1,000,000. Received: 10000000",
    "run x.toml --patience 10000000": "--patience must be at most 1,000,000. Received: 10000000",
    "run x.toml --folds 10000000": "x.toml: folds must be at most 1,000. Received: 10000000",
    "run x.toml --timeout 99999999h": "--timeout must be at most 315,360,000 seconds, which are ten years. Received: 359999996400.0",
    "run x.toml --set space.nb_filters={low=1,high=1000000000}": "x.toml: [space] nb_filters must be at most 65,536. Received: 1000000000",
    "run x.toml --set space.nb_stacks=[1000000]": "x.toml: [space] nb_stacks must be at most 1,024. Received: 1000000",
    "run x.toml --set space.levels={low=1,high=1000}": "x.toml: [space] levels must be at most 63. Received: 1000",
    "run x.toml --set task.seq_len=true": "seq_len must be an integer. Received: True",
    "check --seq-len 100 --kernel-size 99999999999 --dilations 1,2": "kernel_size must be at most 65,536. Received: 99999999999",
    "check --seq-len 100 --kernel-size 3 --dilations 1 --stacks 100000": "nb_stacks must be at most 1,024. Received: 100000",
    "check --seq-len 999999999999 --kernel-size 3 --dilations 1,2": "seq_len must be at most 134,217,728. Received: 999999999999",
    "plan --seq-len 784 --kernel-size 1-999999999": "kernel_size must be at most 65,536. Received: 999999999",
    "plan --seq-len 784 --dilation-base 1-999999999": "dilation_base must be a range of at most 65,536 integers. Received: '1-999999999'",
    "plan --seq-len 784 --top 99999999999": "--top must be at most 1,000,000. Received: 99999999999",
}  # fmt: skip
RUN_EACH = """
import contextlib, io, json, sys
from tcn_search.cli.main import main

for arguments in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments.split())
        except SystemExit as ended:
            code = ended.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]), flush=True)
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """Run the commands with huge numbers in one process that may take 2 GiB.

    Return exit status, standard output and standard error of each.
    """
    folder = tmp_path_factory.mktemp("huge")
    (folder / "x.toml").write_text('[task]\nname = "adding"\n')
    ended = subprocess.run(
        [sys.executable, "-c", RUN_EACH, json.dumps(list(HUGE))],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (2 << 30, 2 << 30)),
    )
    assert not (folder / "runs").exists()
    return dict(zip(HUGE, map(json.loads, ended.stdout.splitlines()), strict=False))


@pytest.mark.parametrize("arguments", HUGE)
def test_a_huge_number_is_refused_before_it_takes_memory(
    arguments: str, answers: dict[str, list[object]]
) -> None:
    assert arguments in answers, "the process ended before this command, or in it"
    command = arguments.split()[0]
    assert answers[arguments] == [2, "", f"tcn-search {command}: {HUGE[arguments]}\n"]


def test_what_is_printed_moves_no_cursor() -> None:
    assert printable("a\x1b[2J\rb\nc\u202e − é") == "a\\x1b[2J\\rb\\nc\\u202e − é"


def test_a_terminal_without_a_character_shows_it_by_number(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tcn_search", "plan", "--help"],
        env={"PYTHONIOENCODING": "ascii", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "levels \\u2212 1" in ended.stdout
