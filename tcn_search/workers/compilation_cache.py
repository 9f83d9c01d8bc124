"""Keep JAX's compiled programs between processes."""

from __future__ import annotations

import os
from pathlib import Path


def enable_compilation_cache() -> None:
    """Make JAX store programs that took long to compile in the user's cache folder.

    Trials of one architecture, in any process and study, then compile once. Environment variables
    that are set already win. Call this before JAX is imported.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(caches / "tcn_search" / "jax"))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.2")
