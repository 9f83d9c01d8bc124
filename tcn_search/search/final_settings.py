"""Settings of final trainings: recipe, data, seeds, re-runs before the choice, and ensemble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tcn_search.arguments import one_of, positive_integer, received
from tcn_search.errors import InputError
from tcn_search.settings import SCHEDULES, TrainingSettings

AUTO = "auto"
WEIGHTS = ("best", "last")


@dataclass(frozen=True)
class FinalSettings:
    """Settings of a study's final trainings.

    Args:
        epochs: of each final training; None: `SearchSettings.final_epochs`, or as many as a trial.
        schedule: of the learning rate. "auto": "cosine" where the trial's is "constant", else the
            trial's own.
        weights: that a final training ends with: those of the "best" epoch on validation, or of the
            "last" one. "auto": "last" where the schedule is "cosine" or there is no validation
            split left (see `refit`), else "best".
        seeds: final trainings, each with another seed.
        rerun: how many of the best trials are trained again, over `rerun_seeds` seeds and as they
            were, before one is chosen by the mean of its scores. 1: the best trial is chosen.
        rerun_seeds: seeds of the re-runs.
        refit: whether final trainings use training and validation split together. None: where the
            validation split was cut from the training data.
        ensemble: whether the saved model is the mean of the final trainings; else it is the best of
            them.
        members: largest number of different configurations in the ensemble. With more than 1, the
            final trainings are shared out among the re-run trials by greedy selection on their
            validation predictions (Caruana et al. 2004), at most this many of them.

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

    def __post_init__(self) -> None:
        for name in ("seeds", "rerun", "rerun_seeds", "members"):
            object.__setattr__(self, name, positive_integer(name, getattr(self, name)))
        if self.epochs is not None:
            object.__setattr__(self, "epochs", positive_integer("epochs", self.epochs))
        one_of("schedule", self.schedule, (AUTO, *SCHEDULES))
        one_of("weights", self.weights, (AUTO, *WEIGHTS))
        if self.refit is not None and not isinstance(self.refit, bool):
            raise InputError(f"refit must be true or false. Received: {received(self.refit)}")
        if not isinstance(self.ensemble, bool):
            raise InputError(f"ensemble must be true or false. Received: {received(self.ensemble)}")
        if self.members > self.rerun:
            raise InputError(
                "members must be at most rerun: members come from the trials that are trained "
                f"again. Received: members = {self.members}, rerun = {self.rerun}"
            )
        if self.weights == "best" and self.refit:
            raise InputError(
                'weights must be "last" with refit = true: no validation split is left to find '
                'the best epoch. Received: "best"'
            )

    def training(self, trial: TrainingSettings, epochs: int) -> TrainingSettings:
        """Return the settings of a final training.

        Args:
            trial: settings of the trial.
            epochs: of the final training, where these settings do not say.
        """
        schedule = self.schedule
        if schedule == AUTO:
            schedule = trial.schedule
            if schedule == "constant":
                schedule = "cosine"
        return replace(trial, epochs=self.epochs or epochs, schedule=schedule)

    def keeps_best(self, schedule: str, refit: bool) -> bool:
        """Return whether a final training ends with the weights of its best epoch.

        Args:
            schedule: of the final training.
            refit: whether it uses training and validation split together.
        """
        if refit:
            return False
        if self.weights == AUTO:
            return schedule != "cosine"
        return self.weights == "best"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> FinalSettings:
        """Read what `to_dict` returned."""
        return cls(**values)

    @classmethod
    def former(cls) -> FinalSettings:
        """Return how earlier versions trained, for studies that were stored without settings."""
        return cls(
            schedule=AUTO_OF_FORMER,
            weights="best",
            seeds=3,
            rerun=1,
            refit=False,
            ensemble=False,
        )
