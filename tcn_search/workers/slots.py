"""Plan the workers of a run: a pure function of the machine and the caller's arguments."""

from __future__ import annotations

from dataclasses import dataclass, field

from tcn_search.arguments import as_integer, at_most, received
from tcn_search.errors import InputError
from tcn_search.text import counted
from tcn_search.workers.backends import backend_version
from tcn_search.workers.resources import Machine

MOST_AUTO_WORKERS = 8  # a sampler that waits for many trials at once learns little from each
WORKER_BYTES = 1 << 30  # TensorFlow's 0.6 GB, and the activations of a usual network
GPU_MEMORY_SHARE = 0.9  # share of a GPU's memory for all its workers together


@dataclass(frozen=True)
class WorkerSlot:
    """Where one worker runs.

    Args:
        cores: numbers of the processor cores that the worker is pinned to; empty: all of them.
        threads: number of threads of its tensor library; 0: the library's own choice.
        gpu: its GPU, as CUDA_VISIBLE_DEVICES names it, or None.
        environment: variables that are set before its tensor library is imported.
    """

    cores: tuple[int, ...] = ()
    threads: int = 0
    gpu: str | None = None
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerPlan:
    """The worker slots of a run and the backend of its workers; `str(plan)` is one line of text."""

    backend: str
    slots: tuple[WorkerSlot, ...]

    def __str__(self) -> str:
        workers = len(self.slots)
        fewest = min(slot.threads for slot in self.slots)
        most = max(slot.threads for slot in self.slots)
        cores = f"{fewest} to {most} cores"
        if fewest == most:
            cores = counted(most, "core")
        if workers > 1:
            cores += " each"
        backend = f"backend {self.backend} {backend_version(self.backend)}".rstrip()
        return f"{counted(workers, 'worker')}, {cores}, {backend} on {self._devices()}"

    def _devices(self) -> str:
        """Return "CPU", or the GPUs and how they are shared."""
        gpus = sorted({slot.gpu for slot in self.slots if slot.gpu is not None})
        if not gpus:
            return "CPU"
        text = f"{counted(len(gpus), 'GPU')} ({', '.join(gpus)}), memory as it grows"
        if len(self.slots) > len(gpus):
            text += f", up to {-(-len(self.slots) // len(gpus))} workers each"
        return text


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
    """Return the workers of a run.

    "auto" on a CPU: one core for each of up to 8 workers; more cores are divided among 8. There are
    fewer workers if free memory or the number of trials is smaller. On GPUs: `workers_per_gpu` for
    each GPU. A number that is given is kept; workers then take turns over GPUs, and share cores if
    there are not enough.

    Args:
        machine: its cores, free memory and GPUs.
        backend: name of the backend that the workers use.
        workers: number of workers, or "auto".
        workers_per_gpu: workers on each GPU if `workers` is "auto".
        trials: number of trials that are left, or None.
        data_bytes: size of the training and validation split, which a worker may copy once.
        on_gpu: whether the backend can use the machine's GPUs.

    Raises:
        InputError: `workers` is neither "auto" nor at least 1, or `workers_per_gpu` is below 1.
    """
    _check_counts(workers, workers_per_gpu)
    gpus = machine.gpus if on_gpu else ()
    cores = min(len(machine.cores), machine.quota or len(machine.cores))
    if isinstance(workers, str):
        count = min(cores, MOST_AUTO_WORKERS)
        if gpus:
            count = len(gpus) * workers_per_gpu
        count = min(count, machine.memory // (WORKER_BYTES + data_bytes))
        if trials is not None:
            count = min(count, trials)
        count = max(1, count)
    else:
        count = workers
    slots = []
    for number in range(count):
        threads = len(range(number % cores, cores, count))
        pinned: tuple[int, ...] = ()
        environment = {"KERAS_BACKEND": backend}
        if threads < len(machine.cores):  # otherwise the worker has the whole machine
            environment |= thread_variables(threads)
            if cores == len(machine.cores):  # below a quota, any of the cores may be free
                pinned = machine.cores[number % cores :: count]
        gpu = None
        if gpus:
            gpu = gpus[number % len(gpus)]
            environment |= {"CUDA_VISIBLE_DEVICES": gpu}
            environment |= gpu_memory_variables(GPU_MEMORY_SHARE / -(-count // len(gpus)))
        elif machine.gpus:
            environment |= {"CUDA_VISIBLE_DEVICES": "-1"}
        slots.append(WorkerSlot(cores=pinned, threads=threads, gpu=gpu, environment=environment))
    return WorkerPlan(backend, tuple(slots))


def _check_counts(workers: int | str, workers_per_gpu: int) -> None:
    """Raise an InputError if one of the two numbers cannot be used."""
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


def thread_variables(threads: int) -> dict[str, str]:
    """Return the variables that set the threads of each library; XLA uses the process's cores."""
    names = (
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NPROC",
    )
    return dict.fromkeys(names, str(threads))


def gpu_memory_variables(share: float) -> dict[str, str]:
    """Return variables by which a worker takes GPU memory as it needs it.

    Args:
        share: of the GPU's memory, which JAX is told as the worker's limit. TensorFlow cannot be.
    """
    return {
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "XLA_PYTHON_CLIENT_MEM_FRACTION": f"{share:.2f}",
    }
