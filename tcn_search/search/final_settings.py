"""Settings of final trainings: recipe, data, seeds, re-runs before the choice, and ensemble."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tcn_search.arguments import integer_from_0, one_of, positive_integer, received
from tcn_search.errors import InputError
from tcn_search.settings import KEPT_WEIGHTS, LOSS_SCHEDULES, SCHEDULES, TrainingSettings

AUTO = "auto"
TRIAL = "trial"
_STEPS = 5_000  # of a final training, if nothing is given
_SCHEDULES_TO_ZERO = ("cosine",)


@dataclass(frozen=True)
class FinalSettings:
    """Settings of a study's final trainings.

    Args:
        epochs: of each final training; None: `SearchSettings.final_epochs`, or else as in
            `with_epochs`.
        schedule: of the learning rate, as in `TrainingSettings`. "auto" is "cosine" where the
            trial's is "constant", and else the trial's own; "trial" is always the trial's own.
        weights: which weights a final training ends with, as in `TrainingSettings`. "auto" is
            "last" where the schedule falls to 0 or no validation split is left (`refit`), and else
            "best".
        seeds: number of final trainings, each with another seed.
        rerun: how many of the best trials are trained again, over `rerun_seeds` seeds and with
            their own settings, before one is chosen by the mean of its scores. With 1 the best
            trial is chosen at once.
        rerun_seeds: re-runs of each.
        refit: whether final trainings use training and validation split together. None: where the
            validation split was cut from the training data.
        ensemble: whether the saved model predicts the mean of the final trainings' predictions;
            otherwise it is the best of them.
        members: largest number of different configurations in the ensemble. With more than 1, the
            final trainings are shared out among the re-run trials by greedy selection on their
            predictions for the validation split (Caruana et al. 2004).
        first_seed: of re-runs and final trainings, which take the seeds from it on that no trial of
            theirs had.

    Raises:
        InputError: names the setting, the rule and the value received.
    """

    epochs: int | None = None
    schedule: str = AUTO
    weights: str = AUTO
    seeds: int = 5
    rerun: int = 3
    rerun_seeds: int = 2
    refit: bool | None = None
    ensemble: bool = True
    members: int = 1
    first_seed: int = 0

    def __post_init__(self) -> None:
        for name in ("seeds", "rerun", "rerun_seeds", "members"):
            object.__setattr__(self, name, positive_integer(name, getattr(self, name)))
        if self.epochs is not None:
            object.__setattr__(self, "epochs", positive_integer("epochs", self.epochs))
        object.__setattr__(self, "first_seed", integer_from_0("first_seed", self.first_seed))
        one_of("schedule", self.schedule, (AUTO, TRIAL, *SCHEDULES))
        one_of("weights", self.weights, (AUTO, *KEPT_WEIGHTS))
        if self.refit is not None and not isinstance(self.refit, bool):
            raise InputError(f"refit must be true or false. Received: {received(self.refit)}")
        if not isinstance(self.ensemble, bool):
            raise InputError(f"ensemble must be true or false. Received: {received(self.ensemble)}")
        if self.members > self.rerun:
            raise InputError(
                "members must be at most rerun, because members come from the trials that are "
                f"trained again. Received: members = {self.members}, rerun = {self.rerun}"
            )
        if self.weights == "best" and self.refit:
            raise InputError(
                'weights must not be "best" with refit = true: no validation split is left to find '
                "the best epoch. Leave weights out."
            )

    def require_for_folds(self, folds: int) -> None:
        """Raise an InputError if these settings make no sense for this number of folds."""
        if self.members > 1 and folds > 1:
            raise InputError(
                "members must be 1 with folds: each re-run has a model for each fold, and none has "
                "predictions for all validation sequences. "
                f"Received: members = {self.members}, folds = {folds}"
            )

    def with_epochs(self, trial: TrainingSettings, sequences: int) -> FinalSettings:
        """Return the settings with a number of epochs: by default, 5,000 steps of the split.

        At least as many epochs as a trial has, and at most eight times as many. A refit, which has
        more sequences, makes more steps in these epochs.

        Args:
            trial: training settings of a trial.
            sequences: of the training split.
        """
        if self.epochs is not None:
            return self
        epochs = round(_STEPS / math.ceil(sequences / trial.batch_size))
        return replace(self, epochs=min(8 * trial.epochs, max(trial.epochs, epochs)))

    def training(self, trial: TrainingSettings, epochs: int, refit: bool) -> TrainingSettings:
        """Return the settings of a final training.

        Args:
            trial: settings of the trial.
            epochs: of the final training.
            refit: whether it uses training and validation split together.
        """
        schedule = self.schedule
        if schedule == TRIAL or (schedule == AUTO and trial.schedule != "constant"):
            schedule = trial.schedule
        elif schedule == AUTO:
            schedule = "cosine"
        if refit and schedule == "plateau":
            schedule = "train_plateau"  # the validation loss is one of training data
        weights = self.weights
        if weights == AUTO:
            weights = "best"
            if schedule in _SCHEDULES_TO_ZERO:
                weights = "last"
        if refit and weights == "best":
            weights = "last"
        patience = trial.patience
        if weights != "best":
            patience = 0  # the schedule says how long to train
        warmup = trial.warmup
        if schedule in LOSS_SCHEDULES:
            warmup = 0.0
        return replace(
            trial,
            epochs=epochs,
            schedule=schedule,
            weights=weights,
            patience=patience,
            warmup=warmup,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FinalSettings:
        """Read what `to_dict` returned."""
        return cls(**values)

    @classmethod
    def former(cls) -> FinalSettings:
        """Return how earlier versions trained: for studies that were stored without settings."""
        return cls(
            schedule=TRIAL,
            weights="best",
            seeds=3,
            rerun=1,
            refit=False,
            ensemble=False,
        )
