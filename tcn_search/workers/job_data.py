"""The data on which a job trains: as every trial, one split, or both splits together."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import TrainingData


class JobData(StrEnum):
    """The data on which a job trains.

    Attributes:
        TRIAL: as every trial: the training split, or each fold in turn.
        TRAINING: the training split, without folds.
        JOINED: training and validation split together, without validation numbers.
    """

    TRIAL = "trial"
    TRAINING = "training"
    JOINED = "joined"

    def of(self, data: TrainingData) -> TrainingData:
        """Return this data, from a study's training data."""
        if self is JobData.TRIAL:
            return data
        data = replace(data, folds=None)
        if self is JobData.TRAINING:
            return data
        return data.joined()
