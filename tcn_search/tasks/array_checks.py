"""Checks arrays that a user gave, and brings them into the one form that tasks keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.formats.centring import (
    LARGEST,
    describe_centring,
    describe_losses,
    first_beyond_float32,
    offsets_of,
    subtract_offsets,
)
from tcn_search.formats.inputs import check_axes, is_of_arrays, pad_steps, read_inputs
from tcn_search.formats.labels import read_class_names, read_labels, require_proper_names
from tcn_search.tasks.kinds import KINDS, NO_CLASS

_LARGEST_CLASS = 2**53  # beyond it floats do not tell integers apart
_FEW_VALUES = 20
_SMALLEST_DEVIATION = 1e-18  # its square is about the smallest number of float32


class Parts(NamedTuple):
    """Checked arrays by part: X (n, T, C) float32 with NaN beyond each row's length, y encoded.

    Both are kept minus their offsets, which are empty where float32 holds the numbers as they are.
    """

    kind: str
    outputs: int
    class_names: tuple[str, ...]
    inferred: str
    arrays: dict[str, tuple[np.ndarray, np.ndarray]]
    input_offset: tuple[float, ...] = ()
    target_offset: tuple[float, ...] = ()


def read_parts(
    given: Mapping[str, tuple[Any, Any, Any]],
    class_names: Sequence[str] | None,
    kind: str | None,
    axes: str | None = None,
    centre: bool = True,
) -> Parts:
    """Check (X, y, lengths) of each part against each other and encode the targets.

    Args:
        centre: whether an offset may be subtracted from numbers that float32 cannot hold.
    """
    if kind is not None:
        one_of("kind", kind, tuple(KINDS))
    names = read_class_names(class_names)
    inputs = {}
    targets = {}
    told = False
    for part, (X, y, lengths) in given.items():
        if X is None and y is None:
            if lengths is not None:
                raise InputError(f"lengths_{part} is given, but X_{part} and y_{part} are missing.")
            continue
        if X is None or y is None:
            missing, there = ("X", "y") if X is None else ("y", "X")
            raise InputError(f"{missing}_{part} is missing, although {there}_{part} is given.")
        inputs[part] = read_inputs(X, lengths, f"_{part}", axes)
        told = (
            told
            or lengths is not None
            or is_of_arrays(X)
            or bool(np.isnan(inputs[part][:, -1]).all(axis=1).any())
        )
        targets[part] = _read_targets(y, inputs[part], part)
    if "train" not in inputs:
        raise InputError("X_train and y_train are needed. Received: neither")
    notes = [check_axes(inputs["train"], "X_train", axes)]
    steps = inputs["train"].shape[1]
    if kind is None and _are_classes_by_column(targets, steps):
        found = "classification"
        how = "one-hot rows read as classes"
    else:
        found = kind or _infer_kind(targets["train"], steps)
        how = ""
    if kind == "classification" and _are_one_hot(targets):
        how = "one-hot rows"
    given_targets = targets["train"]
    if how:
        targets = _classes_of_one_hot(targets)
    elif kind is None:
        notes.append(_other_reading(targets, found))
    inputs, targets = _pad_to_longest(inputs, targets, found, told)
    _check_equal_shapes(inputs)
    target_offset: tuple[float, ...] = ()
    if KINDS[found].has_classes and found != "multi_label":
        padded = _padded_steps(inputs, targets) if found == "labelling" else {}
        for part, beyond in padded.items():  # whatever stands there is no class
            targets[part] = np.where(beyond, targets[part][~beyond][0], targets[part])
        names, encoded = _encode_classes(targets, names)
        for part, beyond in padded.items():
            encoded[part][beyond] = NO_CLASS
        outputs = len(names)
    else:
        names = names or ()
        outputs = 1 if targets["train"].ndim == 1 else targets["train"].shape[1]
        if found == "multi_label":
            encoded = {part: _numbers(y, part).astype("float32") for part, y in targets.items()}
        else:
            encoded, target_offset = _centred_numbers(targets, centre, notes)
        if names and len(names) != outputs and found != "multi_label":
            raise InputError(
                f"class_names must name each of the {outputs} numbers to predict. Received: {len(names)} names"
            )
    if found == "multi_label":
        _check_labels(encoded, outputs, names)
    _check_target_shapes(found, encoded, inputs)
    input_offset = offsets_of(inputs["train"]) if centre else ()
    notes += describe_centring("X_train", inputs["train"], input_offset)
    for part in [part for part in inputs if part != "train"]:
        notes += describe_losses(f"X_{part}", inputs[part], input_offset)
    arrays = {
        part: (subtract_offsets(X, input_offset), encoded[part]) for part, X in inputs.items()
    }
    return Parts(
        kind=found,
        outputs=outputs,
        class_names=names,
        inferred="; ".join(
            [_describe(found, outputs, given_targets, kind, how), *filter(None, notes)]
        ),
        arrays=arrays,
        input_offset=input_offset,
        target_offset=target_offset,
    )


def _read_targets(y: Any, X: np.ndarray, part: str) -> np.ndarray:
    if is_of_arrays(y):
        y = _targets_of_steps(list(y), X, part)
    y = read_labels(y, f"y_{part}")
    count = len(X)
    if y.ndim == 0 or len(y) != count:
        raise InputError(
            f"y_{part} must have one entry for each of the {count} sequences of X_{part}. Received: shape {y.shape}"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim > 2:
        hint = (
            f". For classes at each step give their numbers, y_{part}.argmax(axis=-1)."
            if y.ndim == 3
            else ""
        )
        raise InputError(f"y_{part} must have rank 1 or 2. Received: shape {y.shape}{hint}")
    if y.ndim == 2 and not y.shape[1]:
        raise InputError(f"y_{part} must have at least one column. Received: shape {y.shape}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        raise InputError(
            f"y_{part} must be finite. Received: NaN or infinity, first for sequence {row}"
        )
    return y


def _targets_of_steps(y: list[Any], X: np.ndarray, part: str) -> Any:
    """Targets of each step, in arrays of different length, are padded; others are left as they are."""
    lengths = [len(one) for one in y]
    if len(set(lengths)) == 1 or len(y) != len(X):
        return y
    own = np.where(
        np.isnan(X).all(axis=2).any(axis=1), np.isnan(X).all(axis=2).argmax(axis=1), X.shape[1]
    )
    different = np.flatnonzero(own != lengths)
    if len(different):
        row = int(different[0])
        raise InputError(
            f"y_{part} must have one entry for each sequence, or one for each of its steps. Received: "
            f"{lengths[row]} entries for the {own[row]} steps of sequence {row}"
        )
    rows = [read_labels(one, f"y_{part}[{row}]") for row, one in enumerate(y)]
    if any(row.ndim != 1 for row in rows):
        raise InputError(f"y_{part} must have rank 1 or 2. Received: arrays of rank 2 in a list")
    return np.stack([np.pad(row, (0, X.shape[1] - len(row)), mode="edge") for row in rows])


def _pad_to_longest(
    inputs: dict[str, np.ndarray], targets: dict[str, np.ndarray], kind: str, told: bool
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Where lengths are told, all parts, and the targets of their steps, are padded to the longest."""
    if not told:
        return inputs, targets
    steps = max(X.shape[1] for X in inputs.values())
    if kind == "labelling":
        targets = {
            part: np.pad(y, ((0, 0), (0, steps - y.shape[1])), mode="edge")
            if y.ndim == 2 and y.shape[1] == inputs[part].shape[1]
            else y
            for part, y in targets.items()
        }
    return {part: pad_steps(X, steps) for part, X in inputs.items()}, targets


