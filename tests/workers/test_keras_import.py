"""What libraries write to standard error is hidden, unless it may explain an error."""

from __future__ import annotations

import os

import pytest

from tcn_search.errors import InputError
from tcn_search.workers.keras_import import hide_standard_error


@pytest.mark.parametrize(
    ("error", "shown"),
    [(OSError("x"), "a line\n"), (InputError("x"), ""), (KeyboardInterrupt(), "")],
)
def test_only_an_unknown_error_shows_it(
    error: BaseException, shown: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        with hide_standard_error():
            os.write(2, b"a line\n")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert capfd.readouterr().err == shown
