"""The logger of the package: messages of a run go through `logging.getLogger("tcn_search")`."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

LOGGER = logging.getLogger("tcn_search")


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Write to `sys.stdout` as it is at the time: notebooks and tests replace it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


def show_messages() -> None:
    """Show the messages of the package, unless the user has set up logging otherwise.

    A long run that is called from Python shows its progress without any setting, as Optuna's does:
    on standard output, or by the handlers of the root logger if there are any. A level that was set
    for the logger is kept.
    """
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    if not LOGGER.hasHandlers():
        LOGGER.addHandler(_StandardOutput())
