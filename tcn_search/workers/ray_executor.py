"""Train on a Ray cluster: what a user says about it, and what follows for the workers of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from tcn_search.arguments import is_number, positive_integer, received
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.custom_model.source_files import source_files
from tcn_search.errors import InputError
from tcn_search.workers.executor import Executor
from tcn_search.workers.ray_cluster import RayCluster, require_ray
from tcn_search.workers.ray_plan import RayPlan, TrialResources, total
from tcn_search.workers.ray_worker import installed_versions
from tcn_search.workers.ray_workers import RayWorkers
from tcn_search.workers.slots import GPU_MEMORY_SHARE, gpu_memory_variables, thread_variables

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData

_LEAST_SHARE = 0.0001  # of a GPU, in whose multiples Ray counts


class RayExecutor:
    """Train trials on a cluster of machines with Ray: `study.run(executor=ts.RayExecutor())`.

    Every machine needs the same versions of Python, Ray, tcn_search, Keras and the backend. The
    study's process must run on one of the machines; it asks for trials, decides when to stop them
    and records them. Data, custom models and saved models travel through Ray, so that no common
    disk is needed. docs/many-machines.md has the steps.

    Args:
        address: "auto" for the cluster that this machine belongs to, or HOST:PORT of its head; None
            starts a cluster of this machine alone, which ends with the run.
        workers: number of trainings at the same time, or "auto" for as many as the cluster can
            hold, also when machines join or leave.
        cpus_per_trial: cores that a trial takes, and threads of its tensor library.
        gpus_per_trial: share of a GPU that a trial takes, up to 1; 0.25 lets four share one. None:
            a whole one if the cluster has GPUs, otherwise none.

    Raises:
        InputError: bad arguments, or Ray is not installed: pip install 'tcn-search[ray]'.

    >>> import tcn_search as ts
    >>> study.run(30, executor=ts.RayExecutor("auto", gpus_per_trial=0.25))  # doctest: +SKIP
    """

    def __init__(
        self,
        address: str | None = None,
        *,
        workers: int | str = "auto",
        cpus_per_trial: int = 1,
        gpus_per_trial: float | None = None,
    ) -> None:
        if address is not None:
            _check_address(address)
        if isinstance(workers, str) and workers != "auto":
            raise InputError(f'workers must be "auto" or at least 1. Received: {received(workers)}')
        self._address = address
        self._workers = None if isinstance(workers, str) else positive_integer("workers", workers)
        self._cpus = positive_integer("cpus_per_trial", cpus_per_trial)
        self._gpus = None if gpus_per_trial is None else _share(gpus_per_trial)
        require_ray()
        self._cluster: RayCluster | None = None

    def workers_for(
        self,
        data: TrainingData,
        backend: str,
        model: ModelFunction | None = None,
        most: int | None = None,
    ) -> RayWorkers:
        """Connect to the cluster and return the executor of one run, which must be closed.

        Args:
            data: on which it trains.
            backend: name of the tensor library.
            model: the function that builds a custom model, or None.
            most: number of trainings that are left, or None.

        Raises:
            InputError, ClusterError: see `RayWorkers` and `RayCluster`.
        """
        files = {}
        if model is not None:
            model.require_importable()
            files = source_files(model)
        cluster = self._connected()
        cluster.use()
        try:
            resources = TrialResources(self._cpus, self._gpus_on(cluster))
            plan = RayPlan(
                resources=resources,
                environment=_environment(backend, resources),
                versions=installed_versions(backend),
                files=files,
                workers=self._workers,
                most=most,
            )
            return RayWorkers(cluster, data, plan)
        except BaseException:
            cluster.release()
            raise

    def _connected(self) -> RayCluster:
        """Return the connection, which several executors share while one of them is in use."""
        if self._cluster is None or not self._cluster.is_open:
            cpus = None
            if self._workers is not None:
                cpus = self._workers * self._cpus
            self._cluster = RayCluster(self._address, cpus)
        return self._cluster

    def _gpus_on(self, cluster: RayCluster) -> float:
        if self._gpus is not None:
            return self._gpus
        if total(cluster.machines(), "GPU"):
            return 1.0
        return 0.0


def _environment(backend: str, resources: TrialResources) -> dict[str, str]:
    """Return the variables that a worker sets before it imports the tensor library."""
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "KERAS_BACKEND": backend,
        **thread_variables(resources.cpus),
    }
    if resources.gpus:  # Ray sets CUDA_VISIBLE_DEVICES
        environment |= gpu_memory_variables(GPU_MEMORY_SHARE * resources.gpus)
    else:
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
    return environment


def _check_address(address: str) -> None:
    host, _, port = address.rpartition(":")
    if address != "auto" and not (host and "/" not in host and port.isdecimal()):
        raise InputError(f"address must be auto or HOST:PORT. Received: {received(address)}")


def _share(gpus: float) -> float:
    if not is_number(gpus) or not (gpus == 0 or _LEAST_SHARE <= gpus <= 1):
        raise InputError(
            f"gpus_per_trial must be 0, or a share of a GPU from {_LEAST_SHARE} to 1: a trial is "
            f"trained on one GPU. Received: {received(gpus)}"
        )
    return float(gpus)


AnyExecutor: TypeAlias = Executor | RayExecutor
"""What `Study.run`, `best` and `compare` accept as their executor."""
