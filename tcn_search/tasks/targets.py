"""Check a user's targets, and encode them: classes as 0 .. K−1, numbers as float32."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.centring import (
    LARGEST,
    describe_centring,
    first_beyond_float32,
    offsets_of,
    subtract_offsets,
)
from tcn_search.formats.inputs import is_list_of_arrays
from tcn_search.formats.labels import read_labels, require_proper_names
from tcn_search.tasks.kinds import NO_CLASS
from tcn_search.tasks.target_kinds import first_values, type_name

_LARGEST_CLASS = 2**53  # beyond it floats do not tell integers apart
_SMALLEST_DEVIATION = 1e-18  # its square is about the smallest number of float32

Arrays = dict[str, np.ndarray]  # by split


class EncodedClasses(NamedTuple):
    """Names of the classes, and int32 targets of each split as indices of these names."""

    names: tuple[str, ...]
    targets: Arrays


class EncodedNumbers(NamedTuple):
    """Numbers to predict as float32.

    Attributes:
        targets: numbers of each split, minus the offset of their column.
        offset: one for each column; empty where float32 holds the numbers as they are.
        notes: messages to the user, each a line.
    """

    targets: Arrays
    offset: tuple[float, ...]
    notes: list[str]


def read_targets(y: Any, X: np.ndarray, split: str) -> np.ndarray:
    """Return the targets of a split as an array (n,) or (n, K).

    Args:
        y: anything that NumPy turns into an array; or a list of arrays, one for each sequence.
        X: inputs (n, T, C) of the split, NaN beyond each sequence's own length.
        split: errors name `y_{split}` and `X_{split}`.

    Raises:
        InputError: names the array, the rule and the value received.
    """
    if is_list_of_arrays(y):
        y = _targets_of_steps(list(y), X, split)
    array = read_labels(y, f"y_{split}")
    count = len(X)
    shape = array.shape
    if array.ndim == 0 or len(array) != count:
        raise InputError(
            f"y_{split} must have one entry for each of the {count} sequences of X_{split}. "
            f"Received: shape {shape}"
        )
    if array.ndim == 2 and shape[1] == 1:
        array = array[:, 0]
    if array.ndim > 2:
        hint = ""
        if array.ndim == 3:
            hint = f". For classes at each step give their numbers, y_{split}.argmax(axis=-1)."
        raise InputError(f"y_{split} must have rank 1 or 2. Received: shape {shape}{hint}")
    if array.ndim == 2 and not shape[1]:
        raise InputError(f"y_{split} must have at least one column. Received: shape {shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise InputError(
            f"y_{split} must be finite. Received: NaN or infinity, first for sequence {row}"
        )
    return array


def _targets_of_steps(y: list[Any], X: np.ndarray, split: str) -> Any:
    """Return targets of each step, in arrays of different length, padded to (n, T).

    Other lists are returned as they are.
    """
    lengths = [len(row) for row in y]
    if len(set(lengths)) == 1 or len(y) != len(X):
        return y
    is_padding = np.isnan(X).all(axis=2)
    steps = np.where(is_padding.any(axis=1), is_padding.argmax(axis=1), X.shape[1])
    different = np.flatnonzero(steps != lengths)
    if len(different):
        row = int(different[0])
        raise InputError(
            f"y_{split} must have one entry for each sequence, or one for each of its steps. "
            f"Received: {lengths[row]} entries for the {steps[row]} steps of sequence {row}"
        )
    rows = [read_labels(labels, f"y_{split}[{row}]") for row, labels in enumerate(y)]
    if any(row.ndim != 1 for row in rows):
        raise InputError(f"y_{split} must have rank 1 or 2. Received: arrays of rank 2 in a list")
    return np.stack([np.pad(row, (0, X.shape[1] - len(row)), mode="edge") for row in rows])


def encode_step_classes(
    targets: Arrays, inputs: Arrays, class_names: tuple[str, ...] | None
) -> EncodedClasses:
    """Encode classes at each step (n, T); steps beyond a sequence's end become `NO_CLASS`.

    Raises:
        InputError: as `encode_classes`.
    """
    padded = {}
    for split, X in inputs.items():
        is_padding = np.isnan(X).all(axis=2)
        if is_padding.any() and targets[split].shape == is_padding.shape:
            padded[split] = is_padding
    targets = dict(targets)
    for split, is_padding in padded.items():  # values there are no classes, and are not checked
        y = targets[split]
        targets[split] = np.where(is_padding, y[~is_padding][0], y)
    encoded = encode_classes(targets, class_names)
    for split, is_padding in padded.items():
        encoded.targets[split][is_padding] = NO_CLASS
    return encoded


def encode_classes(targets: Arrays, class_names: tuple[str, ...] | None) -> EncodedClasses:
    """Encode classes as 0 .. K−1, in the order of their names where these are given.

    Raises:
        InputError: no classes, fewer than two, or one without a training example.
    """
    for split, y in targets.items():
        _require_classes(y, targets["train"], split)
    seen = np.unique(targets["train"])
    for split, y in targets.items():
        unseen = np.setdiff1d(y, seen)
        if len(unseen):
            raise InputError(
                f"y_{split} holds classes that no training sequence has: {first_values(unseen)}. "
                f"y_train has: {first_values(seen)}"
            )
    if class_names is not None:
        return _encode_named(targets, class_names, seen)
    if len(seen) < 2:
        raise InputError(
            f"y_train must hold at least 2 classes. Received only: {first_values(seen)}"
        )
    values = seen.astype("int64") if seen.dtype.kind == "f" else seen
    names = tuple(str(value) for value in values)
    require_proper_names(names, "y_train")
    encoded = {split: np.searchsorted(seen, y).astype("int32") for split, y in targets.items()}
    return EncodedClasses(names, encoded)


def _require_classes(y: np.ndarray, train: np.ndarray, split: str) -> None:
    """Raise an InputError unless targets are integers or strings, as the training targets are."""
    if y.dtype.kind == "f" and (y != np.round(y)).any():
        raise InputError(
            f"y_{split} must hold classes, integers or strings. Received: {y.dtype} numbers"
        )
    if y.dtype.kind == "f" and np.abs(y).max() > _LARGEST_CLASS:
        raise InputError(
            f"y_{split} must hold classes, integers or strings. Received: {np.abs(y).max():g}, "
            "beyond the integers that floats tell apart"
        )
    if (y.dtype.kind == "U") != (train.dtype.kind == "U"):
        raise InputError(
            f"y_{split} must hold {type_name(train)}, as y_train does. Received: {type_name(y)}"
        )


def _encode_named(targets: Arrays, names: tuple[str, ...], seen: np.ndarray) -> EncodedClasses:
    """Encode classes that are given by name, or as numbers 0 .. K−1 of the names."""
    if seen.dtype.kind == "U":
        index = {name: number for number, name in enumerate(names)}
        missing = [str(value) for value in seen if str(value) not in index]
        if missing:
            raise InputError(f"y_train holds classes that class_names lacks: {', '.join(missing)}")
        number_of = np.vectorize(lambda name: index[str(name)])
        encoded = {split: number_of(y).astype("int32") for split, y in targets.items()}
    else:
        if seen.min() < 0 or seen.max() >= len(names):
            raise InputError(
                f"y_train must hold classes 0 to {len(names) - 1}, one for each of the "
                f"{len(names)} class_names. Received: {seen.min()} to {seen.max()}"
            )
        encoded = {split: y.astype("int32") for split, y in targets.items()}
    empty = sorted(set(range(len(names))) - set(np.unique(encoded["train"]).tolist()))
    if empty:
        raise InputError(
            "Every class needs a training example. Without one: "
            f"{', '.join(names[number] for number in empty)}. Leave such classes out of "
            "class_names."
        )
    return EncodedClasses(names, encoded)


def encode_labels(targets: Arrays, names: tuple[str, ...]) -> Arrays:
    """Return labels (n, K), zeros and ones, as float32.

    Raises:
        InputError: other values, a label without a training example, or another number of names.
    """
    encoded = {split: _numbers(y, split).astype("float32") for split, y in targets.items()}
    outputs = output_count(targets)
    if names and len(names) != outputs:
        raise InputError(
            f"class_names must name each of the {outputs} labels. Received: {len(names)} names"
        )
    for split, y in encoded.items():
        if not np.isin(y, (0, 1)).all():
            raise InputError(
                f"y_{split} must hold zeros and ones for labels. Received: "
                f"{first_values(np.unique(y))}"
            )
    empty = np.flatnonzero(~encoded["train"].any(axis=0))
    if len(empty):
        raise InputError(
            "Every label needs a training example. Without one: columns "
            f"{first_values(empty)} of y_train"
        )
    return encoded


def encode_numbers(targets: Arrays, names: tuple[str, ...], centre: bool) -> EncodedNumbers:
    """Return numbers to predict as float32, minus an offset of each column where it needs one.

    Args:
        names: names of the columns, or ().
        centre: whether an offset may be subtracted.

    Raises:
        InputError: no numbers, numbers that are too large or all the same, too few or many names.
    """
    encoded = _centred_numbers(targets, centre)
    outputs = output_count(targets)
    if names and len(names) != outputs:
        raise InputError(
            f"class_names must name each of the {outputs} numbers to predict. Received: "
            f"{len(names)} names"
        )
    return encoded


def output_count(targets: Arrays) -> int:
    """Return the number of columns of the training targets."""
    return 1 if targets["train"].ndim == 1 else targets["train"].shape[1]


def _centred_numbers(targets: Arrays, centre: bool) -> EncodedNumbers:
    columns = {split: _numbers(y, split).reshape(len(y), -1) for split, y in targets.items()}
    train = columns["train"]
    if any(y.shape[1] != train.shape[1] for y in columns.values()):
        return EncodedNumbers(targets, (), [])  # `check_target_shapes` refuses them
    offset = offsets_of(train) if centre else ()
    notes = describe_centring("y_train", np.sort(train, axis=0), offset, "column")
    centred = {split: subtract_offsets(y, offset) for split, y in columns.items()}
    constant = np.flatnonzero((centred["train"] == centred["train"][0]).all(axis=0))
    if len(train) > 1 and len(constant) and train.shape[1] == 1:
        raise InputError(
            f"y_train must hold different numbers to predict. Received: {train[0, 0]:.12g} for "
            "every sequence, to the precision of floating point"
        )
    if len(train) > 1 and len(constant):
        notes.append(f"constant columns of y_train: {first_values(constant)}")
    if 0 < centred["train"].std(dtype="float64") < _SMALLEST_DEVIATION:
        notes.append(
            "y_train varies too little for squared errors in float32: give it in other units"
        )
    for split, y in centred.items():
        _require_finite_squares(y, centred["train"], split)
    shaped = {split: y.reshape(targets[split].shape) for split, y in centred.items()}
    return EncodedNumbers(shaped, offset, notes)


def _numbers(y: np.ndarray, split: str) -> np.ndarray:
    """Return targets, or raise an InputError unless they are numbers that float32 holds."""
    if y.dtype.kind not in "fiub":
        raise InputError(
            f"y_{split} must hold numbers for this kind of task. Received: {type_name(y)}"
        )
    beyond = first_beyond_float32(y)
    if beyond is not None:
        raise InputError(
            f"y_{split} must lie within the range of float32, ±{LARGEST:.2g}. Received: "
            f"{y[beyond]:g} for sequence {beyond[0]}. Give it in other units."
        )
    return y


def _require_finite_squares(y: np.ndarray, train: np.ndarray, split: str) -> None:
    """Raise an InputError if squared errors of the mean sum up to nearly float32's largest."""
    mean = train.mean(axis=0, dtype="float64")
    largest = float(np.abs(y - mean).max())
    if 10 * len(y) * largest**2 > LARGEST:
        raise InputError(
            f"y_{split} must be small enough for squared errors in float32. Received: numbers up "
            f"to {largest:.2g} from the mean of y_train. Give it in other units."
        )


def check_target_shapes(kind: str, targets: Arrays, inputs: Arrays) -> None:
    """Raise an InputError if targets do not have the shape of their kind."""
    width = targets["train"].shape[1:]
    for split, y in targets.items():
        expected = width
        if kind == "classification":
            expected = ()
        elif kind == "labelling":
            expected = (inputs[split].shape[1],)
        if y.shape[1:] != expected:
            raise InputError(
                f"y_{split} must have shape {(len(y), *expected)} for {kind}. Received: {y.shape}"
            )
