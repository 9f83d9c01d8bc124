"""Cores, processor time and GPUs of this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import psutil
import pytest

from tcn_search.workers.resources import core_quota, this_machine, usable_cores, visible_gpus


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu.max": "150000 100000\n"}, 2),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
    ],
)
def test_a_containers_processor_time_in_cores(
    tmp_path: Path, files: dict[str, str], quota: int | None
) -> None:
    for name, text in files.items():
        file = tmp_path / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert core_quota(tmp_path) == quota


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for the driver")
def test_gpus_are_the_drivers_that_cuda_visible_devices_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0\necho 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus({}) == ("0", "1")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "1"}) == ("1",)
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "GPU-8f3a, 1"}) == ("GPU-8f3a", "1")
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": "0,-1,1"}) == ("0",)
    assert visible_gpus({"CUDA_VISIBLE_DEVICES": ""}) == ()
    program.write_text("#!/bin/sh\necho 'no devices were found'\nexit 6\n")
    assert visible_gpus({}) == ()


def test_this_machine_has_a_core_and_memory() -> None:
    machine = this_machine()
    assert machine.cores
    assert machine.memory > 1 << 20


def test_cores_are_those_of_the_affinity_or_all(monkeypatch: pytest.MonkeyPatch) -> None:
    if hasattr(os, "sched_getaffinity"):
        assert usable_cores() == tuple(sorted(os.sched_getaffinity(0)))
    monkeypatch.delattr(psutil.Process, "cpu_affinity", raising=False)  # as on macOS
    monkeypatch.setattr(psutil, "cpu_count", lambda: 3)
    assert usable_cores() == (0, 1, 2)
