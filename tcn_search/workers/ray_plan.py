"""Plan the workers of a run on a Ray cluster: what each takes, and how many fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tcn_search.text import counted
from tcn_search.workers.slots import WORKER_BYTES


@dataclass(frozen=True)
class TrialResources:
    """Processor cores and the share of a GPU that one trial takes."""

    cpus: int
    gpus: float

    def __str__(self) -> str:
        text = counted(self.cpus, "CPU")
        if self.gpus:
            text += f" and {self.gpus:g} GPU"
        return text

    def trials_on(self, resources: Mapping[str, float]) -> int:
        """Return how many trials a machine of these resources can train at once.

        They need memory too, but a single one is tried in any case.

        >>> TrialResources(cpus=1, gpus=0.25).trials_on({"CPU": 16, "GPU": 2, "memory": 2**36})
        8
        >>> TrialResources(cpus=1, gpus=0.6).trials_on({"CPU": 16, "GPU": 4, "memory": 2**36})
        4
        """
        trials = resources.get("CPU", 0) // self.cpus
        if self.gpus:  # each trial has its share of one GPU; Ray counts in steps of 0.0001
            on_each = int(1 / self.gpus + 1e-4)
            trials = min(trials, resources.get("GPU", 0) // 1 * on_each)
        return int(min(trials, max(1, resources.get("memory", 0) // WORKER_BYTES)))


@dataclass(frozen=True)
class RayPlan:
    """What the workers of a run are.

    Attributes:
        resources: what a trial takes.
        environment: variables that a worker sets before it imports the tensor library.
        versions: those that a worker must have.
        files: source files of a custom model, by their path.
        workers: their number; None: as many as the cluster can hold at any time.
        most: largest number of workers that have something to do.
    """

    resources: TrialResources
    environment: Mapping[str, str]
    versions: Mapping[str, str]
    files: Mapping[str, bytes]
    workers: int | None = None
    most: int | None = None

    def slots_on(self, machines: Sequence[Mapping[str, float]]) -> int:
        """Return the number of workers on these machines; at least 1, which a cluster may grow for.

        >>> plan = RayPlan(TrialResources(cpus=2, gpus=0), {}, {}, {}, most=5)
        >>> plan.slots_on([{"CPU": 4, "memory": 2**33}, {"CPU": 1, "memory": 2**33}])
        2
        """
        slots = self.workers
        if slots is None:
            slots = sum(self.resources.trials_on(machine) for machine in machines)
        if self.most is not None:
            slots = min(slots, self.most)
        return max(1, slots)


def total(machines: Sequence[Mapping[str, float]], resource: str) -> float:
    """Return how much of a resource, such as "GPU", machines have together."""
    return sum(machine.get(resource, 0.0) for machine in machines)


def machines_in_words(machines: Sequence[Mapping[str, float]]) -> str:
    """Return how many machines there are and what they have.

    >>> machines_in_words([{"CPU": 2.0, "memory": 1e9}, {"CPU": 2.0, "GPU": 1.0}])
    '2 machines with 4 CPUs and 1 GPU'
    """
    together = {name: total(machines, name) for name in ("CPU", "GPU")}
    return f"{counted(len(machines), 'machine')} with {resources_in_words(together)}"


def resources_in_words(resources: Mapping[str, float]) -> str:
    cpus = resources.get("CPU", 0)
    gpus = resources.get("GPU", 0)
    text = f"{cpus:g} CPU" + "s" * (cpus != 1)
    if gpus:
        text += f" and {gpus:g} GPU" + "s" * (gpus != 1)
    return text
