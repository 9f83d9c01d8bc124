"""The logger of the package: messages of a run go through `logging.getLogger("tcn_search")`."""

from __future__ import annotations

import logging
import sys

LOGGER = logging.getLogger("tcn_search")


class _StandardOutput(logging.StreamHandler):
    """Write to whatever `sys.stdout` is at the time, as notebooks and tests replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self):  # type: ignore[no-untyped-def]
        return sys.stdout


def show_messages() -> None:
    """Show the package's messages on standard output, unless the user has set up logging.

    As Optuna does: somebody who calls a long run from Python sees its progress without any setting.
    A handler of the logger or of the root logger, or a level of the logger, is left as it is.
    """
    if LOGGER.handlers or LOGGER.level != logging.NOTSET or logging.getLogger().handlers:
        return
    LOGGER.addHandler(_StandardOutput())
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
