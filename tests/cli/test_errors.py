"""Every error that the package raises on purpose is one line of a command, with exit code 2."""

from __future__ import annotations

import argparse

import pytest

from tcn_search import errors
from tcn_search.cli.main import main

CLASSES = (
    errors.InputError,
    errors.StorageError,
    errors.StudyDeleted,
    errors.LeaseError,
    errors.LeaseLost,
    errors.TrialsFailedError,
)


@pytest.mark.parametrize("error", CLASSES)
def test_an_error_of_the_package_is_one_line(
    error: type[errors.TcnSearchError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(arguments: argparse.Namespace) -> int:
        raise error("no such luck")

    monkeypatch.setattr("tcn_search.cli.tasks.run", fail)
    assert main(["tasks"]) == 2
    assert capsys.readouterr().err == "tcn-search tasks: no such luck\n"


def test_only_bad_input_is_an_input_error() -> None:
    assert [error for error in CLASSES if issubclass(error, errors.InputError)] == [
        errors.InputError
    ]
