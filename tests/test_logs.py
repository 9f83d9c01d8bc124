"""Messages of the package: seen without any setting, and as the user has set up logging."""

from __future__ import annotations

import subprocess
import sys

import pytest

SHOW = (
    "from tcn_search.logs import LOGGER, show_messages; show_messages(); LOGGER.info('7 of 9 done')"
)


def test_logging_that_is_set_up_later_repeats_nothing() -> None:
    code = f"{SHOW}; import logging; logging.basicConfig(); LOGGER.info('8 of 9 done')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("7 of 9 done\n8 of 9 done\n", "")


def test_downloads_leave_standard_output_to_the_command() -> None:
    code = "from tcn_search.logs import DOWNLOADS, show_messages; show_messages(); DOWNLOADS.info('1 MB')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "1 MB\n")


def test_a_closed_output_does_not_end_the_work() -> None:
    code = f"{SHOW}; LOGGER.info('again'); import sys; sys.stderr.write('done')"
    program = f'exec 1>&-; {sys.executable} -c "{code}"'
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "done")


@pytest.mark.parametrize(
    ("setup", "out", "error"),
    [
        ("", "7 of 9 done\n", ""),
        ("import logging; logging.basicConfig()", "", "INFO:tcn_search:7 of 9 done\n"),
        ("import logging; logging.getLogger('tcn_search').setLevel('WARNING')", "", ""),
        (
            "import contextlib, io, sys; text = io.StringIO(); sys.stdout = text",
            "",
            "",
        ),
    ],
)
def test_messages_are_seen_once(setup: str, out: str, error: str) -> None:
    code = f"{setup}\n{SHOW}\n"
    if "StringIO" in setup:
        code += "assert text.getvalue() == '7 of 9 done\\n'\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, out, error)
