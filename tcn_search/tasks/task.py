"""A task: sequences with targets in separate training, validation and test parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.folds import HELD_OUT, KEPT, make_folds
from tcn_search.tasks.kinds import KINDS, Kind, of_next_token, scored_on_last
from tcn_search.tasks.reading import read_parts
from tcn_search.tasks.splitting import Split, read_groups, split_off_validation

_HASHED_ROWS = 1024
_JUDGED_AT_ONCE = 256
_OUTPUTS_AT_ONCE = 1 << 24  # 64 MiB in float32, of which loss and metrics need a few copies


def sequences_at_once(outputs: int) -> int:
    """Sequences in a batch that is only judged: 256, or fewer where so many outputs each would fill the memory."""
    return max(1, min(_JUDGED_AT_ONCE, _OUTPUTS_AT_ONCE // outputs))


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


@dataclass(frozen=True)
class TaskSpec:
    """All that a model and a trainer need to know about a task, in plain values: no data.

    Args:
        name: what the task is called in a study.
        kind: "classification", "multi_label", "labelling" or "regression".
        seq_len: T, steps of the longest sequence.
        input_channels: C.
        outputs: classes, labels or numbers to predict.
        class_names: for kinds with classes; what the numbers of a forecast are.
        ragged: whether rows have different lengths.
        input_mean, input_std: the training part's, for each channel; inputs are standardised with them.
        target_std: for regression, the training part's for each output; the loss is in units of it.
        last_value_channels: for forecasts, the input channel of each series that is predicted; its last value
            is taken off the inputs and put back on the outputs. Empty: neither.
        required_context: steps back that the task needs to see, if it is not the sequence length.
        context_reason: why so many, in words.
        scored_steps: where every step is read, the metrics look at the last so many steps only, if given;
            the loss looks at all.
        class_weights: for each class, its weight in the loss of the training part.
        vocabulary: number of tokens, where X (n, T, 1) holds tokens' numbers and y (n, scored_steps) those that
            follow the last ones; a model answers at these steps only. 0: inputs are measurements.
    """

    name: str
    kind: str
    seq_len: int
    input_channels: int
    outputs: int
    class_names: tuple[str, ...] = ()
    ragged: bool = False
    input_mean: tuple[float, ...] = ()
    input_std: tuple[float, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()
    required_context: int | None = None
    last_value_channels: tuple[int, ...] = ()
    context_reason: str = ""
    scored_steps: int | None = None
    class_weights: tuple[float, ...] = ()
    vocabulary: int = 0

    @property
    def task_kind(self) -> Kind:
        """The kind with its loss and metrics."""
        kind = KINDS[self.kind]
        if self.vocabulary:
            return of_next_token(kind)
        return kind if self.scored_steps is None else scored_on_last(kind, self.scored_steps)

    @property
    def sequences_at_once(self) -> int:
        """Sequences in a batch that is only judged."""
        return sequences_at_once(self.answered_steps * self.outputs)

    @property
    def answered_steps(self) -> int:
        """Steps of a sequence at which a model answers: one, all, or of tokens the last that are scored."""
        if not self.task_kind.reads_every_step:
            return 1
        return self.scored_steps if self.vocabulary and self.scored_steps else self.seq_len

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TaskSpec:
        """The specification that `to_dict` wrote."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**given)


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

    def split(self, number: int) -> TrainingData:
        """The parts of one training, from 0: these two, or those of a fold.

        Inputs are standardised by the fold's own training part. Targets keep their statistics, so that a loss has
        the same unit in all folds, and classes their weights.
        """
        if self.folds is None:
            return self
        roles = self.folds[number]
        train, spec = self._rows(roles == KEPT), self.spec
        if spec.input_mean:
            mean, std = _input_statistics(spec, train)
            spec = replace(spec, input_mean=mean, input_std=std)
        return TrainingData(spec, train, self._rows(roles == HELD_OUT))

    def _rows(self, chosen: np.ndarray) -> Part:
        """Rows of both parts, copied."""
        first, second = chosen[: len(self.train)], chosen[len(self.train) :]
        return Part(
            np.concatenate([self.train.X[first], self.validation.X[second]]),
            np.concatenate([self.train.y[first], self.validation.y[second]]),
        )

    def joined(self) -> TrainingData:
        """The validation part's sequences among those to train on, too."""
        X = np.concatenate([self.train.X, self.validation.X])
        y = np.concatenate([self.train.y, self.validation.y])
        return TrainingData(self.spec, Part(X, y), self.validation)


