"""What this machine has: cores, memory, GPUs. No tensor library is asked."""

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
    """What trials can be spread over.

    Args:
        cores: numbers of the processor cores that this process may use.
        quota: how many cores' time a container's limit leaves of them, or None if there is no such limit.
        memory: free bytes.
        gpus: as CUDA_VISIBLE_DEVICES names them.
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
    """The NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves, or all."""
    present = _gpus_of_driver()
    allowed = environment.get("CUDA_VISIBLE_DEVICES")
    if not present or allowed is None:
        return present
    names = [name.strip() for name in allowed.split(",")]
    hidden = [place for place, name in enumerate(names) if name in ("", "-1", "NoDevFiles")]
    return tuple(
        names[: hidden[0]] if hidden else names
    )  # CUDA, too, ignores what comes after a wrong one


def _gpus_of_driver() -> tuple[str, ...]:
    program = shutil.which("nvidia-smi")
    if program is not None:
        asked = [program, "--query-gpu=index", "--format=csv,noheader"]
        try:
            said = subprocess.run(
                asked, capture_output=True, text=True, timeout=_NVIDIA_SMI_SECONDS, check=True
            )
            return tuple(
                line.strip() for line in said.stdout.splitlines() if line.strip().isdigit()
            )
        except (
            subprocess.SubprocessError,
            OSError,
        ):  # a driver that does not answer has no GPU for us
            return ()
    folder = Path("/proc/driver/nvidia/gpus")
    return (
        tuple(str(number) for number in range(len(list(folder.iterdir()))))
        if folder.is_dir()
        else ()
    )


def core_quota(root: Path = Path("/")) -> int | None:
    """Whole cores that a container's limit on processor time leaves, or None if there is none."""
    group = root / "sys/fs/cgroup"
    try:
        quota, period = (group / "cpu.max").read_text().split()
    except OSError:
        both = [number_in(group / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        quota = str(both[0] or -1)
        period = str(both[1] or 1)
    return math.ceil(int(quota) / int(period)) if quota.isdigit() else None
