"""Free memory, checked before something large is read into it."""

from __future__ import annotations

from pathlib import Path


def free_memory(root: Path = Path("/")) -> int:
    """Return the bytes that can be allocated without swapping, in a container or the machine.

    In a container with a memory limit, the smaller number of both. Cached files count as free: the
    kernel gives them up.

    Args:
        root: folder in which a container's limits are looked up, as in the root file system.
    """
    import psutil  # 11 ms, which `tcn-search check` shall not wait for

    free: int = psutil.virtual_memory().available
    # psutil does not read the limits of control groups. Version 2 comes first, then version 1.
    for folder, limit_file, used_file in (
        ("sys/fs/cgroup", "memory.max", "memory.current"),
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        limit = number_in(root / folder / limit_file)
        used = number_in(root / folder / used_file)
        if limit is not None and used is not None:
            cached = _cached_files(root / folder / "memory.stat")
            free = min(free, max(0, limit - max(0, used - cached)))
    return free


def _cached_files(file: Path) -> int:
    """Return the bytes of cached files in a control group's memory.stat; 0 if unknown."""
    try:
        counts = dict(line.split() for line in file.read_text().splitlines())
        return sum(int(counts.get(name, 0)) for name in ("active_file", "inactive_file"))
    except (OSError, ValueError):
        return 0


def number_in(file: Path) -> int | None:
    """Return the number in a file of the kernel; None if there is no such file or no number."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # absent, or "max"
        return None


def size_in_words(size: int) -> str:
    """Return a number of bytes in GB or MB.

    >>> size_in_words(80_000_000_000_000), size_in_words(1_500_000)
    ('80,000.0 GB', '1.5 MB')
    """
    if size >= 1e9:
        return f"{size / 1e9:,.1f} GB"
    return f"{size / 1e6:.1f} MB"
