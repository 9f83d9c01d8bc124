"""A task: sequences with targets in separate training, validation and test splits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.tasks.array_checks import check_arrays
from tcn_search.tasks.folds import make_folds
from tcn_search.tasks.forecast_windows import ForecastWindows
from tcn_search.tasks.splitting import SplitRule, read_groups, split_off_validation
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData, TrainingData, with_statistics
from tcn_search.tasks.window_folds import make_window_folds
from tcn_search.text import counted

_HASHED_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Task:
    """A task and its data.

    Trainers get `task.training`; only test evaluations touch `task.test`.

    Attributes:
        spec: everything that a model needs to know about the task.
        train, validation, test: sequences and targets of each split; test is None where there is
            none.
        inferred: the interpretation of the targets in words, with other possible ones.
        source: {"name", "options"} with which `load_task` loads the task again, where possible.
        split: rule of the validation split; None where the validation split was given.
        groups: groups of the rows of training and validation split, if they have any.
        notes: messages to the user, one line each: data that was left out or reinterpreted.
        windows: for forecasts, the series and the time of each sequence.
    """

    spec: TaskSpec
    train: SplitData
    validation: SplitData
    test: SplitData | None = None
    inferred: str = ""
    source: dict[str, Any] | None = None
    split: SplitRule | None = None
    groups: np.ndarray | None = None
    notes: tuple[str, ...] = ()
    windows: ForecastWindows | None = None

    @property
    def training(self) -> TrainingData:
        """Training and validation split, without the test split."""
        return TrainingData(spec=self.spec, train=self.train, validation=self.validation)

    def cross_validated(self, folds: int) -> TrainingData:
        """Return `training` with `folds` folds; a single fold is the validation split itself.

        The folds of a forecast are a backtest with rolling origin: see `make_window_folds`.

        Raises:
            InputError: the task came with its validation split, or has too few sequences or groups.
        """
        if folds == 1:
            return self.training
        if self.windows is not None:
            return replace(self.training, folds=make_window_folds(folds, self.windows))
        if self.split is None:
            raise InputError(
                f"folds = {folds} needs a task whose validation split is taken from the training "
                "split, as from a file or arrays without a validation split; "
                f"{self.name!r} comes with its own. Use folds = 1."
            )
        classes = None
        if self.spec.kind == "classification":
            classes = np.concatenate([self.train.y, self.validation.y])
        roles = make_folds(
            folds,
            kept=len(self.train),
            held_out=len(self.validation),
            split=self.split,
            classes=classes,
            groups=self.groups,
        )
        return replace(self.training, folds=roles)

    @property
    def kept_groups(self) -> np.ndarray | None:
        """The groups (rows of both splits,) that are not torn apart, if there are any."""
        if self.split is not None and self.split.how == "random":
            return None
        return self.groups

    @property
    def name(self) -> str:
        """Name of the task in a study."""
        return self.spec.name

    @property
    def shape(self) -> str:
        """Numbers of sequences, steps and channels, in words."""
        counts = {"training": len(self.train), "validation": len(self.validation)}
        if self.test is not None:
            counts["test"] = len(self.test)
        splits = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        steps = counted(self.seq_len, "step")
        if self.spec.ragged:
            steps = f"up to {steps}"
        channels = counted(self.spec.input_channels, "channel")
        return f"{sum(counts.values()):,} sequences × {steps} × {channels} ({splits})"

    @property
    def seq_len(self) -> int:
        """Steps of the longest sequence."""
        return self.spec.seq_len

    def fingerprint(self) -> str:
        """Return a hash of the specification and of every number in every split."""
        digest = hashlib.blake2b(repr(self.spec).encode(), digest_size=16)
        offsets = self.spec.input_offset, self.spec.target_offset
        if any(offsets):
            digest.update(repr(offsets).encode())
        forecast = self.spec.future_channels, self.spec.series
        if any(forecast):
            digest.update(repr(forecast).encode())
        for split in (self.train, self.validation, self.test):
            if split is not None:
                for array in (split.X, split.y):
                    # Windows of a series are views: they are never all copied at once.
                    for start in range(0, len(array), _HASHED_ROWS):
                        rows = np.ascontiguousarray(array[start : start + _HASHED_ROWS])
                        digest.update(rows.tobytes())
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
        axes: str | None = None,
        standardise: bool = True,
        required_context: int | None = None,
        validation: str | None = None,
        validation_fraction: float = 0.2,
        validation_gap: int = 0,
        seed: int = 0,
    ) -> Task:
        """Make a task from arrays.

        Args:
            X_train, X_validation, X_test: (n, T, C) numbers, sequences padded at the end; or a list
                of arrays (T, C), or (T,) of one channel, that may differ in length. Where float32
                cannot hold numbers far from zero with enough precision, they are kept minus
                `spec.input_offset`.
            y_train, y_validation, y_test: (n,) classes (integers or strings) or numbers to predict;
                (n, K) numbers, one-hot rows for classes, or other zeros and ones for labels; (n, T)
                integers for a class at each step. Columns of pandas are fine.
            lengths_train, lengths_validation, lengths_test: (n,) steps of each sequence, where they
                differ.
            groups_train: (n,) integers or strings: sequences of one group (a speaker, a patient)
                stay in the same split.
            class_names: names in the order of the classes 0, 1, ...
            name: name of the task in a study.
            kind: kind of task, where type and shape of `y_train` would be read as another one.
            axes: "channels_steps" if arrays are (n, C, T), or lists of (C, T); "steps_channels" for
                (n, T, C) that looks exchanged, which is an error otherwise.
            standardise: subtract the training split's mean from each channel and divide by its
                standard deviation.
            required_context: steps that the task needs to see, if not the whole sequence.
            validation: how a validation split is taken from the training split where none is given.
                "random": at random, stratified for classes; "grouped": whole groups, the default
                where there are groups; "time": the last sequences, for sequences in the order of
                time.
            validation_fraction: share of the training split that is held out for validation.
            validation_gap: sequences left out before a validation split by "time", so that none
                overlaps.
            seed: seed of the validation split.

        Raises:
            InputError: names the array, the rule and the value received.
        """
        checked = check_arrays(
            {
                "train": (X_train, y_train, lengths_train),
                "validation": (X_validation, y_validation, lengths_validation),
                "test": (X_test, y_test, lengths_test),
            },
            class_names,
            kind,
            axes,
            centre=standardise,
        )
        X, y = checked.arrays["train"]
        split = None
        groups = None
        if "validation" in checked.arrays:
            train = SplitData(X, y)
            held = SplitData(*checked.arrays["validation"])
        else:
            is_classification = checked.kind == "classification"
            split = SplitRule(
                how=validation, fraction=validation_fraction, seed=seed, gap=validation_gap
            )
            groups = read_groups(groups_train, len(X))
            classes = y if is_classification else None
            kept, held_out = split_off_validation(len(X), split, classes, groups)
            train = SplitData(X[kept], y[kept])
            held = SplitData(X[held_out], y[held_out])
            if groups is not None:
                groups = groups[np.concatenate([kept, held_out])]
            if is_classification:
                _require_every_class(train.y, checked.class_names)
        if required_context is not None:
            positive_integer("required_context", required_context)
        spec = TaskSpec(
            name=name,
            kind=checked.kind,
            seq_len=X.shape[1],
            input_channels=X.shape[2],
            outputs=checked.outputs,
            class_names=checked.class_names,
            ragged=any(bool(np.isnan(inputs).any()) for inputs, _ in checked.arrays.values()),
            required_context=required_context,
            input_offset=checked.input_offset,
            target_offset=checked.target_offset,
        )
        if standardise:
            spec = with_statistics(spec, train)
        return cls(
            spec=spec,
            train=train,
            validation=held,
            test=SplitData(*checked.arrays["test"]) if "test" in checked.arrays else None,
            inferred=checked.inferred,
            split=split,
            groups=groups,
        )


def _require_every_class(y: np.ndarray, names: Sequence[str]) -> None:
    """Raise an InputError if the validation split has left the training split without a class."""
    present = set(np.unique(y).tolist())
    missing = [name for number, name in enumerate(names) if number not in present]
    if missing:
        raise InputError(
            "After the validation split is taken out, no training sequence has class "
            f"{', '.join(missing)}. Give a validation split of your own, or take it in another "
            'way: validation = "random".'
        )
