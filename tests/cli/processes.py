"""Commands as processes, and the worker processes that they start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `tcn-search` as from a shell, where TF_CPP_MIN_LOG_LEVEL is not set."""
    environment = {
        name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"
    }
    return subprocess.run(
        [sys.executable, "-m", "tcn_search", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )


def unwrapped(text: str) -> str:
    """Return text on one line: commands print in lines that fit a terminal."""
    return " ".join(text.split())


def workers_of(folder: Path) -> list[str]:
    """Return the ids of the worker processes whose data is in a folder of this test."""
    workers = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_text().split("\0")
        except OSError:
            continue
        if "tcn_search.workers.worker_main" in words and any(str(folder) in word for word in words):
            workers.append(entry.parent.name)
    return workers
