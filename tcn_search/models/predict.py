"""Predictions of a saved model as a table, in the task's own terms."""

from __future__ import annotations

import math
import re

import keras
import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.centring import LARGEST, first_beyond_float32, subtract_offsets
from tcn_search.formats.inputs import pad_steps
from tcn_search.formats.table_layout import TableLayout
from tcn_search.models.standardize import Predictions
from tcn_search.tasks.task_spec import RecordingFormat, sequences_at_once

_NOT_OURS = "Only a model that tcn_search built can be used: it has class names and scaling inside."
_STEPS_AHEAD = re.compile(r"(.*)\+[1-9][0-9]*", re.DOTALL)  # what a forecast calls its outputs


def predict(model: keras.Model, X: np.ndarray) -> pd.DataFrame:
    """One row a sequence (and, for labelling, a step), with class names and scaling undone.

    Args:
        model: one that `build_model` made.
        X: (n, T, C) raw sequences, NaN at and beyond a row's own length. In double precision where the model
            has an offset that is subtracted from them.

    Returns:
        columns sequence, (step,) prediction and a probability for each class, or of tokens that of the
        predicted one; the labels' probabilities; or one column a predicted number.

    Raises:
        InputError: shapes that do not fit, or NaN that the model was not made for.
    """
    last = model.layers[-1]
    if not isinstance(last, Predictions):
        raise InputError(_NOT_OURS)
    if forecast_columns(model):  # a forecast follows the end of a series
        X = X[:, -model.input_shape[1] :]
    X = _centred(model, _fit_to(model, X))
    outputs = model.predict(
        X, batch_size=sequences_at_once(math.prod(model.output_shape[1:])), verbose=0
    )
    kind = last.get_config()["activation"]
    if kind == "linear":
        numbered = [f"prediction_{number}" for number in range(outputs.shape[1])]
        names = last.class_names or (numbered if len(numbered) > 1 else ["prediction"])
        if last.offset:
            outputs = outputs.astype("float64") + last.offset
        return _rows(outputs, names)
    names = last.class_names or [str(number) for number in range(outputs.shape[-1])]
    if _is_of_tokens(model):
        return _next_tokens(outputs, X.shape[1], names)
    columns = [f"probability_{name}" for name in names]
    if kind == "sigmoid":
        return _rows(outputs, columns)
    frame = _every_step(outputs, X, columns) if outputs.ndim == 3 else _rows(outputs, columns)
    best = frame[columns].to_numpy().argmax(axis=1)
    frame.insert(
        frame.columns.get_loc(columns[0]), "prediction", [names[number] for number in best]
    )  # type: ignore[arg-type]
    return frame


def _fit_to(model: keras.Model, X: np.ndarray) -> np.ndarray:
    """Shorter sequences are padded for a model that knows padding; everything else must fit."""
    _, steps, channels = model.input_shape
    ragged = model.get_layer("standardize").ragged
    if X.shape[2] != channels:
        hint = ""
        if X.shape[1] == channels:
            hint = (
                ". Are the axes (sequences, channels, steps)? Then turn them: --axes channels_steps, or "
                "X.transpose(0, 2, 1)"
            )
        raise InputError(
            f"The model takes {channels} channels. Received: {X.shape[2]} (shape {X.shape}){hint}"
        )
    if X.shape[1] > steps or (X.shape[1] < steps and not ragged):
        raise InputError(
            f"The model takes sequences of {'up to ' if ragged else ''}{steps} steps. Received: {X.shape[1]}"
        )
    if not ragged and np.isnan(X).any():
        raise InputError(
            "The model was trained on sequences of equal length. Received: NaN or shorter sequences"
        )
    words = model.output_shape[-1]
    if _is_of_tokens(model) and not ((X >= 0) & (words > X)).all():
        raise InputError(
            f"The model takes numbers of its {words:,} words, from 0. Received: {X.min():g} to {X.max():g}"
        )
    return pad_steps(X, steps)


