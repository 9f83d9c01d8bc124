"""Reserve standard output for messages to the parent process."""

from __future__ import annotations

import os
from typing import TextIO


def reserve_standard_output() -> TextIO:
    """Return a stream to standard output, and send all other output to standard error.

    Text that libraries or a user's code print, in Python or below, is then not taken for a message.
    """
    stream = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return stream
