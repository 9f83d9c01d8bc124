"""How much memory there is, asked before something large is read into it."""

from __future__ import annotations

from pathlib import Path


def free_memory(root: Path = Path("/")) -> int:
    """Return bytes that can be taken without swapping: the machine's, or fewer where a container is limited.

    Cached files count as free: the kernel gives them up.
    """
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if ":" in line}
        free = found["MemAvailable"]
    except (OSError, KeyError):  # not Linux
        return 1 << 62
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
    try:
        found = dict(line.split() for line in file.read_text().splitlines())
        return sum(int(found.get(name, 0)) for name in ("active_file", "inactive_file"))
    except (OSError, ValueError):
        return 0


def number_in(file: Path) -> int | None:
    """The number that a file of the kernel holds; None where there is no such file, or no number in it."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):  # absent, or "max"
        return None


def in_bytes(count: int) -> str:
    """A number of bytes for people.

    >>> in_bytes(80_000_000_000_000), in_bytes(1_500_000)
    ('80,000.0 GB', '1.5 MB')
    """
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