def _centred(model: keras.Model, X: np.ndarray) -> np.ndarray:
    """Raw sequences minus the model's offset, in float32."""
    beyond = first_beyond_float32(X)
    if beyond is not None:
        raise InputError(
            f"X must lie within the range of float32, {LARGEST:.2g} either way. Received: {X[beyond]:g} in sequence "
            f"{beyond[0]}"
        )
    offset = model.get_layer("standardize").offset
    if offset and X.dtype in ("float16", "float32"):
        raise InputError(
            f"X must be in double precision, float64: the model is for values around {max(offset, key=abs):.15g}, "
            f"which {X.dtype} rounds. Received: {X.dtype}"
        )
    return subtract_offsets(X, offset)


def forecast_columns(model: keras.Model) -> list[str]:
    """The columns whose next steps a model predicts, each once; none if it is no forecast."""
    last = model.layers[-1]
    if not isinstance(last, Predictions) or last.get_config()["activation"] != "linear":
        return []
    found = [_STEPS_AHEAD.fullmatch(name) for name in last.class_names or []]
    return list(dict.fromkeys(one[1] for one in found if one)) if all(found) else []


def table_of(model: keras.Model) -> TableLayout | None:
    """Return the table that a model was trained on, as far as that is known; None for other data.

    A forecast that was saved by an earlier version knows what it predicts, and so what it reads if it reads
    nothing else.
    """
    if not isinstance(model.layers[-1], Predictions):
        return None
    kept = model.get_layer("standardize").table
    if kept is not None:
        return TableLayout.from_dict(kept)
    predicted = tuple(forecast_columns(model))
    inputs = predicted if len(predicted) == model.input_shape[-1] else ()
    return TableLayout("forecast", inputs, predicted) if predicted else None


def vocabulary_of(model: keras.Model) -> list[str]:
    """The words that a model knows, in the order of their numbers.

    Raises:
        InputError: it is not a model of words.
    """
    if not isinstance(model.layers[-1], Predictions) or not _is_of_tokens(model):
        raise InputError("A text can only be given to a model of words, such as one of word_ptb.")
    return model.layers[-1].class_names


def recordings_of(model: keras.Model) -> RecordingFormat:
    """How the recordings that a model was trained on were read.

    Raises:
        InputError: it was not trained on recordings, or does not say how they were read.
    """
    if not isinstance(model.layers[-1], Predictions):
        raise InputError(_NOT_OURS)
    kept = model.get_layer("standardize").recordings
    if kept is None:
        raise InputError(
            "Recordings can only be given to a model that was trained on WAV files and keeps how they "
            "were read. This one was trained on other data, or saved by an earlier version of "
            "tcn-search; then train it again: tcn-search best STUDY --out NEW.keras"
        )
    return RecordingFormat(**kept)


def _is_of_tokens(model: keras.Model) -> bool:
    """Only they answer at the last steps alone."""
    return len(model.output_shape) == 3 and model.output_shape[1] != model.input_shape[1]


def _next_tokens(outputs: np.ndarray, steps: int, names: list[str]) -> pd.DataFrame:
    """(n, S, V) as one row for each of the last S of `steps` steps, with the likeliest token only."""
    best = outputs.argmax(axis=2)
    sequence, step = np.indices(best.shape)
    return pd.DataFrame(
        {
            "sequence": sequence.ravel(),
            "step": step.ravel() + steps - best.shape[1],
            "prediction": [names[number] for number in best.ravel()],
            "probability": outputs.max(axis=2).ravel(),
        }
    )


def _rows(outputs: np.ndarray, columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(outputs, columns=columns)
    frame.insert(0, "sequence", range(len(frame)))
    return frame


def _every_step(outputs: np.ndarray, X: np.ndarray, columns: list[str]) -> pd.DataFrame:
    """(n, T, K) as one row a step; padded steps are left out."""
    sequence, step = np.nonzero(~np.isnan(X).all(axis=2))
    frame = pd.DataFrame(outputs[sequence, step], columns=columns)
    frame.insert(0, "step", step)
    frame.insert(0, "sequence", sequence)
    return frame
