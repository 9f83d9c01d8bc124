"""Errors of a saved forecast on rows that it was not made with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.evaluation.forecast_metrics import ForecastTotals
from tcn_search.evaluation.model_outputs import model_reader, predicted_numbers
from tcn_search.tasks.labelled_windows import LabelledWindows, labelled_windows
from tcn_search.tasks.task_spec import sequences_at_once

if TYPE_CHECKING:
    import keras


def evaluate_forecast(
    model: keras.Model, data: str | Path | pd.DataFrame, time: str | None = None
) -> dict[str, Any]:
    """Forecast from every window of a table whose horizon lies in the table; return the errors.

    The errors are those of `evaluation.forecast_metrics`, but for MASE, whose scale needs the rows
    of training.

    Args:
        model: of a forecast of a table.
        data: table or data frame with the columns that were trained on.
        time: the time column, where its name differs from that in training.

    Returns:
        The fields of an `Evaluation`.

    Raises:
        InputError: the rows cannot be used, or are too few.
    """
    from tcn_search.models.predict import predictions_layer, table_of

    layout = table_of(model)
    last = predictions_layer(model)
    if layout is None or last is None:
        raise InputError("The model does not hold how the table of its series was read.")
    reader = model_reader(model)
    targets = layout.targets or layout.inputs
    horizon = model.output_shape[-1] // max(1, len(reader.trained)) // len(targets)
    windows = labelled_windows(data, layout, model.input_shape[1], horizon, time)
    totals = ForecastTotals(
        horizon,
        scale=_deviations(windows, last.std),
        seasonal_error=np.full(windows.scale.shape, np.nan),
    )
    for series, X, truth in windows.batches(sequences_at_once(model.output_shape[-1])):
        outputs = predicted_numbers(model, X, reader)
        totals.add(
            truth,
            windows.in_units(series, outputs.forecast),
            np.full(len(X), series),
            {
                level: windows.in_units(series, values)
                for level, values in outputs.quantiles.items()
            },
        )
    overall = {name: float(value[0]) for name, value in totals.metrics().items()}
    del overall["mase"]
    return {
        "examples": windows.count,
        "scores": overall,
        "by_step": _frame(totals, "step", list(range(1, horizon + 1))),
        "by_series": _frame(totals, "id", windows.names),
        "notes": tuple(windows.rows.notes),
    }


def _deviations(windows: LabelledWindows, std: list[float]) -> np.ndarray:
    """Return the deviation (series, targets) of each series in the training split, in its units."""
    count = len(windows.targets)
    if not std:
        return windows.scale
    return np.asarray(windows.scale * np.asarray(std[:count]))


def _frame(totals: ForecastTotals, by: str, keys: list[Any]) -> pd.DataFrame:
    frame = pd.DataFrame(totals.metrics(by)).drop(columns="mase")
    frame.insert(0, by, keys)
    return frame
