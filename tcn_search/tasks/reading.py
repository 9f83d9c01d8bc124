"""Checks arrays that a user gave, and brings them into the one form that tasks keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.tasks.kinds import KINDS, NO_CLASS


class Parts(NamedTuple):
    """Checked arrays by part: X (n, T, C) float32 with NaN beyond each row's length, y encoded."""

    kind: str
    outputs: int
    class_names: tuple[str, ...]
    inferred: str
    arrays: dict[str, tuple[np.ndarray, np.ndarray]]


def read_parts(
    given: Mapping[str, tuple[Any, Any, Any]], class_names: Sequence[str] | None, kind: str | None
) -> Parts:
    """Check (X, y, lengths) of each part against each other and encode the targets."""
    if kind is not None and kind not in KINDS:
        raise InputError(f"kind must be one of {', '.join(KINDS)}. Received: {kind!r}")
    inputs, targets = {}, {}
    for part, (X, y, lengths) in given.items():
        if X is None and y is None:
            continue
        if X is None or y is None:
            missing, there = ("X", "y") if X is None else ("y", "X")
            raise InputError(f"{missing}_{part} is missing, although {there}_{part} is given.")
        inputs[part] = read_inputs(X, lengths, f"_{part}")
        targets[part] = _read_targets(y, len(inputs[part]), part)
    _check_equal_shapes(inputs)
    found = kind or _infer_kind(targets["train"], inputs["train"].shape[1])
    if KINDS[found].has_classes and found != "multi_label":
        padded = _padded_steps(inputs, targets) if found == "labelling" else {}
        for part, steps in padded.items():  # whatever stands there is no class
            targets[part] = np.where(steps, targets[part][~steps][0], targets[part])
        names, encoded = _encode_classes(targets, class_names)
        for part, steps in padded.items():
            encoded[part][steps] = NO_CLASS
        outputs = len(names)
    else:
        names = tuple(str(name) for name in class_names or ())
        encoded = {part: _numbers(y, part) for part, y in targets.items()}
        outputs = 1 if targets["train"].ndim == 1 else targets["train"].shape[1]
        if names and len(names) != outputs and found != "multi_label":
            raise InputError(
                f"class_names must name each of the {outputs} numbers to predict. Received: {len(names)} names"
            )
    if found == "multi_label":
        _check_labels(encoded, outputs, names)
    _check_target_shapes(found, encoded, inputs)
    arrays = {part: (inputs[part], encoded[part]) for part in inputs}
    return Parts(found, outputs, names, _describe(found, outputs, targets["train"], kind), arrays)


def read_inputs(X: Any, lengths: Any, suffix: str) -> np.ndarray:
    """X as (n, T, C) float32 with NaN at and beyond each row's length; errors name `X{suffix}`."""
    name = f"X{suffix}"
    X = np.asarray(X)
    if X.dtype.kind not in "fiub":
        raise InputError(f"{name} must hold numbers. Received: dtype {X.dtype}")
    if X.ndim != 3:
        hint = f" For sequences of one channel use {name}[..., None]." if X.ndim == 2 else ""
        raise InputError(
            f"{name} must have rank 3, (sequences, steps, channels). Received: shape {X.shape}.{hint}"
        )
    if 0 in X.shape:
        raise InputError(f"{name} must not be empty. Received: shape {X.shape}")
    X = np.array(X, dtype="float32")
    count, steps, _ = X.shape
    if lengths is not None:
        lengths = _read_lengths(lengths, count, steps, suffix)
        X[np.arange(steps)[None, :] >= lengths[:, None]] = np.nan
        inside = np.arange(steps)[None, :] < lengths[:, None]
    else:
        inside = np.ones((count, steps), dtype=bool)
    bad = ~np.isfinite(X).all(axis=2) & inside
    if bad.any():
        row, step = np.argwhere(bad)[0]
        raise InputError(
            f"{name} must be finite within each sequence. Received: NaN or infinity in {bad.any(axis=1).sum()} of "
            f"{count} sequences, first in sequence {row}, step {step}. If sequences end there, give lengths{suffix}."
        )
    return X


def _read_lengths(lengths: Any, count: int, steps: int, suffix: str) -> np.ndarray:
    lengths = np.asarray(lengths)
    if lengths.shape != (count,) or lengths.dtype.kind not in "iu":
        raise InputError(
            f"lengths{suffix} must be {count} integers, one a sequence. "
            f"Received: shape {lengths.shape}, dtype {lengths.dtype}"
        )
    if lengths.min() < 1 or lengths.max() > steps:
        raise InputError(
            f"lengths{suffix} must lie between 1 and {steps}, the steps of X{suffix}. "
            f"Received: {lengths.min()} to {lengths.max()}"
        )
    return lengths


