"""Free memory: the machine's, or less where a container is limited."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tcn_search.memory import free_memory


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=50 * 1024))


def write(root: Path, files: dict[str, str]) -> None:
    for file, text in files.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)


def test_free_memory_is_the_machines_without_a_limit(tmp_path: Path) -> None:
    assert free_memory(tmp_path) == 50 * 1024
    write(tmp_path, {"sys/fs/cgroup/memory.max": "max\n", "sys/fs/cgroup/memory.current": "7\n"})
    assert free_memory(tmp_path) == 50 * 1024


@pytest.mark.parametrize(
    ("limit_file", "used_file", "stat_file"),
    [
        ("memory.max", "memory.current", "memory.stat"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
    ],
)
def test_free_memory_is_the_containers_where_that_is_less(
    tmp_path: Path, limit_file: str, used_file: str, stat_file: str
) -> None:
    group = "sys/fs/cgroup"
    write(tmp_path, {f"{group}/{limit_file}": "4096\n", f"{group}/{used_file}": "96\n"})
    assert free_memory(tmp_path) == 4000
    write(tmp_path, {f"{group}/{stat_file}": "anon 6\nactive_file 30\ninactive_file 60\n"})
    assert free_memory(tmp_path) == 4090
    write(tmp_path, {f"{group}/{used_file}": "5000\n"})
    assert free_memory(tmp_path) == 0
