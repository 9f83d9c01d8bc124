"""Read the sequences that estimators are given, with the checks and errors of scikit-learn."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from tcn_search.errors import InputError
from tcn_search.formats.inputs import CHANNELS_STEPS, STEPS_CHANNELS, is_list_of_arrays, read_inputs
from tcn_search.text import counted

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

LAYOUTS = {"NTC": STEPS_CHANNELS, "NCT": CHANNELS_STEPS}


def read_sequences(estimator: BaseEstimator, X: Any, layout: str, reset: bool) -> np.ndarray:
    """Return sequences as (n, T, C), NaN beyond the end of the shorter ones.

    In `fit`, set the estimator's `n_features_in_`: the columns of a table (n, T), whose rows are
    sequences of one channel, or else the number of channels.

    Args:
        estimator: named in errors.
        X: (n, T); (n, T, C) or (n, C, T) by `layout`; or a list of sequences, each (T,), and (T, C)
            or (C, T) by `layout`.
        layout: a key of `LAYOUTS`.
        reset: whether this is `fit`; otherwise X must be like that of `fit`.

    Raises:
        ValueError, TypeError: X cannot be used; most of these errors are scikit-learn's.
    """
    least = 1 + reset  # one for training and one for validation
    channels_of_fit = None if reset else getattr(estimator, "n_features_in_", None)
    if _is_list_of_sequences(X) or (channels_of_fit == 1 and is_list_of_arrays(X)):
        arrays = [
            check_array(sequence, ensure_2d=False, allow_nd=True, input_name=f"X[{number}]")
            for number, sequence in enumerate(X)
        ]
        if layout == "NTC":
            _require_steps_first(arrays)
        sequences = read_inputs(arrays, None, "", LAYOUTS[layout])
        features: Any = sequences[:, 0]
        if len(sequences) < least:
            check_array(features, ensure_min_samples=least, ensure_all_finite=False)
    else:
        # Precision is kept: numbers far from zero are centred before they become float32.
        array = check_array(
            X, allow_nd=True, ensure_min_samples=least, estimator=estimator, input_name="X"
        )
        if array.ndim == 2:
            sequences = read_inputs(array[:, :, None], None, "", None)
            features = X
        else:
            sequences = read_inputs(array, None, "", LAYOUTS[layout])
            features = sequences[:, 0]
    validate_data(estimator, features, reset=reset, skip_check_array=True)
    return sequences


def last_steps(X: np.ndarray, most: int) -> np.ndarray:
    """Return sequences (n, T, C) with at most their last `most` steps; warn if there were more.

    Args:
        X: NaN beyond the end of each sequence.
        most: steps that a network can see.
    """
    if X.shape[1] <= most:
        return X
    lengths = np.sum(~np.isnan(X).all(axis=2), axis=1)
    kept = np.full((len(X), most, X.shape[2]), np.nan, dtype=X.dtype)
    for row, length in enumerate(lengths):
        end = X[row, max(0, length - most) : length]
        kept[row, : len(end)] = end
    longer = counted(int((lengths > most).sum()), "sequence")
    warnings.warn(
        f"X has {longer} of more steps than any in `fit`: only the last {most} steps are used.",
        stacklevel=3,
    )
    return kept


def warn_of_exchanged_axes(X: np.ndarray) -> None:
    """Warn where sequences (n, T, C) have fewer steps than channels."""
    _, steps, channels = X.shape
    if channels > steps:
        warnings.warn(
            f"X has {counted(steps, 'step')} of {channels} channels. If its axes are (sequences, "
            'channels, steps), as in aeon, set layout="NCT".',
            stacklevel=3,
        )


def _require_steps_first(arrays: list[np.ndarray]) -> None:
    """Raise an InputError if sequences seem to be (channels, steps)."""
    shapes = {array.shape for array in arrays}
    are_tables = all(len(shape) == 2 for shape in shapes)
    if are_tables and len({shape[0] for shape in shapes}) == 1 < len(shapes):
        raise InputError(
            "X must be a list of arrays (steps, channels). Received: arrays that differ in their "
            f"second axis, such as {arrays[0].shape}. If they are (channels, steps), as in aeon, "
            'set layout="NCT".'
        )


def _is_list_of_sequences(X: Any) -> bool:
    """Return whether X is a list of arrays, other than the rows of a table."""
    if not is_list_of_arrays(X):
        return False
    try:
        shapes = {np.shape(sequence) for sequence in X}
    except ValueError:  # a sequence whose steps differ in their channels, which is refused later
        return True
    return len(shapes) > 1 or len(shapes.pop()) > 1
