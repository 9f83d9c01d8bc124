"""Draw the figures of a forecast's winner: forecasts, errors by step of the horizon, residuals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from tcn_search.evaluation.winner import TEST_FORECASTS
from tcn_search.plots.forecasts import plot_error_by_step, plot_forecasts, plot_residuals
from tcn_search.study.forecast_errors import forecast_errors
from tcn_search.study.results import StudyResults

_MOST_SERIES = 4  # in a figure
_MOST_WINDOWS = 6  # of a series


def forecast_figures(study: StudyResults) -> dict[str, Figure]:
    """Return the figures by file name; none where the study has no errors of a forecast.

    Forecasts and residuals are left out where the table that `best` wrote is gone.
    """
    errors = forecast_errors(study, "step")
    winner = study.winner
    if errors is None or winner is None:
        return {}
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    plot_error_by_step(errors, "mse", ax=figure.add_subplot())
    figures = {"error_by_step": figure}
    file = Path(winner.model_file).parent / TEST_FORECASTS
    if not file.is_file():
        return figures
    table = pd.read_csv(file, dtype={"id": str})
    for name in ("origin", "time"):
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = pd.to_datetime(table[name], utc=True)
    series = list(dict.fromkeys(table["id"]))[:_MOST_SERIES]
    height = 3.2 * len(series)
    figures["forecasts"] = Figure(figsize=(10, height), layout="constrained")
    figures["residuals"] = Figure(figsize=(10, height), layout="constrained")
    axes = {
        name: figures[name].subplots(len(series), squeeze=False)[:, 0]
        for name in ("forecasts", "residuals")
    }
    for number, name in enumerate(series):
        plot_forecasts(table, name, _MOST_WINDOWS, ax=axes["forecasts"][number])
        plot_residuals(table, name, ax=axes["residuals"][number])
    return figures
