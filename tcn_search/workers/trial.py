"""What goes to a worker and comes back: a `TrialJob`, an `EpochReport`, a `TrialOutcome`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tcn_search.baselines.contender_names import TCN
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.job_data import JobData


@dataclass(frozen=True)
class TrialJob:
    """A trial, or a final training, that a worker is to train.

    Args:
        number: the trial's number, from 0.
        architecture: the architecture to build.
        settings: how to train it.
        objective: name of the validation metric that is the score, such as "val_loss".
        direction: "minimize" or "maximize".
        seed: seed of weights, shuffling and dropout.
        measure_latency: whether to measure the trained model's time for one sequence.
        time_limit: seconds after which the trial ends, timed out; None: no limit.
        model: the function that builds a custom model, or None.
        max_params: largest number of parameters of the built model; a trial with more ends as too
            large. None if the number was checked before.
        data: on which it trains.
        model_files: where the trained model is saved: in the first of these files that can be
            written. Empty: it is not saved.
        contender: the network to build: "tcn", or another one of a comparison, such as "lstm:2".
        parameters: number of parameters to which a recurrent contender is sized.
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
    data: JobData = JobData.TRIAL
    model_files: tuple[str, ...] = ()
    contender: str = TCN
    parameters: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {
            **asdict(self),
            "architecture": self.architecture.to_dict(),
            "settings": self.settings.to_dict(),
            "data": self.data.value,
            "model_files": list(self.model_files),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialJob:
        """Read what `to_dict` returned."""
        model = values.get("model")
        if model is not None:
            model = ModelFunction(**model)
        return cls(
            **{
                **values,
                "model": model,
                "architecture": Architecture.from_dict(values["architecture"]),
                "settings": TrainingSettings.from_dict(values["settings"]),
                "data": JobData(values.get("data", JobData.TRIAL)),
                "model_files": tuple(values.get("model_files", ())),
            }
        )


@dataclass(frozen=True)
class EpochReport:
    """Report of a worker after an epoch.

    In cross-validation, epochs are counted through all folds, each as long as the settings say.
    From the second fold on, `best` is None; after such a fold another report follows, with the mean
    of all finished folds.

    Args:
        number: the trial's number.
        epoch: the epoch's number, from 1.
        best: the trial's best value so far.
        numbers: loss, metrics and seconds of the epoch.
    """

    number: int
    epoch: int
    best: float | None
    numbers: dict[str, float]


@dataclass(frozen=True)
class TrialOutcome:
    """Outcome of a trial.

    Args:
        number: the trial's number.
        status: complete, pruned, a limit (diverged, out of memory, timed out, unbuildable, too
            large), failed (an error in the code) or stale (its process died, or the run was
            stopped).
        score: best value of the objective; in cross-validation the mean over finished folds; None
            if there is no value, or it is NaN.
        best_epoch: epoch of the score, from 1; in cross-validation the mean, rounded. 0 if there
            is none, or if no epoch was better than the start.
        curve: numbers of each epoch; in cross-validation each row has its "fold".
        parameters: number of parameters of the model.
        seconds: "build", those of `Training.seconds`, and "total".
        reason: text of the error, or of the limit.
        latency: milliseconds for one sequence, if it was measured.
        machine: host, device, backend and versions.
        folds: "score" and "best_epoch" of each finished fold.
        start: of each training that began with a solution, its validation numbers before the first
            epoch; they count as an epoch 0. {} where they were not finite. Empty for other
            networks.
    """

    number: int
    status: TrialStatus
    score: float | None = None
    best_epoch: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    parameters: int | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    latency: float | None = None
    machine: str = ""
    folds: list[dict[str, float]] = field(default_factory=list)
    start: list[dict[str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", TrialStatus(self.status))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values that JSON can hold."""
        return {**asdict(self), "status": self.status.value}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialOutcome:
        """Read what `to_dict` returned."""
        return cls(**values)
