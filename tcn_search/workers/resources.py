"""Find out what this machine has: cores, memory, GPUs. No tensor library is imported."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tcn_search.memory import free_memory, number_in

_NVIDIA_SMI_SECONDS = 10


@dataclass(frozen=True)
class Machine:
    """Cores, memory and GPUs that the workers of a run share.

    Args:
        cores: numbers of the processor cores that this process may use.
        memory: free bytes.
        gpus: the GPUs, as CUDA_VISIBLE_DEVICES names them.
        quota: number of cores whose time a container's limit allows, or None without such a limit.
    """

    cores: tuple[int, ...]
    memory: int
    gpus: tuple[str, ...] = ()
    quota: int | None = None


def this_machine() -> Machine:
    """The machine that this process runs on, as far as it may use it."""
    cores = tuple(
        sorted(
            os.sched_getaffinity(0)
            if hasattr(os, "sched_getaffinity")
            else range(os.cpu_count() or 1)
        )
    )
    return Machine(cores, free_memory(), visible_gpus(os.environ), core_quota())


def visible_gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves visible; all if it is not set."""
    present = _gpus_of_driver()
    allowed = environment.get("CUDA_VISIBLE_DEVICES")
    if not present or allowed is None:
        return present
    names = [name.strip() for name in allowed.split(",")]
    visible = []
    for name in names:
        if name in ("", "-1", "NoDevFiles"):  # CUDA ignores the names after such a one, too
            break
        visible.append(name)
    return tuple(visible)


def _gpus_of_driver() -> tuple[str, ...]:
    """Return the numbers of the GPUs that the NVIDIA driver lists; none if it does not answer."""
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
    return tuple(str(number) for number, _ in enumerate(folder.iterdir()))


def core_quota(root: Path = Path("/")) -> int | None:
    """Return a container's limit on processor time in whole cores, or None without a limit."""
    group = root / "sys/fs/cgroup"
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except OSError:
        both = [number_in(group / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        quota = str(both[0] or -1)
        period = str(both[1] or 1)
    return math.ceil(int(quota) / int(period)) if quota.isdigit() else None
