"""What trainers get of a task: a part to train on, one to be judged by, or folds of both; never the test part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tcn_search.tasks.folds import HELD_OUT, KEPT
from tcn_search.tasks.task_spec import TaskSpec


@dataclass(frozen=True, eq=False)
class Part:
    """Sequences and their targets.

    X (n, T, C) float32, NaN at and beyond a row's own length; y (n,), (n, outputs) or (n, T). Where every step
    has a class, it is `NO_CLASS` at and beyond a row's length.
    """

    X: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.X)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a trainer gets: no test part.

    Attributes:
        folds: for cross-validation, (folds, rows of both parts) as in `make_folds`.
    """

    spec: TaskSpec
    train: Part
    validation: Part
    folds: np.ndarray | None = None

    @property
    def trainings(self) -> int:
        """How often a trial is trained: one for each fold."""
        return 1 if self.folds is None else len(self.folds)

    @property
    def bytes_in_a_worker(self) -> int:
        """What a worker may need: a copy; of folds one more, and their statistics in double precision."""
        size = sum(
            array.nbytes for part in (self.train, self.validation) for array in (part.X, part.y)
        )
        return size if self.folds is None else 4 * size

    def split(self, number: int) -> TrainingData:
        """The parts of one training, from 0: these two, or those of a fold.

        Inputs are standardised by the fold's own training part, and targets centred by it. Targets keep their
        deviation, so that a loss has the same unit in all folds, and classes their weights.
        """
        if self.folds is None:
            return self
        roles = self.folds[number]
        train = self._rows(roles == KEPT)
        spec = self.spec
        if spec.input_mean:
            mean, std = _input_statistics(spec, train)
            spec = replace(spec, input_mean=mean, input_std=std)
        if spec.target_mean:
            spec = replace(spec, target_mean=_floats(_targets(train).mean(axis=0)))
        return TrainingData(spec, train, self._rows(roles == HELD_OUT))

    def _rows(self, chosen: np.ndarray) -> Part:
        """Rows of both parts, copied."""
        first = chosen[: len(self.train)]
        second = chosen[len(self.train) :]
        return Part(
            np.concatenate([self.train.X[first], self.validation.X[second]]),
            np.concatenate([self.train.y[first], self.validation.y[second]]),
        )

    def joined(self) -> TrainingData:
        """The validation part's sequences among those to train on, too."""
        X = np.concatenate([self.train.X, self.validation.X])
        y = np.concatenate([self.train.y, self.validation.y])
        return TrainingData(self.spec, Part(X, y), self.validation)


def with_statistics(spec: TaskSpec, train: Part) -> TaskSpec:
    """`spec` with the training part's mean and deviation of inputs and, for regression, of targets."""
    mean, std = _input_statistics(spec, train)
    found = replace(spec, input_mean=mean, input_std=std)
    if spec.task_kind.has_classes:
        return found
    targets = _targets(train)
    return replace(
        found,
        target_mean=_floats(targets.mean(axis=0)),
        target_std=_floats(_never_zero(targets.std(axis=0))),
    )


def _targets(part: Part) -> np.ndarray:
    """(n, outputs), in double precision."""
    return part.y.reshape(len(part), -1).astype("float64")


def _input_statistics(spec: TaskSpec, train: Part) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel."""
    steps = train.X.reshape(-1, spec.input_channels).astype("float64")
    return _floats(np.nanmean(steps, axis=0)), _floats(_never_zero(np.nanstd(steps, axis=0)))


def _never_zero(deviations: np.ndarray) -> np.ndarray:
    """A constant channel is left as it is, not divided by zero."""
    return np.where(deviations > 0, deviations, 1.0)


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
