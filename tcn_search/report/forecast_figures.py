"""Draw the figures of a forecast's winner: forecasts, errors by step of the horizon, residuals."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tcn_search.evaluation.winner import TEST_FORECASTS
from tcn_search.plots.forecasts import plot_error_by_step, plot_forecasts, plot_residuals
from tcn_search.plots.style import axes_without_window, figure_of
from tcn_search.report.study_figure import StudyFigure
from tcn_search.study.forecast_errors import forecast_errors
from tcn_search.study.results import StudyResults

_MOST_SERIES = 4  # in a figure
_MOST_WINDOWS = 6  # of a series


def _error_by_step(study: StudyResults, width: float) -> Figure | None:
    errors = forecast_errors(study, "step")
    if errors is None:
        return None
    return figure_of(plot_error_by_step(errors, "mse", ax=axes_without_window(width)))


def _forecasts(study: StudyResults, width: float) -> Figure | None:
    table = _test_forecasts(study)
    if table is None:
        return None
    figure, axes = _axes_of_series(table, width)
    for name, ax in axes.items():
        of_series = table[table["id"] == name]
        last = sorted(of_series["origin"].unique())[-_MOST_WINDOWS:]
        plot_forecasts(of_series[of_series["origin"].isin(last)], ax=ax)
    return figure


def _residuals(study: StudyResults, width: float) -> Figure | None:
    table = _test_forecasts(study)
    if table is None:
        return None
    figure, axes = _axes_of_series(table, width)
    for name, ax in axes.items():
        plot_residuals(table, name, ax=ax)
    return figure


def _test_forecasts(study: StudyResults) -> pd.DataFrame | None:
    """Return the table that `best` wrote; None where there is none, or it is gone."""
    winner = study.winner
    if winner is None or winner.forecast is None:
        return None
    file = Path(winner.model_file).parent / TEST_FORECASTS
    if not file.is_file():
        return None
    table = pd.read_csv(file, dtype={"id": str}, keep_default_na=False, na_values=[""])
    for name in ("origin", "time"):
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = pd.to_datetime(table[name], utc=True)
    return table


def _axes_of_series(table: pd.DataFrame, width: float) -> tuple[Figure, dict[str, Axes]]:
    """Return a figure with axes for each of the first series of a table, by name."""
    series = list(dict.fromkeys(table["id"]))[:_MOST_SERIES]
    figure = Figure(figsize=(width, 2.8 * len(series)), layout="constrained")
    axes = figure.subplots(len(series), squeeze=False)[:, 0]
    return figure, dict(zip(series, axes, strict=True))


FORECASTS = (
    StudyFigure(
        name="error_by_step",
        title="Error by step of the horizon",
        caption="The error of the winner and of simple models on the test split, by how far ahead "
        "they forecast.",
        draw=_error_by_step,
    ),
    StudyFigure(
        name="forecasts",
        title="Forecasts of the test split",
        caption="The last forecasts of the test split against the truth, with their interval.",
        draw=_forecasts,
    ),
    StudyFigure(
        name="residuals",
        title="Residuals over time",
        caption="Truth minus forecast over the test split. A trend or a season that is left here "
        "is one that the network has not learned.",
        draw=_residuals,
    ),
)
