"""What trains the configurations of `Study.best` and `Study.compare`: processes, or a cluster."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.logs import LOGGER
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.study.handle import StudyHandle
from tcn_search.study.running import worker_slots
from tcn_search.tasks.training_data import TrainingData
from tcn_search.workers.executor import Executor, InProcessExecutor
from tcn_search.workers.keras_import import import_keras_quietly
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.ray_executor import RayExecutor
from tcn_search.workers.ray_workers import RayWorkers
from tcn_search.workers.resources import this_machine


def import_keras(on_progress: Callable[[FinalProgress], None] | None) -> None:
    """Import Keras, which takes seconds, and say so where a callback shows progress."""
    if on_progress is not None and "keras" not in sys.modules:
        on_progress(FinalProgress.of_step("importing Keras and reading the data"))
    with interrupts_heard() as require_no_interrupt:  # imports of optional packages swallow it
        import_keras_quietly(make_tensor=not this_machine().gpus)  # a GPU belongs to the workers
        require_no_interrupt()


def training_executors(
    handle: StudyHandle,
    splits: Sequence[TrainingData],
    workers: int | str,
    most: int,
    log: bool,
    cluster: RayExecutor | None = None,
) -> tuple[list[Executor], int]:
    """Return an executor for each of these data, and how many trainings run at the same time.

    Args:
        workers: number of workers, or "auto".
        most: number of trainings.
        log: whether to log the workers.
        cluster: where they are trained, if not by processes of this machine.
    """
    model = handle.definition.model
    if cluster is not None:
        backend = handle.definition.backend
        on_cluster: list[RayWorkers] = []
        try:
            for data in splits:
                on_cluster.append(cluster.workers_for(data, backend, model, most))
        except BaseException:
            for executor in on_cluster:
                executor.close()
            raise
        return [*on_cluster], on_cluster[0].slots
    if sys.platform == "win32":  # worker processes need Linux or macOS
        return [InProcessExecutor(data) for data in splits], 1
    if model is not None:
        model.require_importable()
    largest = max(splits, key=lambda data: data.bytes_in_a_worker)
    slots = worker_slots(handle, workers, most=most, data=largest)
    if log:
        LOGGER.info("%s", slots)
    return [ProcessExecutor(data, slots.slots) for data in splits], len(slots.slots)