@dataclass(frozen=True, eq=False)
class Task:
    """A task and its data. Trainers get `task.training`; only the final reading touches `task.test`.

    Attributes:
        inferred: what was understood from the targets, in words.
        source: {"name", "options"} with which `load_task` makes it again, where that is possible.
        split: how the validation part was split off the training part, or None where it came by itself.
        groups: of the rows of both parts, where they have some.
    """

    spec: TaskSpec
    train: Part
    validation: Part
    test: Part | None = None
    inferred: str = ""
    source: dict[str, Any] | None = None
    split: Split | None = None
    groups: np.ndarray | None = None

    @property
    def training(self) -> TrainingData:
        """Training and validation part."""
        return TrainingData(self.spec, self.train, self.validation)

    def cross_validated(self, folds: int) -> TrainingData:
        """`training` with so many folds; with one it is the validation part that was split off.

        Raises:
            InputError: the task came with its validation part, or has too few sequences or groups.
        """
        if folds == 1:
            return self.training
        if self.split is None:
            raise InputError(
                f"folds = {folds} needs a task whose validation part is split off the training part, as from a file "
                f"or arrays without one; {self.name!r} comes with its own. Use folds = 1."
            )
        classes = None
        if self.spec.kind == "classification":
            classes = np.concatenate([self.train.y, self.validation.y])
        sizes = len(self.train), len(self.validation)
        return replace(self.training, folds=make_folds(folds, *sizes, self.split, classes, self.groups))

    @property
    def name(self) -> str:
        """What the task is called in a study."""
        return self.spec.name

    @property
    def seq_len(self) -> int:
        """Steps of the longest sequence."""
        return self.spec.seq_len

    def fingerprint(self) -> str:
        """A hash of the specification and of every number in every part."""
        digest = hashlib.blake2b(repr(self.spec).encode(), digest_size=16)
        for part in (self.train, self.validation, self.test):
            if part is not None:
                for array in (part.X, part.y):
                    for start in range(
                        0, len(array), _HASHED_ROWS
                    ):  # windows of a series are views: never all copied
                        digest.update(np.ascontiguousarray(array[start : start + _HASHED_ROWS]).tobytes())
        return digest.hexdigest()

    @classmethod
    def from_arrays(
        cls,
        X_train: Any,
        y_train: Any,
        *,
        X_validation: Any = None,
        y_validation: Any = None,
        X_test: Any = None,
        y_test: Any = None,
        lengths_train: Any = None,
        lengths_validation: Any = None,
        lengths_test: Any = None,
        groups_train: Any = None,
        class_names: Sequence[str] | None = None,
        name: str = "arrays",
        kind: str | None = None,
        standardise: bool = True,
        required_context: int | None = None,
        validation: str | None = None,
        validation_fraction: float = 0.2,
        validation_gap: int = 0,
        seed: int = 0,
    ) -> Task:
        """A task from arrays that are in memory already.

        Args:
            X_train, X_validation, X_test: (n, T, C) numbers, sequences padded at the end.
            y_train, y_validation, y_test: (n,) classes (integers or strings) or numbers to predict; (n, K)
                numbers, or zeros and ones for labels; (n, T) integers for a class at each step.
            lengths_train, lengths_validation, lengths_test: (n,) steps of each sequence, where they differ.
            groups_train: (n,) integers or strings: sequences of one group (a speaker, a patient) stay together.
            class_names: in the order of the classes 0, 1, ...
            kind: what to do, if it is not what type and shape of `y_train` say.
            standardise: subtract the training part's mean from each channel and divide by its deviation.
            required_context: steps that the task needs to see, if not the whole sequence.
            validation: how a validation part is split off where none is given. "random": drawn, stratified
                for classes; "grouped": whole groups, the default where there are groups; "time": the last
                sequences, for those that are in the order of time.
            validation_fraction: of the training part that is split off.
            validation_gap: sequences left out before a validation part by "time", so that none overlaps.
            seed: of the split.

        Raises:
            InputError: names the array, the rule and what was received.
        """
        parts = read_parts(
            {
                "train": (X_train, y_train, lengths_train),
                "validation": (X_validation, y_validation, lengths_validation),
                "test": (X_test, y_test, lengths_test),
            },
            class_names,
            kind,
        )
        (X, y), test = parts.arrays["train"], parts.arrays.get("test")
        split = groups = None
        if "validation" in parts.arrays:
            train, held = Part(X, y), Part(*parts.arrays["validation"])
        else:
            stratify = y if parts.kind == "classification" else None
            split = Split(validation, validation_fraction, seed, validation_gap)
            groups = read_groups(groups_train, len(X))
            kept, held_out = split_off_validation(len(X), split, stratify, groups)
            train, held = Part(X[kept], y[kept]), Part(X[held_out], y[held_out])
            groups = None if groups is None else groups[np.concatenate([kept, held_out])]
            if parts.kind == "classification":
                _require_every_class(train.y, parts.class_names)
        if required_context is not None and not required_context >= 1:
            raise InputError(f"required_context must be at least 1 step. Received: {required_context}")
        spec = TaskSpec(
            name=name,
            kind=parts.kind,
            seq_len=X.shape[1],
            input_channels=X.shape[2],
            outputs=parts.outputs,
            class_names=parts.class_names,
            ragged=any(bool(np.isnan(X).any()) for X, _ in parts.arrays.values()),
            required_context=required_context,
        )
        if standardise:
            spec = _with_statistics(spec, train)
        return cls(
            spec,
            train,
            held,
            None if test is None else Part(*test),
            parts.inferred,
            split=split,
            groups=groups,
        )


def _require_every_class(y: np.ndarray, names: Sequence[str]) -> None:
    """Raise an InputError if the split has left the training part without a class."""
    missing = [name for number, name in enumerate(names) if number not in set(np.unique(y).tolist())]
    if missing:
        raise InputError(
            f"After the validation part is split off, no training sequence has class {', '.join(missing)}. Give a "
            'validation part of your own, or split it off in another way: validation = "random".'
        )


def _with_statistics(spec: TaskSpec, train: Part) -> TaskSpec:
    """`spec` with the training part's mean and deviation of inputs and, for regression, of targets."""
    mean, std = _input_statistics(spec, train)
    found = replace(spec, input_mean=mean, input_std=std)
    if spec.task_kind.has_classes:
        return found
    targets = train.y.reshape(len(train), -1).astype("float64")
    return replace(
        found,
        target_mean=_floats(targets.mean(axis=0)),
        target_std=_floats(_never_zero(targets.std(axis=0))),
    )


def _input_statistics(spec: TaskSpec, train: Part) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel."""
    steps = train.X.reshape(-1, spec.input_channels).astype("float64")
    return _floats(np.nanmean(steps, axis=0)), _floats(_never_zero(np.nanstd(steps, axis=0)))


def _never_zero(deviations: np.ndarray) -> np.ndarray:
    """A constant channel is left as it is, not divided by zero."""
    return np.where(deviations > 0, deviations, 1.0)


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
