"""Slow steps of a command are named on standard error, fast ones are not."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from tcn_search.cli.slow_steps import slow_steps


def test_only_a_slow_step_is_named_on_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with slow_steps(after=0.2) as begin:
        begin("opening")
        begin("reading")
        time.sleep(0.6)
        begin("writing")
    time.sleep(0.4)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "reading ...\n")


def test_no_step_is_named_after_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with suppress(KeyboardInterrupt), slow_steps(after=0.1) as begin:
        begin("reading")
        raise KeyboardInterrupt
    time.sleep(0.3)
    assert capsys.readouterr().err == ""