def _are_one_hot(targets: dict[str, np.ndarray]) -> bool:
    """Whether every row of every part has zeros and a single one."""
    width = targets["train"].shape[1:]
    return all(
        y.ndim == 2
        and y.shape[1:] == width
        and y.dtype.kind in "biuf"
        and bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())
        for y in targets.values()
    )


def _are_classes_by_column(targets: dict[str, np.ndarray], steps: int) -> bool:
    """Whether one-hot rows are classes, rather than a class at each step or labels that lack an example."""
    y = targets["train"]
    if not _are_one_hot(targets):
        return False
    return y.dtype.kind == "f" or (y.shape[1] != steps and bool(y.any(axis=0).all()))


def _classes_of_one_hot(targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    empty = np.flatnonzero(~targets["train"].astype(bool).any(axis=0))
    if len(empty):
        raise InputError(
            f"Every class needs a training example. Without one: columns {_list(empty)} of y_train, whose one-hot "
            'rows are read as classes. Leave such columns out, or say kind = "multi_label" or "regression".'
        )
    return {part: y.argmax(axis=1) for part, y in targets.items()}


def _other_reading(targets: dict[str, np.ndarray], kind: str) -> str:
    """What else the targets may well have been meant to be, and how to say so; "" if nothing."""
    y = targets["train"]
    if kind == "labelling" and _are_one_hot(targets):
        return 'one-hot rows: if they are one class for each sequence, say kind = "classification"'
    if kind == "classification" and y.dtype.kind in "iu":
        different = len(np.unique(y))
        if different > _FEW_VALUES and 3 * different > len(y):
            return f'{different} different integers: if they are numbers to predict, say kind = "regression"'
    if kind != "regression" or (y != np.round(y)).any():
        return ""
    values, counts = np.unique(y, return_counts=True)
    if y.ndim == 2 and set(values) <= {0, 1}:
        return 'zeros and ones: if they are labels, say kind = "multi_label"'
    if 2 <= len(values) <= _FEW_VALUES and counts.min() > 1:
        other = "classification" if y.ndim == 1 else "labelling"
        return (
            f'only {len(values)} different whole numbers: if they are classes, say kind = "{other}"'
        )
    return ""


def _check_equal_shapes(inputs: dict[str, np.ndarray]) -> None:
    wanted = inputs["train"].shape[1:]
    for part, X in inputs.items():
        if X.shape[1:] != wanted:
            raise InputError(
                f"X_{part} must have the steps and channels of X_train, {wanted}. Received: {X.shape[1:]}. "
                f"Pad the shorter one at the end and give lengths."
            )


def _infer_kind(y: np.ndarray, steps: int) -> str:
    """What type and shape of the targets say."""
    if y.dtype.kind == "f":
        return "regression"
    if y.ndim == 1:
        return "classification"
    zeros_and_ones = y.dtype.kind == "b" or (y.dtype.kind in "iu" and set(np.unique(y)) <= {0, 1})
    if zeros_and_ones and y.shape[1] != steps:
        return "multi_label"
    if y.shape[1] == steps:
        return "labelling"
    raise InputError(
        f"What y_train asks for cannot be told from integers of shape {y.shape} with {steps} steps. Say it with "
        f"kind: {', '.join(KINDS)}."
    )


def _describe(kind: str, outputs: int, y: np.ndarray, given: str | None, how: str) -> str:
    what = {
        "classification": f"{outputs} classes",
        "labelling": f"{outputs} classes, one at each step",
        "multi_label": f"{outputs} labels",
        "regression": f"{outputs} number{'s' if outputs > 1 else ''} to predict",
        "forecast": f"{outputs} number{'s' if outputs > 1 else ''} to predict",
    }[kind]
    why = "as said with kind" if given else f"from y_train: {_type_name(y)}, shape {y.shape}"
    if how and not given:
        why += f', {how}: kind = "multi_label" or "regression" would read them otherwise'
    return f"{kind}, {what} ({why})"


def _type_name(y: np.ndarray) -> str:
    return {"f": "floats", "b": "booleans", "U": "strings"}.get(y.dtype.kind, "integers")


def _numbers(y: np.ndarray, part: str) -> np.ndarray:
    if y.dtype.kind not in "fiub":
        raise InputError(
            f"y_{part} must hold numbers for this kind of task. Received: {_type_name(y)}"
        )
    beyond = first_beyond_float32(y)
    if beyond is not None:
        raise InputError(
            f"y_{part} must lie within the range of float32, {LARGEST:.2g} either way. Received: {y[beyond]:g} for "
            f"sequence {beyond[0]}. Give it in other units."
        )
    return y


def _centred_numbers(
    targets: dict[str, np.ndarray], centre: bool, notes: list[str]
) -> tuple[dict[str, np.ndarray], tuple[float, ...]]:
    """Numbers to predict as float32, minus an offset for each column where float32 needs one."""
    columns = {part: _numbers(y, part).reshape(len(y), -1) for part, y in targets.items()}
    if any(
        y.shape[1] != columns["train"].shape[1] for y in columns.values()
    ):  # refused later, by their shape
        return targets, ()
    train = columns["train"]
    offsets = offsets_of(train) if centre else ()
    notes += describe_centring("y_train", np.sort(train, axis=0), offsets, "column")
    centred = {part: subtract_offsets(y, offsets) for part, y in columns.items()}
    constant = np.flatnonzero((centred["train"] == centred["train"][0]).all(axis=0))
    if len(train) > 1 and len(constant) and train.shape[1] == 1:
        raise InputError(
            f"y_train must hold different numbers to predict. Received: {train[0, 0]:.12g} for every sequence, "
            "to the precision of floating point"
        )
    if len(train) > 1 and len(constant):
        notes.append(f"constant columns of y_train: {_list(constant)}")
    if 0 < centred["train"].std(dtype="float64") < _SMALLEST_DEVIATION:
        notes.append(
            "y_train varies too little for squared errors in float32: give it in other units"
        )
    for part, y in centred.items():
        _require_finite_squares(y, centred["train"], part)
    return {part: y.reshape(targets[part].shape) for part, y in centred.items()}, offsets


def _require_finite_squares(y: np.ndarray, train: np.ndarray, part: str) -> None:
    """Raise an InputError if the sum of squared errors of the mean comes near to the end of float32."""
    mean = train.mean(axis=0, dtype="float64")
    largest = float(np.abs(y - mean).max())
    if 10 * len(y) * largest**2 > LARGEST:
        raise InputError(
            f"y_{part} must be small enough for squared errors in float32. Received: numbers up to {largest:.2g} "
            "from the mean of y_train. Give it in other units."
        )


def _padded_steps(
    inputs: dict[str, np.ndarray], targets: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """(n, T) booleans for each part whose sequences differ in length: the steps beyond each one's end."""
    padded = {part: np.isnan(X).all(axis=2) for part, X in inputs.items()}
    return {
        part: steps
        for part, steps in padded.items()
        if steps.any() and targets[part].shape == steps.shape
    }


def _encode_classes(
    targets: dict[str, np.ndarray], class_names: tuple[str, ...] | None
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Class names and targets as 0 .. K−1. Every class needs a training example."""
    for part, y in targets.items():
        if y.dtype.kind == "f" and (y != np.round(y)).any():
            raise InputError(
                f"y_{part} must hold classes, integers or strings. Received: {y.dtype} numbers"
            )
        if y.dtype.kind == "f" and np.abs(y).max() > _LARGEST_CLASS:
            raise InputError(
                f"y_{part} must hold classes, integers or strings. Received: {np.abs(y).max():g}, beyond the "
                "integers that floats tell apart"
            )
        if (y.dtype.kind == "U") != (targets["train"].dtype.kind == "U"):
            raise InputError(
                f"y_{part} must hold {_type_name(targets['train'])}, as y_train does. Received: {_type_name(y)}"
            )
    seen = np.unique(targets["train"])
    for part, y in targets.items():
        strange = np.setdiff1d(y, seen)
        if len(strange):
            raise InputError(
                f"y_{part} holds classes that no training sequence has: {_list(strange)}. y_train has: {_list(seen)}"
            )
    if class_names is not None:
        return _encode_named(targets, class_names, seen)
    if len(seen) < 2:
        raise InputError(f"y_train must hold at least 2 classes. Received only: {_list(seen)}")
    values = seen.astype("int64") if seen.dtype.kind == "f" else seen
    names = tuple(str(value) for value in values)
    require_proper_names(names, "y_train")
    return names, {part: np.searchsorted(seen, y).astype("int32") for part, y in targets.items()}


def _encode_named(
    targets: dict[str, np.ndarray], names: tuple[str, ...], seen: np.ndarray
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    if seen.dtype.kind == "U":
        index = {name: number for number, name in enumerate(names)}
        missing = [str(value) for value in seen if str(value) not in index]
        if missing:
            raise InputError(f"y_train holds classes that class_names lacks: {', '.join(missing)}")
        encoded = {
            part: np.vectorize(lambda v: index[str(v)])(y).astype("int32")
            for part, y in targets.items()
        }
    else:
        if seen.min() < 0 or seen.max() >= len(names):
            raise InputError(
                f"y_train must hold classes 0 to {len(names) - 1}, one for each of the {len(names)} class_names. "
                f"Received: {seen.min()} to {seen.max()}"
            )
        encoded = {part: y.astype("int32") for part, y in targets.items()}
    empty = sorted(set(range(len(names))) - set(np.unique(encoded["train"]).tolist()))
    if empty:
        raise InputError(
            f"Every class needs a training example. Without one: {', '.join(names[number] for number in empty)}. "
            "Leave such classes out of class_names."
        )
    return names, encoded


def _check_labels(encoded: dict[str, np.ndarray], outputs: int, names: tuple[str, ...]) -> None:
    if names and len(names) != outputs:
        raise InputError(
            f"class_names must name each of the {outputs} labels. Received: {len(names)} names"
        )
    for part, y in encoded.items():
        if not np.isin(y, (0, 1)).all():
            raise InputError(
                f"y_{part} must hold zeros and ones for labels. Received: {_list(np.unique(y))}"
            )
    empty = np.flatnonzero(~encoded["train"].any(axis=0))
    if len(empty):
        raise InputError(
            f"Every label needs a training example. Without one: columns {_list(empty)} of y_train"
        )


def _check_target_shapes(
    kind: str, targets: dict[str, np.ndarray], inputs: dict[str, np.ndarray]
) -> None:
    width = targets["train"].shape[1:]
    for part, y in targets.items():
        wanted = {"classification": (), "labelling": (inputs[part].shape[1],)}.get(kind, width)
        if y.shape[1:] != wanted:
            raise InputError(
                f"y_{part} must have shape {(len(y), *wanted)} for {kind}. Received: {y.shape}"
            )


def _list(values: np.ndarray) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return shown + (", ..." if len(values) > 8 else "")
