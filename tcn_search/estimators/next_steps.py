"""Forecast the steps after the last row of a table with a saved model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tcn_search.arguments import positive_integer, received
from tcn_search.errors import InputError
from tcn_search.evaluation.model_outputs import model_reader, predicted_numbers, require_levels
from tcn_search.tasks.last_windows import LastWindows, last_windows

if TYPE_CHECKING:
    import keras


def predict_next(
    model: keras.Model,
    data: str | Path | pd.DataFrame,
    horizon: int | None = None,
    future: str | Path | pd.DataFrame | None = None,
    quantiles: Sequence[float] | None = None,
    time: str | None = None,
) -> pd.DataFrame:
    """Forecast the steps after the last row of each series.

    Quantiles are those that the model was trained for. A model that predicts one number adds the
    quantiles of its errors on the validation split (see `evaluation.intervals`).

    Args:
        model: of a forecast, from `best` or `load_model`.
        data: a .csv, .tsv or .parquet file, or a data frame, with the columns that were trained on
            and at least the last steps of each series, as many as the model looks back.
        horizon: the first steps to return; default: all that the model predicts.
        future: rows after the last ones, with the columns that are known in advance.
        quantiles: levels such as (0.1, 0.5, 0.9), which are the default; () for none.
        time: the time column, where its name differs from that in training.

    Returns:
        One row for each series and step: id, time, step (from 1), forecast, and one column for each
        quantile, named by its level. `attrs["notes"]` are messages on how the rows were read.

    Raises:
        InputError: the model is of no forecast of a table, or an argument cannot be used.
    """
    import keras

    from tcn_search.models.predict import table_of

    if not isinstance(model, keras.Model):
        raise InputError(
            "model must be a Keras model, as `Study.best_model` and `ts.load_model` return it. "
            f"Received: {received(model)}"
        )
    if quantiles is not None:
        require_levels(quantiles)
    layout = table_of(model)
    if layout is None or layout.form != "forecast":
        raise InputError(
            "A forecast needs a model of a forecast, whose data was a table with a time column. "
            "Other models predict with `tcn-search predict`"
        )
    reader = model_reader(model, quantiles)
    targets = layout.targets or layout.inputs
    most = model.output_shape[-1] // max(1, len(reader.trained)) // len(targets)
    steps = most if horizon is None else positive_integer("horizon", horizon)
    if steps > most:
        raise InputError(
            f"horizon must be at most {most}, the steps that the model was trained to predict. "
            f"Received: {steps}. Train one for more steps: horizon = {steps} in [task]"
        )
    windows = last_windows(data, layout, model.input_shape[1], most, future=future, time=time)
    outputs = predicted_numbers(model, windows.X, reader)
    arrays = {"forecast": outputs.forecast}
    arrays |= {f"{level:g}": values for level, values in outputs.quantiles.items()}
    notes = list(windows.notes)
    if not outputs.quantiles and quantiles is None:
        notes.append(
            "no quantiles: the model was not trained for them, and its errors on a validation "
            "split are not known"
        )
    frame = _table(windows, {name: windows.in_units(a) for name, a in arrays.items()}, steps)
    frame.attrs["notes"] = notes
    return frame


def _table(windows: LastWindows, arrays: dict[str, np.ndarray], steps: int) -> pd.DataFrame:
    """Return one row for each series, target and step of arrays (series, horizon, targets)."""
    frames = []
    for number, series in enumerate(windows.ids):
        for position, target in enumerate(windows.targets):
            names = [series, target] if len(windows.targets) > 1 else [series or target]
            columns = {
                "id": " ".join(filter(None, names)),
                "time": windows.times[number][:steps],
                "step": range(1, steps + 1),
            }
            values = {name: array[number, :steps, position] for name, array in arrays.items()}
            frames.append(pd.DataFrame({**columns, **values}))
    return pd.concat(frames, ignore_index=True)
