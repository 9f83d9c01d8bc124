"""One trial: plain values in, a model built and trained, plain values out."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tcn_search.models.model_function import ModelFunction
from tcn_search.planning.architecture import Architecture
from tcn_search.space.settings import TrainingSettings
from tcn_search.workers.endings import ending_of

if TYPE_CHECKING:
    from tcn_search.tasks.task import TrainingData


@dataclass(frozen=True)
class TrialJob:
    """What a worker is asked to do.

    Args:
        number: the trial's, from 0.
        architecture, settings: what to build and how to train it.
        objective, direction: the validation number that is the score, and "minimize" or "maximize".
        seed: of weights, shuffling and dropout.
        measure_latency: whether the trained model's time for one sequence is wanted too.
        time_limit: seconds after which the trial ends, "over_time".
        model: a user's own function that builds the model, or None.
        max_params: most parameters of the built model; what has more ends, "too_large". None where that was
            known before.
    """

    number: int
    architecture: Architecture
    settings: TrainingSettings
    objective: str
    direction: str
    seed: int
    measure_latency: bool = False
    time_limit: float | None = None
    model: ModelFunction | None = None
    max_params: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return {
            **asdict(self),
            "architecture": self.architecture.to_dict(),
            "settings": self.settings.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialJob:
        """The job that `to_dict` wrote."""
        model = values.get("model")
        return cls(
            **{
                **values,
                "model": None if model is None else ModelFunction(**model),
                "architecture": Architecture.from_dict(values["architecture"]),
                "settings": TrainingSettings.from_dict(values["settings"]),
            }
        )


@dataclass(frozen=True)
class EpochReport:
    """What a worker says after an epoch: the trial's best value so far and the epoch's numbers."""

    number: int
    epoch: int
    best: float
    numbers: dict[str, float]


@dataclass(frozen=True)
class TrialOutcome:
    """How a trial ended.

    `ended` is "complete"; "stopped" (pruned); one of `endings.LIMITS`: "diverged" (NaN or infinite loss),
    "out_of_memory", "over_time", "unbuildable" (the model cannot be built), "too_large"; "failed" (an
    error in the code, in `reason`); or "lost" (its process died, or the study was stopped). `latency` is in
    milliseconds for one sequence, if it was asked for.
    """

    number: int
    ended: str
    score: float | None = None
    best_epoch: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    parameters: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    latency: float | None = None
    machine: str = ""


def run_trial(job: TrialJob, data: TrainingData, on_epoch: Callable[[EpochReport], bool]) -> TrialOutcome:
    """Build and train the job's model. An error ends this trial only: it is part of the outcome."""
    import keras
    import numpy as np

    from tcn_search.models.build import build_model
    from tcn_search.tasks.kinds import Metric
    from tcn_search.trainers.fit import train
    from tcn_search.workers.latency import milliseconds
    from tcn_search.workers.machine import machine

    started = time.perf_counter()
    deadline = None if job.time_limit is None else time.monotonic() + job.time_limit
    parameters, building = None, True
    try:
        keras.utils.set_random_seed(job.seed)
        own = None if job.model is None else job.model.load()
        model = build_model(job.architecture, data, job.settings, own)
        parameters = int(model.count_params())
        if job.max_params is not None and parameters > job.max_params:
            reason = f"{parameters:,} parameters are more than the {job.max_params:,} allowed"
            return TrialOutcome(
                job.number, "too_large", parameters=parameters, reason=reason, machine=machine()
            )
        built, building = time.perf_counter(), False

        def report(epoch: int, best: float, numbers: dict[str, float]) -> bool:
            return on_epoch(EpochReport(job.number, epoch, best, numbers))

        training = train(
            model, data, job.settings, Metric(job.objective, job.direction), report, deadline=deadline
        )
        measured = job.measure_latency and training.ended == "complete"
        latency = milliseconds(model, np.asarray(data.validation.X[:1])) if measured else None
    except Exception as error:
        # Whatever a configuration makes Keras or its backend raise ends that trial, not the study.
        lines = str(error).strip().splitlines() or [""]
        ended, reason = ending_of(error, building=building), f"{type(error).__name__}: {lines[0][:300]}"
        return TrialOutcome(job.number, ended, parameters=parameters, reason=reason, machine=machine())
    finally:
        keras.utils.clear_session(free_memory=False)
        gc.collect()
    return TrialOutcome(
        job.number,
        training.ended,
        score=training.score if training.best_epoch else None,
        best_epoch=training.best_epoch,
        curve=training.curve,
        parameters=parameters,
        seconds={"build": built - started, **training.seconds, "total": time.perf_counter() - started},
        latency=latency,
        reason=f"the limit is {job.time_limit:g} s" if training.ended == "over_time" else "",
        machine=machine(),
    )