def _read_targets(y: Any, count: int, part: str) -> np.ndarray:
    y = np.asarray(y)
    if y.dtype.kind == "O":
        raise InputError(f"y_{part} must hold numbers or strings. Received: Python objects (dtype object)")
    if y.ndim == 0 or len(y) != count:
        raise InputError(
            f"y_{part} must have one entry for each of the {count} sequences of X_{part}. Received: shape {y.shape}"
        )
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim > 2:
        raise InputError(f"y_{part} must have rank 1 or 2. Received: shape {y.shape}")
    if y.dtype.kind == "f" and not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        raise InputError(f"y_{part} must be finite. Received: NaN or infinity, first for sequence {row}")
    return y


def _check_equal_shapes(inputs: dict[str, np.ndarray]) -> None:
    if "train" not in inputs:
        raise InputError("X_train and y_train are needed. Received: neither")
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


def _describe(kind: str, outputs: int, y: np.ndarray, given: str | None) -> str:
    what = {
        "classification": f"{outputs} classes",
        "labelling": f"{outputs} classes, one at each step",
        "multi_label": f"{outputs} labels",
        "regression": f"{outputs} number{'s' if outputs > 1 else ''} to predict",
        "forecast": f"{outputs} number{'s' if outputs > 1 else ''} to predict",
    }[kind]
    why = "as said with kind" if given else f"from y_train: {_type_name(y)}, shape {y.shape}"
    return f"{kind}, {what} ({why})"


def _type_name(y: np.ndarray) -> str:
    return {"f": "floats", "b": "booleans", "U": "strings", "S": "strings"}.get(y.dtype.kind, "integers")


def _numbers(y: np.ndarray, part: str) -> np.ndarray:
    if y.dtype.kind not in "fiub":
        raise InputError(f"y_{part} must hold numbers for this kind of task. Received: {_type_name(y)}")
    return y.astype("float32")


def _padded_steps(inputs: dict[str, np.ndarray], targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """(n, T) booleans for each part whose sequences differ in length: the steps beyond each one's end."""
    padded = {part: np.isnan(X).all(axis=2) for part, X in inputs.items()}
    return {
        part: steps for part, steps in padded.items() if steps.any() and targets[part].shape == steps.shape
    }


def _encode_classes(
    targets: dict[str, np.ndarray], class_names: Sequence[str] | None
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Class names and targets as 0 .. K−1. Every class needs a training example."""
    for part, y in targets.items():
        if y.dtype.kind == "f" and (y != np.round(y)).any():
            raise InputError(f"y_{part} must hold classes, integers or strings. Received: {y.dtype} numbers")
    seen = np.unique(targets["train"])
    for part, y in targets.items():
        strange = np.setdiff1d(y, seen)
        if len(strange):
            raise InputError(
                f"y_{part} holds classes that no training sequence has: {_list(strange)}. y_train has: {_list(seen)}"
            )
    if class_names is not None:
        return _encode_named(targets, tuple(str(name) for name in class_names), seen)
    if len(seen) < 2:
        raise InputError(f"y_train must hold at least 2 classes. Received only: {_list(seen)}")
    values = seen.astype("int64") if seen.dtype.kind == "f" else seen
    names = tuple(value.decode() if isinstance(value, bytes) else str(value) for value in values)
    return names, {part: np.searchsorted(seen, y).astype("int32") for part, y in targets.items()}


def _encode_named(
    targets: dict[str, np.ndarray], names: tuple[str, ...], seen: np.ndarray
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    if seen.dtype.kind in "US":
        index = {name: number for number, name in enumerate(names)}
        missing = [str(value) for value in seen if str(value) not in index]
        if missing:
            raise InputError(f"y_train holds classes that class_names lacks: {', '.join(missing)}")
        encoded = {
            part: np.vectorize(lambda v: index[str(v)])(y).astype("int32") for part, y in targets.items()
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
        raise InputError(f"class_names must name each of the {outputs} labels. Received: {len(names)} names")
    for part, y in encoded.items():
        if not np.isin(y, (0, 1)).all():
            raise InputError(f"y_{part} must hold zeros and ones for labels. Received: {_list(np.unique(y))}")
    empty = np.flatnonzero(~encoded["train"].any(axis=0))
    if len(empty):
        raise InputError(
            f"Every label needs a training example. Without one: columns {_list(empty)} of y_train"
        )


def _check_target_shapes(kind: str, targets: dict[str, np.ndarray], inputs: dict[str, np.ndarray]) -> None:
    width = targets["train"].shape[1:]
    for part, y in targets.items():
        wanted = {"classification": (), "labelling": (inputs[part].shape[1],)}.get(kind, width)
        if y.shape[1:] != wanted:
            raise InputError(f"y_{part} must have shape {(len(y), *wanted)} for {kind}. Received: {y.shape}")


def _list(values: np.ndarray) -> str:
    shown = ", ".join(str(value) for value in values[:8])
    return shown + (", ..." if len(values) > 8 else "")
