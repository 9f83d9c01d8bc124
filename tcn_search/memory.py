"""How much memory there is, asked before something large is read into it."""

from __future__ import annotations

from pathlib import Path


def free_memory(root: Path = Path("/")) -> int:
    """Bytes that can be taken without swapping: the machine's, or what a container's limit leaves if that is less."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
        found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if ":" in line}
        free = found["MemAvailable"]
    except (OSError, KeyError):  # not Linux
        return 1 << 62
    for limit, used in (
        ("sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"),
        ("sys/fs/cgroup/memory/memory.limit_in_bytes", "sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        values = [number_in(root / file) for file in (limit, used)]
        if values[0] is not None and values[1] is not None:
            free = min(free, max(0, values[0] - values[1]))
    return free


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
