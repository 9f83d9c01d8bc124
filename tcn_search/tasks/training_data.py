"""The data of trainers: training and validation split, or folds of both; no test split."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tcn_search.tasks.folds import HELD_OUT, KEPT, LEFT_OUT
from tcn_search.tasks.splitting import draw_part
from tcn_search.tasks.task_spec import TaskSpec


@dataclass(frozen=True, eq=False)
class SplitData:
    """Sequences of one split, and their targets.

    Attributes:
        X: (n, T, C) float32, NaN at and beyond a row's own length.
        y: (n,), (n, outputs) or (n, T). Where every step has a class, it is `NO_CLASS` at and
            beyond a row's length.
    """

    X: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.X)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Specification, training and validation split of a task. There is no test split.

    Attributes:
        folds: for cross-validation, (folds, rows of both splits) as in `make_folds`.
    """

    spec: TaskSpec
    train: SplitData
    validation: SplitData
    folds: np.ndarray | None = None

    @property
    def trainings(self) -> int:
        """Number of trainings of a trial: one for each fold."""
        return 1 if self.folds is None else len(self.folds)

    @property
    def training_rows(self) -> int:
        """Number of rows that a training is fitted to; with folds, that of the first one."""
        if self.folds is None:
            return len(self.train)
        return int(np.count_nonzero(self.folds[0] == KEPT))

    @property
    def validation_rows(self) -> int:
        """Number of rows that a trial is judged by; with folds, those that any fold holds out."""
        if self.folds is None:
            return len(self.validation)
        return int((self.folds == HELD_OUT).any(axis=0).sum())

    @property
    def bytes_in_a_worker(self) -> int:
        """Memory of a worker for its data, in bytes.

        A worker holds one copy of the data. With folds it also holds the rows of the current fold,
        and arrays in double precision for their statistics.
        """
        size = sum(
            array.nbytes for split in (self.train, self.validation) for array in (split.X, split.y)
        )
        return size if self.folds is None else 4 * size

    def with_fraction(
        self, fraction: float, seed: int, groups: np.ndarray | None = None
    ) -> TrainingData:
        """Return the data with a part of the training sequences, drawn as `draw_part` does.

        Validation sequences, and the statistics of the whole training split, stay. With folds, the
        part is drawn inside the training sequences of each fold.

        Args:
            fraction: share of the training sequences, 0 < fraction ≤ 1.
            seed: of the draw.
            groups: (rows of both splits,), to be kept whole.
        """
        if fraction == 1:
            return self
        classes = None
        if self.spec.kind == "classification":
            classes = np.concatenate([self.train.y, self.validation.y])

        def drawn(rows: np.ndarray) -> np.ndarray:
            class_of_row = None if classes is None else classes[rows]
            group_of_row = None if groups is None else groups[rows]
            part = draw_part(len(rows), fraction, seed, class_of_row, group_of_row)
            return np.asarray(rows[part])

        if self.folds is None:
            rows = drawn(np.arange(len(self.train)))
            return replace(self, train=SplitData(self.train.X[rows], self.train.y[rows]))
        folds = self.folds.copy()
        for roles in folds:
            kept = np.flatnonzero(roles == KEPT)
            roles[kept] = LEFT_OUT
            roles[drawn(kept)] = KEPT
        return replace(self, folds=folds)

    def for_training(self, number: int) -> TrainingData:
        """Return the data of one training: the fold with this number, or all data without folds.

        Inputs are standardised, and targets centred, with the statistics of the fold's own training
        rows. Targets keep their standard deviation, so that a loss has the same unit in all folds,
        and classes keep their weights. The series of a forecast are inputs and targets, and have
        the same mean and deviation as both.

        Args:
            number: number of the training, from 0.
        """
        if self.folds is None:
            return self
        roles = self.folds[number]
        train = self._rows(roles == KEPT)
        spec = self.spec
        if spec.input_mean:
            mean, std = _input_statistics(spec, train)
            spec = replace(spec, input_mean=mean, input_std=std)
        if spec.kind == "forecast":
            spec = _as_targets(spec, self.spec)
        elif spec.target_mean:
            spec = replace(spec, target_mean=_floats(_targets(train).mean(axis=0)))
        return TrainingData(spec=spec, train=train, validation=self._rows(roles == HELD_OUT))

    def _rows(self, chosen: np.ndarray) -> SplitData:
        """Return a copy of the chosen rows (rows of both splits,)."""
        first = chosen[: len(self.train)]
        second = chosen[len(self.train) :]
        return SplitData(
            np.concatenate([self.train.X[first], self.validation.X[second]]),
            np.concatenate([self.train.y[first], self.validation.y[second]]),
        )

    def joined(self) -> TrainingData:
        """Return the data with both splits as training split, and an empty validation split."""
        X = np.concatenate([self.train.X, self.validation.X])
        y = np.concatenate([self.train.y, self.validation.y])
        nothing = SplitData(self.validation.X[:0], self.validation.y[:0])
        return TrainingData(spec=self.spec, train=SplitData(X, y), validation=nothing)


def with_statistics(spec: TaskSpec, train: SplitData) -> TaskSpec:
    """Return `spec` with the statistics of the inputs and, unless they are classes, the targets."""
    mean, std = _input_statistics(spec, train)
    spec = replace(spec, input_mean=mean, input_std=std)
    if spec.task_kind.has_classes:
        return spec
    targets = _targets(train)
    return replace(
        spec,
        target_mean=_floats(targets.mean(axis=0)),
        target_std=_floats(_one_if_zero(targets.std(axis=0))),
    )


def _targets(split: SplitData) -> np.ndarray:
    """Return targets (n, outputs) in double precision."""
    return split.y.reshape(len(split), -1).astype("float64")


def _input_statistics(
    spec: TaskSpec, train: SplitData
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel."""
    steps = train.X.reshape(-1, spec.input_channels).astype("float64")
    return _floats(np.nanmean(steps, axis=0)), _floats(_one_if_zero(np.nanstd(steps, axis=0)))


def _as_targets(spec: TaskSpec, whole: TaskSpec) -> TaskSpec:
    """Return the specification of a fold of a forecast with equal statistics of both.

    Args:
        spec: with the inputs' statistics of the fold.
        whole: of the task, whose deviations are kept.
    """
    channels = spec.target_channels or spec.last_value_channels
    if not spec.input_mean or not channels:
        return spec
    std = list(spec.input_std)
    for channel in channels:
        std[channel] = whole.input_std[channel]
    steps = spec.outputs // len(channels)
    return replace(
        spec,
        input_std=tuple(std),
        target_mean=tuple(spec.input_mean[channel] for channel in channels) * steps,
    )


def _one_if_zero(deviations: np.ndarray) -> np.ndarray:
    """Return deviations, with 1 for constant channels, which are not scaled."""
    return np.where(deviations > 0, deviations, 1.0)


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
