"""Check the arrays of a user, and convert them to the form in which tasks keep them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.formats.centring import (
    describe_centring,
    describe_losses,
    offsets_of,
    subtract_offsets,
)
from tcn_search.formats.inputs import check_axes, is_list_of_arrays, pad_steps, read_inputs
from tcn_search.formats.labels import read_class_names
from tcn_search.tasks.kinds import KINDS
from tcn_search.tasks.target_kinds import (
    are_one_hot,
    are_one_hot_classes,
    classes_of_one_hot,
    describe_kind,
    infer_kind,
    other_interpretation,
)
from tcn_search.tasks.targets import (
    Arrays,
    check_target_shapes,
    encode_classes,
    encode_labels,
    encode_numbers,
    encode_step_classes,
    output_count,
    read_targets,
)


class CheckedArrays(NamedTuple):
    """Arrays of a task after their checks.

    Attributes:
        kind: kind of task.
        outputs: classes, labels or numbers to predict.
        class_names: names of the classes; of the labels or numbers where names were given.
        inferred: the interpretation of the arrays in words, with other possible ones.
        arrays: X (n, T, C) float32 with NaN beyond each row's length, and encoded y, by split. Both
            are kept minus their offsets.
        input_offset, target_offset: empty where float32 holds the numbers as they are.
    """

    kind: str
    outputs: int
    class_names: tuple[str, ...]
    inferred: str
    arrays: dict[str, tuple[np.ndarray, np.ndarray]]
    input_offset: tuple[float, ...] = ()
    target_offset: tuple[float, ...] = ()


def check_arrays(
    given: Mapping[str, tuple[Any, Any, Any]],
    class_names: Sequence[str] | None,
    kind: str | None,
    axes: str | None = None,
    centre: bool = True,
) -> CheckedArrays:
    """Check the arrays of each split against each other and encode the targets.

    Args:
        given: X, y and lengths of the splits "train", "validation" and "test", None where missing.
        class_names, kind, axes: as in `Task.from_arrays`.
        centre: whether an offset may be subtracted from numbers that float32 cannot hold.

    Raises:
        InputError: names the array, the rule and the value received.
    """
    if kind is not None:
        one_of("kind", kind, tuple(KINDS))
    names = read_class_names(class_names)
    inputs, targets, have_lengths = _read_splits(given, axes)
    if "train" not in inputs:
        raise InputError("X_train and y_train are needed. Received: neither")
    steps = inputs["train"].shape[1]
    given_targets = targets["train"]
    notes = [check_axes(inputs["train"], "X_train", axes)]
    one_hot = False
    if kind is None:
        one_hot = are_one_hot_classes(targets, steps)
        task_kind = "classification" if one_hot else infer_kind(given_targets, steps)
        if not one_hot:
            notes.append(other_interpretation(targets, task_kind))
    else:
        task_kind = kind
        one_hot = kind == "classification" and are_one_hot(targets)
    if one_hot:
        targets = classes_of_one_hot(targets)
    if have_lengths:
        inputs, targets = _pad_to_longest(inputs, targets, task_kind)
    _require_equal_shapes(inputs)
    target_offset: tuple[float, ...] = ()
    if task_kind == "labelling":
        names, encoded = encode_step_classes(targets, inputs, names)
        outputs = len(names)
    elif task_kind == "classification":
        names, encoded = encode_classes(targets, names)
        outputs = len(names)
    else:
        names = names or ()
        outputs = output_count(targets)
        if task_kind == "multi_label":
            encoded = encode_labels(targets, names)
        else:
            encoded, target_offset, target_notes = encode_numbers(targets, names, centre)
            notes += target_notes
    check_target_shapes(task_kind, encoded, inputs)
    input_offset = offsets_of(inputs["train"]) if centre else ()
    notes += describe_centring("X_train", inputs["train"], input_offset)
    for split, X in inputs.items():
        if split != "train":
            notes += describe_losses(f"X_{split}", X, input_offset)
    description = describe_kind(task_kind, outputs, given_targets, kind is not None, one_hot)
    return CheckedArrays(
        kind=task_kind,
        outputs=outputs,
        class_names=names,
        inferred="; ".join([description, *filter(None, notes)]),
        arrays={
            split: (subtract_offsets(X, input_offset), encoded[split])
            for split, X in inputs.items()
        },
        input_offset=input_offset,
        target_offset=target_offset,
    )


def _read_splits(
    given: Mapping[str, tuple[Any, Any, Any]], axes: str | None
) -> tuple[Arrays, Arrays, bool]:
    """Read inputs and targets of each split that is given.

    Returns:
        inputs, targets, and whether sequences of any split may end before the last step: lengths
        are given, arrays come in a list, or the last step of a sequence is missing.
    """
    inputs = {}
    targets = {}
    have_lengths = False
    for split, (X, y, lengths) in given.items():
        if X is None and y is None:
            if lengths is not None:
                raise InputError(
                    f"lengths_{split} is given, but X_{split} and y_{split} are missing."
                )
            continue
        if X is None:
            raise InputError(f"X_{split} is missing, although y_{split} is given.")
        if y is None:
            raise InputError(f"y_{split} is missing, although X_{split} is given.")
        inputs[split] = read_inputs(X, lengths, f"_{split}", axes)
        last_steps_are_missing = np.isnan(inputs[split][:, -1]).all(axis=1)
        if lengths is not None or is_list_of_arrays(X) or last_steps_are_missing.any():
            have_lengths = True
        targets[split] = read_targets(y, inputs[split], split)
    return inputs, targets, have_lengths


def _pad_to_longest(inputs: Arrays, targets: Arrays, kind: str) -> tuple[Arrays, Arrays]:
    """Pad the inputs of all splits, and the targets of their steps, to the longest split."""
    steps = max(X.shape[1] for X in inputs.values())
    padded = {split: pad_steps(X, steps) for split, X in inputs.items()}
    if kind != "labelling":
        return padded, targets
    padded_targets = {}
    for split, y in targets.items():
        padded_targets[split] = y
        if y.ndim == 2 and y.shape[1] == inputs[split].shape[1]:
            padded_targets[split] = np.pad(y, ((0, 0), (0, steps - y.shape[1])), mode="edge")
    return padded, padded_targets


def _require_equal_shapes(inputs: Arrays) -> None:
    """Raise an InputError if a split has other steps or channels than the training split."""
    expected = inputs["train"].shape[1:]
    for split, X in inputs.items():
        if X.shape[1:] != expected:
            raise InputError(
                f"X_{split} must have the steps and channels of X_train, {expected}. Received: "
                f"{X.shape[1:]}. Pad the shorter one at the end and give lengths."
            )
