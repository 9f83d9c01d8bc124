"""The loggers of the package: messages of a run and of downloads go through `logging`."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

LOGGER = logging.getLogger("tcn_search")
DOWNLOADS = logging.getLogger("tcn_search.downloads")


class _Console(logging.StreamHandler[TextIO]):
    """Write messages of a run to standard output, those of downloads to standard error.

    The streams are looked up for each message, because notebooks and tests replace them.
    """

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == DOWNLOADS.name:  # a program may read the output of the command
            self.stream = sys.stderr
        else:
            self.stream = sys.stdout
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - name of the base class
        """Drop a message that cannot be written, such as after `| head`: the work goes on."""


def show_messages() -> None:
    """Show the messages of the package, unless the user has set up logging otherwise.

    A long run that is called from Python shows its progress without any setting, as Optuna's does:
    on the console, or by the handlers of the root logger if there are any. A level that was set for
    the logger is kept.
    """
    if LOGGER.level == logging.NOTSET:
        LOGGER.setLevel(logging.INFO)
    if not LOGGER.hasHandlers():
        LOGGER.addHandler(_Console())
        LOGGER.propagate = False  # a handler that the root logger gets later would repeat each line
