"""Run a study: set up workers, sampler and pruner, and search until it is finished."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tcn_search.arguments import positive_integer, positive_seconds
from tcn_search.logs import LOGGER
from tcn_search.search.callbacks import Callbacks, TrialCallback
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.search.loop import Proposals, Search
from tcn_search.search.progress import Progress, log_progress
from tcn_search.search.pruners import make_pruner
from tcn_search.search.retries import fail_stale_trials
from tcn_search.search.samplers import make_sampler
from tcn_search.search.trial_record import TrialRecord
from tcn_search.study.handle import StudyHandle
from tcn_search.study.notebook_progress import notebook_display, short_interrupt
from tcn_search.study.results import StudyResults
from tcn_search.tasks.training_data import TrainingData
from tcn_search.workers.backends import backends_on_gpu, use_backend
from tcn_search.workers.keras_import import import_keras_quietly
from tcn_search.workers.process_executor import ProcessExecutor
from tcn_search.workers.ray_executor import AnyExecutor, RayExecutor
from tcn_search.workers.resources import this_machine
from tcn_search.workers.slots import WorkerPlan, plan_workers


@short_interrupt
def run_study(
    handle: StudyHandle,
    trials: int,
    *,
    timeout: float | None = None,
    workers: int | str | WorkerPlan = "auto",
    trial_timeout: float | None = None,
    patience: int | None = None,
    executor: AnyExecutor | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    callbacks: Sequence[TrialCallback] = (),
) -> str:
    """Search until the study has `trials` finished trials; see `Study.run`.

    Returns:
        Why the run ended before its last trial; "" if it did not.
    """
    positive_integer("trials", trials)
    if patience is not None:
        positive_integer("patience", patience)
    for name, seconds in (("timeout", timeout), ("trial_timeout", trial_timeout)):
        if seconds is not None:
            positive_seconds(name, seconds)
    Callbacks(callbacks, handle.name)  # refuses what is no callback before anything starts
    definition = handle.definition
    plan = None
    if executor is None:
        if definition.model is not None:
            definition.model.require_importable()
        if isinstance(workers, WorkerPlan):
            plan = workers
        else:
            plan = worker_slots(handle, workers, trials=trials)
    show = on_progress or log_progress
    with (
        handle.leased() as lease,
        interrupts_heard() as require_no_interrupt,
        notebook_display(handle.name, on_progress) as display,
    ):
        if display is not None:
            show = display.show_run
            callbacks = [display, *callbacks]

        def show_and_go_on(progress: Progress) -> None:
            show(progress)
            require_no_interrupt()

        handle.accept_changes()
        records = handle.records()  # a damaged record is reported before anything is changed
        fail_stale_trials(handle.optuna_study, handle.definition, records)
        records = handle.records()
        finished = sum(record.is_finished for record in records)
        if finished >= trials:
            return ""
        search = _search(
            handle,
            records,
            trials=trials,
            timeout=timeout,
            trial_timeout=trial_timeout,
            patience=patience,
            on_progress=show_and_go_on,
            require_ownership=lease.require,
            callbacks=callbacks,
        )
        if isinstance(executor, RayExecutor):
            executor = executor.workers_for(
                handle.training_data,
                definition.backend,
                definition.model,
                most=trials - StudyResults(handle).finished,
            )
        elif executor is None:
            assert plan is not None
            executor = ProcessExecutor(handle.training_data, plan.slots)
            if on_progress is None:
                for line in (*StudyResults(handle).notes, plan):
                    LOGGER.info("%s", line)
        try:
            if display is not None:
                display.show_start(finished, trials)
            executor.run(search)
        finally:
            executor.close()
            search.abandon()
        if display is not None:
            display.stop_reason = search.stop_reason
        return search.stop_reason


def worker_slots(
    handle: StudyHandle,
    workers: int | str = "auto",
    workers_per_gpu: int = 1,
    trials: int | None = None,
    most: int | None = None,
    data: TrainingData | None = None,
) -> WorkerPlan:
    """Plan the workers of a run on this machine; see `Study.crew`.

    Args:
        most: number of trainings, where they are not trials.
        data: on which they train, where it is not that of trials.
    """
    if data is None:
        data = handle.training_data
    machine = this_machine()
    backend = handle.definition.backend
    if trials is not None:
        most = trials - StudyResults(handle).finished
    return plan_workers(
        machine,
        backend,
        workers=workers,
        workers_per_gpu=workers_per_gpu,
        trials=most,
        data_bytes=data.bytes_in_a_worker,
        on_gpu=bool(machine.gpus) and backend in backends_on_gpu(),
    )


def _search(
    handle: StudyHandle,
    records: Sequence[TrialRecord],
    trials: int,
    timeout: float | None,
    trial_timeout: float | None,
    patience: int | None,
    on_progress: Callable[[Progress], None],
    require_ownership: Callable[[], None],
    callbacks: Sequence[TrialCallback],
) -> Search:
    definition = handle.definition
    study = handle.optuna_study
    settings = definition.search
    # The seed moves on with the study, so that a continued study does not repeat its trials.
    seed = (settings.seed + len(records)) % 2**31
    study.sampler = make_sampler(settings.sampler, seed)
    study.pruner = make_pruner(settings.pruner_used, definition.training.epochs, settings.folds)
    return Search(
        study=study,
        definition=definition,
        records=records,
        trials=trials,
        timeout=timeout,
        on_progress=on_progress,
        trial_timeout=trial_timeout,
        patience=patience,
        require_ownership=require_ownership,
        proposals=_proposals(handle, records),
        callbacks=callbacks,
    )


def _proposals(handle: StudyHandle, records: Sequence[TrialRecord]) -> Proposals | None:
    """Return the search engine that proposes trials in place of Optuna, or None."""
    if not handle.definition.search.is_keras_tuner:
        return None
    use_backend(handle.definition.backend)
    import_keras_quietly(make_tensor=False)  # KerasTuner needs it; devices belong to the workers
    from tcn_search.tuner.proposals import KerasTunerProposals

    return KerasTunerProposals(handle.definition, records)
