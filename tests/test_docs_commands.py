"""README and docs: every command and study file that they show is one that the package reads."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from tcn_search.cli.main import COMMANDS, _parser
from tcn_search.study.study_file import read_study_file
from tests.docs_blocks import ALL_BLOCKS, PAGES, ROOT, Block

# Programs whose arguments are not of this repository.
OTHER_PROGRAMS = ("cd", "curl", "docker", "export", "git", "kubectl", "ray", "sbatch", "source")
PROGRAMS = ("tcn-search", "make", "pip", "python", *OTHER_PROGRAMS)
INLINE = re.compile(r"`(tcn-search [a-z]+ [^`]+)`")


def first_word(text: str) -> str:
    return text.split(maxsplit=1)[0]


SHELL_BLOCKS = [
    block
    for block in ALL_BLOCKS
    if block.language == "sh" or (not block.language and first_word(block.text) in PROGRAMS)
]
TOML_BLOCKS = [block for block in ALL_BLOCKS if block.language == "toml"]
INLINE_COMMANDS = [
    (page.relative_to(ROOT).as_posix(), " ".join(command.split()))
    for page in PAGES
    for command in INLINE.findall(page.read_text())
]


def check_command(command: str) -> None:
    """Fail for a command that its program would refuse before it does anything."""
    words = shlex.split(command, comments=True)
    while words and "=" in words[0]:  # KERAS_BACKEND=jax python ...
        words.pop(0)
    if not words:
        return
    program, *arguments = words
    assert program in PROGRAMS, f"unknown program: {command}"
    if program == "tcn-search":
        check_arguments(arguments)
    elif program == "make":
        check_target(arguments)
    elif program == "pip":
        check_installation(arguments)
    elif program == "python" and arguments[0] != "-m":
        assert (ROOT / arguments[0]).is_file(), command


def check_arguments(arguments: list[str]) -> None:
    """Parse the arguments of `tcn-search`; words in brackets are optional, as in [--plain]."""
    assert arguments[0] in COMMANDS or arguments[0].startswith("--"), arguments
    code: object = 0
    try:
        _parser(arguments[0]).parse_args([word.strip("[]") for word in arguments])
    except SystemExit as left:  # --help and --version leave too
        code = left.code
    assert code == 0, shlex.join(arguments)


def check_target(arguments: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text()
    for word in arguments:
        name, is_variable, _ = word.partition("=")
        if is_variable:
            assert re.search(rf"^{name} \??=", makefile, re.MULTILINE), word
        else:
            assert re.search(rf"^{name}:", makefile, re.MULTILINE), word


def check_installation(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extras in re.findall(r"(?:tcn[-_]search|\.)\[(.+?)\]", " ".join(arguments)):
        assert set(extras.split(",")) <= set(project["optional-dependencies"]), extras


def test_there_are_blocks_to_check() -> None:
    assert len(SHELL_BLOCKS) > 15
    assert len(TOML_BLOCKS) > 4
    assert len(INLINE_COMMANDS) > 20


@pytest.mark.parametrize("block", SHELL_BLOCKS, ids=str)
def test_commands_of_a_block(block: Block) -> None:
    for line in block.text.replace("\\\n", " ").splitlines():
        check_command(line)


@pytest.mark.parametrize(("page", "command"), INLINE_COMMANDS)
def test_command_within_a_sentence(
    page: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        check_command(command)
    except AssertionError:  # a sentence may leave out the study or file, and nothing else
        assert "the following arguments are required" in capsys.readouterr().err


@pytest.mark.parametrize("block", TOML_BLOCKS, ids=str)
def test_study_file_of_a_block(block: Block, tmp_path: Path) -> None:
    text = block.text
    if "[task]" not in text:  # a part of a study file
        text += '\n[task]\nname = "adding"\n'
    file = tmp_path / "study.toml"
    file.write_text(text)
    read_study_file(file)


@pytest.mark.parametrize("command", ["tcn-search run a.toml --trails 3", "make studdy", "ls"])
def test_a_wrong_command_is_found(command: str) -> None:
    with pytest.raises(AssertionError):
        check_command(command)
