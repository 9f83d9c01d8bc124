"""Score a saved model on labelled data."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.evaluation.forecast_evaluation import evaluate_forecast
from tcn_search.evaluation.label_scores import (
    Scores,
    class_numbers,
    class_scores,
    label_scores,
    number_scores,
)
from tcn_search.formats.inputs import read_inputs
from tcn_search.formats.labels import read_labels
from tcn_search.tasks.labelled_data import (
    LabelledData,
    read_labelled_data,
    read_labelled_recordings,
)
from tcn_search.text import counted

if TYPE_CHECKING:
    import keras

_MOST_CLASSES_SHOWN = 12  # of a confusion matrix as text
_MOST_CONFUSIONS_SHOWN = 10
_EXAMPLES = {"labelling": "step", "forecast": "window"}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Scores of a model on labelled data.

    Attributes:
        kind: of the model's task.
        examples: number of sequences; of a labelling of steps, of steps; of a forecast, of windows.
        scores: each score over all examples.
        by_class: for classes and labels, precision, recall, F1 and number of examples of each.
        confusion: for classes, the number of examples by true class (rows) and predicted class.
        by_number: for several numbers, the scores of each.
        by_step, by_series: for forecasts, the errors by step of the horizon, and by series.
        notes: messages on how the data was read.
    """

    kind: str
    examples: int
    scores: dict[str, float]
    by_class: pd.DataFrame | None = None
    confusion: pd.DataFrame | None = None
    by_number: pd.DataFrame | None = None
    by_step: pd.DataFrame | None = None
    by_series: pd.DataFrame | None = None
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON: the tables as lists of rows, None for NaN."""
        values: dict[str, Any] = {
            "kind": self.kind,
            "examples": self.examples,
            "scores": {name: _finite(value) for name, value in self.scores.items()},
        }
        for name in ("by_class", "by_number", "by_step", "by_series"):
            table = getattr(self, name)
            if table is not None:
                values[name] = [
                    {column: _finite(value) for column, value in row.items()}
                    for row in table.to_dict("records")
                ]
        if self.confusion is not None:
            values["classes"] = list(self.confusion.columns)
            values["confusion"] = self.confusion.to_numpy().tolist()
        return values

    def __str__(self) -> str:
        noun = _EXAMPLES.get(self.kind, "sequence")
        width = max(map(len, self.scores))
        parts = [f"{self.kind}, {counted(self.examples, noun)}"]
        parts += [f"{name:<{width}}  {value:.4g}" for name, value in self.scores.items()]
        for table in (self.by_class, self.by_number, self.by_series):
            if table is not None:
                parts += ["", table.to_string(index=False, float_format=_short)]
        if self.confusion is not None:
            parts += ["", _confusion_text(self.confusion)]
        return "\n".join(parts)


def evaluate(
    model: keras.Model,
    data: Any,
    y: Any = None,
    *,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    axes: str | None = None,
) -> Evaluation:
    """Score a saved model on labelled data, overall and by class, number or step.

    No study knows of it: the data is not counted as a test evaluation.

    Args:
        model: from `load_model`, `Study.best_model` or `build_model`.
        data: an .npz with X and y (or X_test and y_test), a .csv, .tsv or .ts as for training, a
            folder of .wav; a table or a data frame of series for a forecast; or raw sequences
            (n, T, C), with `y`.
        y: what is true of the sequences: (n,) classes by name or number, or numbers; (n, K) numbers
            or labels; (n, T) classes of steps.
        target: target column of a table, where its name differs from that in training.
        time: time column of a table, where its name differs from that in training.
        axes: "channels_steps" if arrays are (n, C, T).

    Raises:
        InputError: the model was not built by tcn_search; the data has no targets, classes that the
            model does not know, or sequences that it does not take.
    """
    from tcn_search.models.predict import predict, task_kind_of

    kind = task_kind_of(model)
    if kind == "forecast":
        if y is not None or not isinstance(data, str | Path | pd.DataFrame):
            raise InputError(
                "A forecast is evaluated on a table of series, whose later rows are the truth: "
                f"a file or a data frame. Received: {received(type(data).__name__)}"
            )
        return Evaluation("forecast", **evaluate_forecast(model, data, time))
    if kind == "tokens":
        raise InputError(
            "A model of words is evaluated by `tcn-search best`, on the text of its task."
        )
    if y is None:
        labelled = _read(model, data, target, time, axes)
        where = f"{data}"
    else:
        X_read = read_inputs(data, None, "", axes)
        are_lists = kind == "labelling" and isinstance(y, list) and bool(y) and np.ndim(y[0]) > 0
        labelled = LabelledData(X_read, y if are_lists else read_labels(y, "y"))
        where = "y"
    if not len(labelled.X) or (isinstance(labelled.y, np.ndarray) and not labelled.y.ndim):
        raise InputError(f"{where} must hold at least one sequence, and a target for each.")
    if len(labelled.y) != len(labelled.X):
        raise InputError(
            f"{where} must have one target for each of the {len(labelled.X)} sequences. "
            f"Received: {len(labelled.y)}"
        )
    if kind != "labelling" and isinstance(labelled.y, list):
        raise InputError(
            f"{where} has a class for each step, and the model predicts one target for each "
            "sequence."
        )
    frame = predict(model, labelled.X)
    count = len(frame)
    _require_finite(frame)
    if kind in ("classification", "labelling"):
        columns = [name for name in frame if str(name).startswith("probability_")]
        names = [str(name).removeprefix("probability_") for name in columns]
        truth = labelled.y
        if kind == "labelling":
            truth = _classes_of_steps(labelled.y, frame, where)
        numbers = class_numbers(np.asarray(truth), names, where)
        scores = class_scores(numbers, frame[columns].to_numpy(), names)
    elif kind == "multi_label":
        columns = list(frame.columns[1:])
        names = [name.removeprefix("probability_") for name in columns]
        truth = _matrix(labelled.y, len(columns), where)
        if not np.isin(truth, (0, 1)).all():
            raise InputError(f"{where} must hold zeros and ones for labels.")
        scores = label_scores(truth.astype(int), frame[columns].to_numpy(), names)
    else:
        columns = list(frame.columns[1:])[: _outputs_of(model)]
        truth = _matrix(labelled.y, len(columns), where).astype("float64")
        scores = number_scores(truth, frame[columns].to_numpy("float64"), columns)
    return _evaluation(kind, count, scores, labelled.notes)


def _require_finite(frame: pd.DataFrame) -> None:
    """Raise an InputError if a model predicts NaN or infinity."""
    numbers = frame.select_dtypes("number").to_numpy()
    bad = ~np.isfinite(numbers).all(axis=1)
    if bad.any():
        raise InputError(
            "The model must predict finite numbers, which scores are made of. Received: NaN or "
            f"infinity for sequence {frame['sequence'][bad].iloc[0]}. Are its inputs in the units "
            "of training?"
        )


def _evaluation(kind: str, count: int, scores: Scores, notes: tuple[str, ...]) -> Evaluation:
    tables = scores.tables
    return Evaluation(
        kind=kind,
        examples=count,
        scores=scores.overall,
        by_class=tables.get("by_class"),
        confusion=tables.get("confusion"),
        by_number=tables.get("by_number"),
        notes=notes,
    )


def _read(
    model: keras.Model,
    data: Any,
    target: str | Sequence[str] | None,
    time: str | None,
    axes: str | None,
) -> LabelledData:
    """Read labelled data from a file or a folder."""
    from tcn_search.models.predict import recordings_of, standardize_layer, table_of

    if not isinstance(data, str | Path):
        raise InputError(
            "data must be the path of labelled data, or sequences (n, T, C) together with y. "
            f"Received: {received(type(data).__name__)} without y"
        )
    path = Path(data)
    if not os.path.exists(path):
        raise InputError(f"There is no file {path}.")
    if os.path.isdir(path) or path.suffix.lower() == ".wav":
        return read_labelled_recordings(
            path,
            recordings_of(model),
            steps=model.input_shape[1],
            ragged=standardize_layer(model).ragged,
        )
    return read_labelled_data(path, table_of(model), target, time, axes)


def _outputs_of(model: keras.Model) -> int:
    """Return the number of numbers that a model predicts, quantiles apart."""
    from tcn_search.models.predict import quantiles_of

    return int(model.output_shape[-1]) // max(1, len(quantiles_of(model)))


def _classes_of_steps(
    y: np.ndarray | list[np.ndarray], frame: pd.DataFrame, where: str
) -> np.ndarray:
    """Return the class of each predicted step, in the order of the table of predictions."""
    sequence = frame["sequence"].to_numpy()
    steps = frame["step"].to_numpy()
    if not np.ndim(y[0]):  # one class for all steps of a sequence
        return np.asarray(np.asarray(y)[sequence])
    lengths = np.array([len(row) for row in y])
    last = np.zeros(len(y), int)
    np.maximum.at(last, sequence, steps + 1)
    short = np.flatnonzero(lengths < last)
    if len(short):
        raise InputError(
            f"{where} must hold a class for each step. Received: {lengths[short[0]]} classes for "
            f"the {last[short[0]]} steps of sequence {short[0]}"
        )
    return np.array([y[row][step] for row, step in zip(sequence, steps, strict=True)])


def _matrix(y: np.ndarray | list[np.ndarray], width: int, where: str) -> np.ndarray:
    """Return targets as (n, width) numbers."""
    numbers = np.asarray(y)
    if numbers.ndim == 1:
        numbers = numbers[:, np.newaxis]
    if numbers.dtype.kind not in "biuf" or numbers.shape[1:] != (width,):
        what = f"shape {np.shape(y)}"
        if numbers.dtype.kind not in "biuf":
            what = "text"
        raise InputError(
            f"{where} must hold {counted(width, 'number')} for each sequence. Received: {what}"
        )
    if not np.isfinite(numbers).all():
        raise InputError(f"{where} must hold finite numbers. Received: NaN or infinity")
    return numbers


def _confusion_text(confusion: pd.DataFrame) -> str:
    """Return a confusion matrix as text; of many classes the most frequent confusions."""
    if len(confusion) <= _MOST_CLASSES_SHOWN:
        return f"true class by row, predicted class by column\n{confusion.to_string()}"
    counts = confusion.to_numpy().copy()
    np.fill_diagonal(counts, 0)
    lines = ["most frequent confusions, true class as predicted class"]
    for position in np.argsort(-counts, axis=None, kind="stable")[:_MOST_CONFUSIONS_SHOWN]:
        true, predicted = divmod(int(position), len(counts))
        if counts[true, predicted]:
            names = confusion.columns
            lines.append(f"{names[true]} as {names[predicted]}: {counts[true, predicted]}")
    return "\n".join(lines)


def _short(value: float) -> str:
    return f"{value:.4g}"


def _finite(value: Any) -> Any:
    """Return a value that JSON knows: None for NaN, and Python's numbers for NumPy's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
