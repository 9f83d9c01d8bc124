"""Where JAX keeps compiled programs between processes."""

from __future__ import annotations

import os
from pathlib import Path


def keep_compiled_programs() -> None:
    """Let JAX keep what took long to compile in the user's cache folder, unless the environment says otherwise.

    Trials of one architecture, in any process and study, then compile once. To be called before JAX is imported.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(caches / "tcn_search" / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
