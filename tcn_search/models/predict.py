"""Predictions of a saved model as a table, in the task's own units."""

from __future__ import annotations

import math
import re

import keras
import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.centring import LARGEST, first_beyond_float32, subtract_offsets
from tcn_search.formats.fronts import samples_to_steps
from tcn_search.formats.inputs import pad_steps
from tcn_search.formats.table_layout import TableLayout
from tcn_search.models.ensemble import members_of
from tcn_search.models.standardize import Predictions, Standardize
from tcn_search.tasks.task_spec import RecordingFormat, sequences_at_once

_NOT_OURS = "Only a model that tcn_search built can be used: it has class names and scaling inside."
_STEPS_AHEAD = re.compile(r"(.*)\+[1-9][0-9]*", re.DOTALL)  # the names of a forecast's outputs


def predict(model: keras.Model, X: np.ndarray) -> pd.DataFrame:
    """Return a table with one row for each sequence, and for labelling one for each step.

    Classes have their names, and numbers are in the targets' own units.

    Args:
        model: a model that `build_model` built, or an ensemble of such models.
        X: (n, T, C) raw sequences, NaN at and beyond a row's own length. They must be in double
            precision where the model has an offset, which is subtracted from them. A model of
            recordings also takes their samples, (n, samples, 1), from which the front that it
            stores makes steps, unless that front is "average", whose steps have one channel too.

    Returns:
        The columns sequence, step (for labelling), prediction, and a probability for each class,
        for tokens only that of the predicted token; or the probabilities of labels; or one column
        for each predicted number, and after them one for each further quantile of it.

    Raises:
        InputError: the model was not built by tcn_search, the shape does not fit the model, or X
            has NaN that the model does not accept.
    """
    last = predictions_layer(model)
    if last is None:
        raise InputError(_NOT_OURS)
    X = network_inputs(model, X)
    outputs = model.predict(
        X, batch_size=sequences_at_once(math.prod(model.output_shape[1:])), verbose=0
    )
    activation = last.get_config()["activation"]
    if activation == "linear":
        each = max(1, len(last.quantiles))
        if last.offset:
            outputs = outputs.astype("float64") + np.repeat(last.offset, each)
        names = last.class_names or _number_names(outputs.shape[1] // each)
        return _table_of_numbers(outputs, names, last.quantiles)
    names = last.class_names or [str(number) for number in range(outputs.shape[-1])]
    if _predicts_tokens(model):
        return _table_of_tokens(outputs, X.shape[1], names)
    columns = [f"probability_{name}" for name in names]
    if activation == "sigmoid":
        return _table_of_sequences(outputs, columns)
    frame = _table_of_probabilities(outputs, X, columns)
    best = frame[columns].to_numpy().argmax(axis=1)
    position = list(frame.columns).index(columns[0])
    frame.insert(position, "prediction", [names[number] for number in best])
    return frame


def network_inputs(model: keras.Model, X: np.ndarray) -> np.ndarray:
    """Return raw sequences (n, T, C) as the network itself takes them, in float32.

    Raises:
        InputError: as `predict`.
    """
    if forecast_columns(model):  # a forecast follows the end of a series
        X = X[:, -model.input_shape[1] :]
    recordings = standardize_layer(model).recordings
    if recordings is not None and X.shape[2] == 1 and model.input_shape[2] > 1:
        X = samples_to_steps(X, **recordings)
    return _subtract_offset(model, _fit_to_model(model, X))


def standardize_layer(model: keras.Model) -> Standardize:
    """Return the first layer of a model, or of the first member of an ensemble.

    It knows how data for the model is read. Members of an ensemble read it alike.
    """
    layer = members_of(model)[0].get_layer("standardize")
    assert isinstance(layer, Standardize)
    return layer


def predictions_layer(model: keras.Model) -> Predictions | None:
    """Return the last layer of a model or of an ensemble's members; None if it is not ours."""
    last = members_of(model)[0].layers[-1]
    if isinstance(last, Predictions):
        return last
    return None


def task_kind_of(model: keras.Model) -> str:
    """Return the kind of a model's task, or "tokens" for a model of words.

    Raises:
        InputError: the model was not built by tcn_search.
    """
    last = predictions_layer(model)
    if last is None:
        raise InputError(_NOT_OURS)
    activation = last.get_config()["activation"]
    if activation == "sigmoid":
        return "multi_label"
    if activation == "linear":
        return "forecast" if forecast_columns(model) else "regression"
    if _predicts_tokens(model):
        return "tokens"
    return "labelling" if len(model.output_shape) == 3 else "classification"


def _number_names(count: int) -> list[str]:
    if count == 1:
        return ["prediction"]
    return [f"prediction_{number}" for number in range(count)]


def _fit_to_model(model: keras.Model, X: np.ndarray) -> np.ndarray:
    """Pad shorter sequences for a model that accepts padding; raise an error for other misfits."""
    _, steps, channels = model.input_shape
    ragged = standardize_layer(model).ragged
    if X.shape[2] != channels:
        hint = ""
        if X.shape[1] == channels:
            hint = (
                ". Are the axes (sequences, channels, steps)? Then turn them: "
                "--axes channels_steps, or X.transpose(0, 2, 1)"
            )
        raise InputError(
            f"The model takes {channels} channels. Received: {X.shape[2]} (shape {X.shape}){hint}"
        )
    if X.shape[1] > steps or (X.shape[1] < steps and not ragged):
        allowed = f"{steps} steps"
        if ragged:
            allowed = f"up to {allowed}"
        raise InputError(f"The model takes sequences of {allowed}. Received: {X.shape[1]}")
    if not ragged and np.isnan(X).any():
        raise InputError(
            "The model was trained on sequences of equal length. Received: NaN or shorter sequences"
        )
    words = model.output_shape[-1]
    if _predicts_tokens(model) and not ((X >= 0) & (words > X)).all():
        raise InputError(
            f"The model takes numbers of its {words:,} words, from 0. "
            f"Received: {X.min():g} to {X.max():g}"
        )
    return pad_steps(X, steps)


def _subtract_offset(model: keras.Model, X: np.ndarray) -> np.ndarray:
    """Return raw sequences minus the model's offset, in float32."""
    beyond = first_beyond_float32(X)
    if beyond is not None:
        raise InputError(
            f"X must lie within the range of float32, ±{LARGEST:.2g}. "
            f"Received: {X[beyond]:g} in sequence {beyond[0]}"
        )
    offset = standardize_layer(model).offset
    if offset and X.dtype in ("float16", "float32"):
        raise InputError(
            "X must be in double precision, float64: the model is for values around "
            f"{max(offset, key=abs):.15g}, which {X.dtype} rounds. Received: {X.dtype}"
        )
    return subtract_offsets(X, offset)


def forecast_columns(model: keras.Model) -> list[str]:
    """Return the columns whose next steps a model predicts, each once; [] if it is no forecast."""
    last = predictions_layer(model)
    if last is None or last.get_config()["activation"] != "linear":
        return []
    columns = []
    for name in last.class_names or []:
        match = _STEPS_AHEAD.fullmatch(name)
        if match is None:
            return []
        columns.append(match[1])
    return list(dict.fromkeys(columns))


def table_of(model: keras.Model) -> TableLayout | None:
    """Return the layout of the table that a model was trained on; None for other data.

    A forecast that was saved by an earlier version knows only the columns that it predicts. They
    are its inputs, too, if it has as many.
    """
    if predictions_layer(model) is None:
        return None
    layout = standardize_layer(model).table
    if layout is not None:
        return TableLayout.from_dict(layout)
    predicted = tuple(forecast_columns(model))
    if not predicted:
        return None
    inputs: tuple[str, ...] = ()
    if len(predicted) == model.input_shape[-1]:
        inputs = predicted
    return TableLayout("forecast", inputs, predicted)


def vocabulary_of(model: keras.Model) -> list[str]:
    """Return the words that a model knows, in the order of their numbers.

    Raises:
        InputError: it is not a model of words.
    """
    last = predictions_layer(model)
    if last is None or not _predicts_tokens(model):
        raise InputError("A text can only be given to a model of words, such as one of word_ptb.")
    return last.class_names


def recordings_of(model: keras.Model) -> RecordingFormat:
    """Return the format in which the recordings that a model was trained on were read.

    Raises:
        InputError: the model was not trained on recordings, or does not hold their format.
    """
    if predictions_layer(model) is None:
        raise InputError(_NOT_OURS)
    recordings = standardize_layer(model).recordings
    if recordings is None:
        raise InputError(
            "Recordings can only be given to a model that was trained on WAV files and keeps how "
            "they were read. This one was trained on other data, or saved by an earlier version of "
            "tcn-search; then train it again: tcn-search best STUDY --out NEW.keras"
        )
    return RecordingFormat(**recordings)


def _predicts_tokens(model: keras.Model) -> bool:
    """Return whether a model predicts tokens: no other model predicts only at the last steps."""
    predicts_steps = len(model.output_shape) == 3
    return predicts_steps and model.output_shape[1] != model.input_shape[1]


def _table_of_tokens(outputs: np.ndarray, steps: int, names: list[str]) -> pd.DataFrame:
    """Return one row for each of the last S of `steps` steps, with the likeliest of V tokens.

    The outputs are (n, S, V).
    """
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


def _table_of_sequences(outputs: np.ndarray, columns: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(outputs, columns=columns)
    frame.insert(0, "sequence", range(len(frame)))
    return frame


def _table_of_numbers(
    outputs: np.ndarray, names: list[str], quantiles: list[float]
) -> pd.DataFrame:
    """Return a column for each number, and with quantiles (n, numbers · Q) one for each of them.

    The medians come first, as the predictions. The other quantiles follow by number, as columns
    such as "load+1 q0.9".
    """
    if not quantiles:
        return _table_of_sequences(outputs, names)
    middle = len(quantiles) // 2
    each = len(quantiles)
    columns = {name: outputs[:, i * each + middle] for i, name in enumerate(names)}
    for i, name in enumerate(names):
        for j, share in enumerate(quantiles):
            if j != middle:
                columns[quantile_column(name, share)] = outputs[:, i * each + j]
    frame = pd.DataFrame(columns)
    frame.insert(0, "sequence", range(len(frame)))
    return frame


def quantile_column(name: str, share: float) -> str:
    """Return the name of the column with a quantile of a predicted number.

    >>> quantile_column("load+1", 0.9)
    'load+1 q0.9'
    """
    return f"{name} q{share:g}"


def quantiles_of(model: keras.Model) -> list[float]:
    """Return the quantiles that a model predicts for each number; [] for single numbers."""
    last = predictions_layer(model)
    if last is None:
        return []
    return list(last.quantiles)


def _table_of_probabilities(outputs: np.ndarray, X: np.ndarray, columns: list[str]) -> pd.DataFrame:
    if outputs.ndim == 3:
        return _table_of_steps(outputs, X, columns)
    return _table_of_sequences(outputs, columns)


def _table_of_steps(outputs: np.ndarray, X: np.ndarray, columns: list[str]) -> pd.DataFrame:
    """Return one row for each step of outputs (n, T, K), without padded steps."""
    sequence, step = np.nonzero(~np.isnan(X).all(axis=2))
    frame = pd.DataFrame(outputs[sequence, step], columns=columns)
    frame.insert(0, "step", step)
    frame.insert(0, "sequence", sequence)
    return frame
