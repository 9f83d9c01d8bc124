"""How trials are spread over a machine: a pure function of what it has and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from tcn_search.arguments import as_integer, at_most, received
from tcn_search.errors import InputError
from tcn_search.workers.backends import backend_version
from tcn_search.workers.resources import Machine

WORKERS_AT_MOST = 8  # "auto": a sampler that waits for many trials at once learns little from each
MEMORY_OF_A_WORKER = 1 << 30  # TensorFlow 0.6 GB, and the activations of a usual network
GPU_MEMORY_SHARE = 0.9  # of a GPU, for all its workers together


@dataclass(frozen=True)
class WorkerSlot:
    """Where one worker runs.

    Args:
        cores: that it is kept to; empty: all of them.
        threads: of its tensor library.
        gpu: as CUDA_VISIBLE_DEVICES names it; None: no GPU.
        environment: variables for it, set before its tensor library is imported.
    """

    cores: tuple[int, ...] = ()
    threads: int = 0
    gpu: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerPlan:
    """The workers of a run, and the backend they use. `str(plan)` is a line for people."""

    backend: str
    slots: tuple[WorkerSlot, ...]

    def __str__(self) -> str:
        workers = len(self.slots)
        gpus = {slot.gpu for slot in self.slots} - {None}
        threads = [slot.threads for slot in self.slots]
        fewest = min(threads)
        most = max(threads)
        cores = _counted(most, "core") if fewest == most else f"{fewest} to {most} cores"
        device = "CPU"
        if gpus:
            names = ", ".join(sorted(str(gpu) for gpu in gpus))
            device = f"{_counted(len(gpus), 'GPU')} ({names}), memory as it grows"
            device += (
                f", up to {-(-workers // len(gpus))} workers each" if workers > len(gpus) else ""
            )
        backend = f"backend {self.backend} {backend_version(self.backend)}".rstrip()
        return f"{_counted(workers, 'worker')}, {cores}{' each' if workers > 1 else ''}, {backend} on {device}"


def plan_workers(
    machine: Machine,
    backend: str,
    *,
    workers: int | str = "auto",
    workers_per_gpu: int = 1,
    trials: int | None = None,
    data_bytes: int = 0,
    on_gpu: bool = False,
) -> WorkerPlan:
    """The workers for a run.

    "auto" on a CPU: one core each up to 8 workers, then the cores are divided among 8; fewer if free memory
    or the number of trials is smaller. On GPUs: `workers_per_gpu` for each. A given number is kept, and the
    workers then take turns over GPUs and share cores if there are not enough.

    Args:
        trials: still wanted.
        data_bytes: of the training and validation part, which a worker may copy once.
        on_gpu: whether the backend can use the machine's GPUs.

    Raises:
        InputError: `workers` is neither "auto" nor at least 1; `workers_per_gpu` is below 1.
    """
    _check(workers, workers_per_gpu)
    gpus = machine.gpus if on_gpu else ()
    cores = min(len(machine.cores), machine.quota or len(machine.cores))
    if isinstance(workers, str):
        count = len(gpus) * workers_per_gpu if gpus else min(cores, WORKERS_AT_MOST)
        count = min(count, machine.memory // (MEMORY_OF_A_WORKER + data_bytes))
        count = max(1, min(count, count if trials is None else trials))
    else:
        count = workers
    sharing = max(1, -(-count // len(gpus))) if gpus else 1
    slots = []
    for number in range(count):
        mine = _share(machine, cores, number, count)
        gpu = gpus[number % len(gpus)] if gpus else None
        threads = _part(cores, number, count)
        alone = threads == len(machine.cores)
        environment = {
            "KERAS_BACKEND": backend,
            **({} if alone else _threads(threads)),
            **_device(gpu, sharing, bool(machine.gpus)),
        }
        slots.append(WorkerSlot(() if alone else mine, threads, gpu, environment))
    return WorkerPlan(backend, tuple(slots))


def _check(workers: int | str, workers_per_gpu: int) -> None:
    count = as_integer(workers)
    if not isinstance(workers, str) and count is not None and count >= 1:
        at_most("workers", count)
    elif not isinstance(workers, str) or workers != "auto":
        raise InputError(f'workers must be "auto" or at least 1. Received: {received(workers)}')
    each = as_integer(workers_per_gpu)
    if each is None or each < 1:
        raise InputError(
            f"workers_per_gpu must be at least 1. Received: {received(workers_per_gpu)}"
        )
    at_most("workers_per_gpu", each)


def _part(cores: int, number: int, count: int) -> int:
    """How many of so many cores are worker `number`'s."""
    return len(range(number % cores, cores, count))


def _share(machine: Machine, cores: int, number: int, count: int) -> tuple[int, ...]:
    """Cores of its own; none where a quota leaves it open which cores are free."""
    if cores < len(machine.cores):
        return ()
    return machine.cores[number % cores :: count]


def _threads(threads: int) -> dict[str, str]:
    """Each library's own variable. XLA on a CPU takes the cores that the process is kept to."""
    names = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NPROC",
    )
    return dict.fromkeys(names, str(threads))


def _device(gpu: str | None, sharing: int, any_gpu: bool) -> dict[str, str]:
    """Memory is taken as it is needed; JAX is told a worker's share besides, which TensorFlow cannot be."""
    if gpu is None:
        return {"CUDA_VISIBLE_DEVICES": "-1"} if any_gpu else {}
    return {
        "CUDA_VISIBLE_DEVICES": gpu,
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{GPU_MEMORY_SHARE / sharing:.2f}",
    }


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
