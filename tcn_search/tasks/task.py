"""A task: sequences with targets in separate training, validation and test parts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.tasks.array_checks import read_parts
from tcn_search.tasks.folds import make_folds
from tcn_search.tasks.splitting import Split, read_groups, split_off_validation
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import Part, TrainingData, with_statistics

_HASHED_ROWS = 1024


@dataclass(frozen=True, eq=False)
class Task:
    """A task and its data. Trainers get `task.training`; only test evaluations touch `task.test`.

    Attributes:
        inferred: what was understood from the targets, in words, with what else they may have been meant to be.
        source: {"name", "options"} with which `load_task` makes it again, where that is possible.
        split: how the validation part was split off the training part, or None where it came by itself.
        groups: of the rows of both parts, where they have some.
        notes: what was not read, or not as it was written: a line each.
    """

    spec: TaskSpec
    train: Part
    validation: Part
    test: Part | None = None
    inferred: str = ""
    source: dict[str, Any] | None = None
    split: Split | None = None
    groups: np.ndarray | None = None
    notes: tuple[str, ...] = ()

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
        return replace(
            self.training, folds=make_folds(folds, *sizes, self.split, classes, self.groups)
        )

    @property
    def name(self) -> str:
        """What the task is called in a study."""
        return self.spec.name

    @property
    def shape(self) -> str:
        """How many sequences, steps and channels, in words."""
        sizes = {"training": self.train, "validation": self.validation, "test": self.test}
        counts = {name: len(part) for name, part in sizes.items() if part is not None}
        splits = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        most = "up to " if self.spec.ragged else ""
        steps = f"{most}{self.seq_len:,} step{'' if self.seq_len == 1 else 's'}"
        channels = (
            f"{self.spec.input_channels:,} channel{'' if self.spec.input_channels == 1 else 's'}"
        )
        return f"{sum(counts.values()):,} sequences × {steps} × {channels} ({splits})"

    @property
    def seq_len(self) -> int:
        """Steps of the longest sequence."""
        return self.spec.seq_len

    def fingerprint(self) -> str:
        """A hash of the specification and of every number in every part."""
        digest = hashlib.blake2b(repr(self.spec).encode(), digest_size=16)
        offsets = self.spec.input_offset, self.spec.target_offset
        if any(offsets):
            digest.update(repr(offsets).encode())
        for part in (self.train, self.validation, self.test):
            if part is not None:
                for array in (part.X, part.y):
                    for start in range(
                        0, len(array), _HASHED_ROWS
                    ):  # windows of a series are views: never all copied
                        digest.update(
                            np.ascontiguousarray(array[start : start + _HASHED_ROWS]).tobytes()
                        )
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
        """A task from arrays that are in memory already.

        Args:
            X_train, X_validation, X_test: (n, T, C) numbers, sequences padded at the end; or a list of arrays
                (T, C), or (T,) of one channel, that may differ in length. Where float32 cannot hold numbers
                far from zero beside their deviation, they are kept minus `spec.input_offset`.
            y_train, y_validation, y_test: (n,) classes (integers or strings) or numbers to predict; (n, K)
                numbers, one-hot rows for classes, or other zeros and ones for labels; (n, T) integers for a
                class at each step. Columns of pandas are fine.
            lengths_train, lengths_validation, lengths_test: (n,) steps of each sequence, where they differ.
            groups_train: (n,) integers or strings: sequences of one group (a speaker, a patient) stay together.
            class_names: in the order of the classes 0, 1, ...
            kind: what to do, if it is not what type and shape of `y_train` say.
            axes: "channels_steps" if arrays are (n, C, T), or lists of (C, T); "steps_channels" says that they
                are (n, T, C) where they look exchanged, which is an error otherwise.
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
            axes,
            centre=standardise,
        )
        (X, y), test = parts.arrays["train"], parts.arrays.get("test")
        split = groups = None
        if "validation" in parts.arrays:
            train = Part(X, y)
            held = Part(*parts.arrays["validation"])
        else:
            stratify = y if parts.kind == "classification" else None
            split = Split(validation, validation_fraction, seed, validation_gap)
            groups = read_groups(groups_train, len(X))
            kept, held_out = split_off_validation(len(X), split, stratify, groups)
            train = Part(X[kept], y[kept])
            held = Part(X[held_out], y[held_out])
            groups = None if groups is None else groups[np.concatenate([kept, held_out])]
            if parts.kind == "classification":
                _require_every_class(train.y, parts.class_names)
        if required_context is not None:
            positive_integer("required_context", required_context)
        spec = TaskSpec(
            name=name,
            kind=parts.kind,
            seq_len=X.shape[1],
            input_channels=X.shape[2],
            outputs=parts.outputs,
            class_names=parts.class_names,
            ragged=any(bool(np.isnan(X).any()) for X, _ in parts.arrays.values()),
            required_context=required_context,
            input_offset=parts.input_offset,
            target_offset=parts.target_offset,
        )
        if standardise:
            spec = with_statistics(spec, train)
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
    missing = [
        name for number, name in enumerate(names) if number not in set(np.unique(y).tolist())
    ]
    if missing:
        raise InputError(
            f"After the validation part is split off, no training sequence has class {', '.join(missing)}. Give a "
            'validation part of your own, or split it off in another way: validation = "random".'
        )
