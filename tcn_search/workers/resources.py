"""Detect the cores, memory and GPUs of this machine, without a tensor library."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tcn_search.memory import free_memory, number_in

_NVIDIA_SMI_SECONDS = 10


@dataclass(frozen=True)
class Machine:
    """Cores, memory and GPUs over which trials can be spread.

    Args:
        cores: numbers of the processor cores that this process may use.
        memory: free bytes.
        gpus: as CUDA_VISIBLE_DEVICES names them.
        quota: number of cores whose time a container's limit allows, or None without a limit.
    """

    cores: tuple[int, ...]
    memory: int
    gpus: tuple[str, ...] = ()
    quota: int | None = None


def this_machine() -> Machine:
    """Return the machine that this process runs on, as far as the process may use it."""
    return Machine(
        cores=usable_cores(),
        memory=free_memory(),
        gpus=visible_gpus(os.environ),
        quota=core_quota(),
    )


def usable_cores() -> tuple[int, ...]:
    """Return the numbers of the processor cores that this process may use."""
    if hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
        return tuple(sorted(psutil.Process().cpu_affinity()))
    return tuple(range(psutil.cpu_count() or 1))


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves; all of them if it is not set."""
    present = _gpus_of_driver()
    allowed = environment.get("CUDA_VISIBLE_DEVICES")
    if not present or allowed is None:
        return present
    names = []
    for name in allowed.split(","):
        if name.strip() in ("", "-1", "NoDevFiles"):
            break  # CUDA, too, ignores what comes after a wrong name
        names.append(name.strip())
    return tuple(names)


def _gpus_of_driver() -> tuple[str, ...]:
    """Return the numbers of the NVIDIA GPUs of this machine; none if the driver does not answer."""
    program = shutil.which("nvidia-smi")
    if program is not None:
        command = [program, "--query-gpu=index", "--format=csv,noheader"]
        try:
            output = subprocess.run(
                command, capture_output=True, text=True, timeout=_NVIDIA_SMI_SECONDS, check=True
            ).stdout
        except (subprocess.SubprocessError, OSError):
            return ()
        return tuple(line.strip() for line in output.splitlines() if line.strip().isdigit())
    folder = Path("/proc/driver/nvidia/gpus")
    if not folder.is_dir():
        return ()
    return tuple(str(number) for number in range(len(list(folder.iterdir()))))


def core_quota(root: Path = Path("/")) -> int | None:
    """Return the number of cores that a container's limit allows, rounded up; None if no limit.

    psutil does not read the limits of control groups.

    Args:
        root: folder in which the limit is looked up, as in the root file system.
    """
    group = root / "sys/fs/cgroup"
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except OSError:  # version 1
        quota = str(number_in(group / "cpu/cpu.cfs_quota_us") or -1)
        period = str(number_in(group / "cpu/cpu.cfs_period_us") or 1)
    if not quota.isdigit():  # "max", or -1
        return None
    return math.ceil(int(quota) / int(period))
