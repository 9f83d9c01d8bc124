"""Standard output of a process that answers another one through it."""

from __future__ import annotations

import os
from typing import TextIO


def reserve_standard_output() -> TextIO:
    """Return a stream to standard output, and send all other output to standard error.

    What libraries or a user's code print, in Python or below, can then not be taken for an answer.
    """
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stream
