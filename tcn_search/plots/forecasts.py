"""Plots of forecasts: against the truth, their errors by step of the horizon, their residuals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from tcn_search.plots.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    axes_or_new,
    label_axes,
    legend_outside,
    say,
    short_dates,
)

_COLOURS = (ORANGE, GREEN, PURPLE, SKY, RED)
_LINES = ("-", "--", "-.", ":")


def plot_forecasts(
    forecasts: pd.DataFrame,
    id: str | None = None,  # noqa: A002 - the name of the column
    origins: Sequence[Any] | int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Plot forecasts of one series against the truth, with an interval as a band.

    Args:
        forecasts: as `TCNForecaster.backtest` and `runs/NAME/test_forecasts.csv` have them: the
            columns id, origin, time, truth, forecast, and quantiles named by their level. Without
            truth, as `predict` returns them, the forecast alone is drawn.
        id: the series; default: the first one.
        origins: the windows, by the time of their last known step; or how many, evenly chosen;
            default: all of them.
        ax: where to draw; default: a new figure.
    """
    name, shown = _of_one_series(forecasts, id, ("id", "time", "forecast"))
    ax = axes_or_new(ax)
    if "origin" not in shown:
        shown = shown.assign(origin=0)
    if "truth" in shown:
        truth = shown.drop_duplicates("time").sort_values("time")
        ax.plot(truth["time"], truth["truth"], color=INK, linewidth=1.0, label="truth")
    low, high = _widest_interval(shown)
    for number, origin in enumerate(_chosen(shown, origins)):
        window = shown[shown["origin"] == origin].sort_values("time")
        label = "forecast" if number == 0 else None
        ax.plot(window["time"], window["forecast"], color=BLUE, linewidth=1.4, label=label)
        if low and high:
            share = round(100 * (float(high) - float(low)), 6)
            ax.fill_between(
                window["time"],
                window[low],
                window[high],
                color=BLUE,
                alpha=0.18,
                linewidth=0,
                label=f"{share:g}% interval" if number == 0 else None,
            )
    short_dates(ax)
    label_axes(ax, "Forecasts", y=str(name or ""))
    if shown.empty:
        say(ax, "There is no forecast")
    legend_outside(ax)
    return ax


def _of_one_series(
    forecasts: pd.DataFrame, wanted: str | None, columns: Sequence[str]
) -> tuple[str | None, pd.DataFrame]:
    """Return a series' name and rows; those of the first series if none is wanted.

    Raises:
        ValueError: a column is missing, or there is no such series.
    """
    _require_columns("forecasts", forecasts, columns)
    names = list(forecasts["id"].unique())
    if wanted is not None and wanted not in names:
        raise ValueError(
            f"id must be one of the series {', '.join(map(repr, names[:20]))}. Received: {wanted!r}"
        )
    name = wanted
    if name is None and names:
        name = names[0]
    return name, forecasts[forecasts["id"] == name]


def _require_columns(argument: str, frame: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ValueError(
            f"{argument} must have the columns {', '.join(columns)}. Missing: {', '.join(missing)}"
        )


def _chosen(shown: pd.DataFrame, origins: Sequence[Any] | int | None) -> list[Any]:
    """Return the origins that are drawn."""
    known = sorted(shown["origin"].unique())
    if origins is None:
        return known
    if isinstance(origins, int):
        places = np.linspace(0, len(known) - 1, min(origins, len(known))).round().astype(int)
        return [known[place] for place in places]
    return [origin for origin in known if origin in set(origins)]


def _widest_interval(frame: pd.DataFrame) -> tuple[str, str]:
    """Return the columns of the lowest and the highest quantile; "" where there are no two."""
    levels = {}
    for name in frame.columns:
        text = str(name)
        if text.replace(".", "", 1).isdigit() and 0 < float(text) < 1:
            levels[float(text)] = name
    if len(levels) < 2:
        return "", ""
    return levels[min(levels)], levels[max(levels)]


def plot_error_by_step(errors: pd.DataFrame, metric: str = "mse", ax: Axes | None = None) -> Axes:
    """Plot the error of each model by step of the horizon.

    Args:
        errors: one row for each model and step, with the columns model, step and the metric, as
            `tcn-search forecast STUDY --errors step` prints them. The first model is drawn thick.
            Without the column model, as `forecast_metrics` returns them, one line is drawn.
        metric: the column to draw.
        ax: where to draw; default: a new figure.
    """
    _require_columns("errors", errors, ("step", metric))
    if "model" not in errors:
        errors = errors.assign(model="forecast")
    ax = axes_or_new(ax)
    models = list(dict.fromkeys(errors["model"]))
    for number, model in enumerate(models):
        rows = errors[errors["model"] == model].sort_values("step")
        colour = BLUE if number == 0 else _COLOURS[(number - 1) % len(_COLOURS)]
        width = 2.4 if number == 0 else 1.2
        line = _LINES[number % len(_LINES)]
        ax.plot(rows["step"], rows[metric], line, color=colour, linewidth=width, label=model)
    label_axes(ax, "Error by step of the horizon", "step of the horizon", metric)
    if errors.empty:
        say(ax, "There is no forecast")
    legend_outside(ax)
    return ax


def plot_residuals(
    forecasts: pd.DataFrame,
    id: str | None = None,  # noqa: A002 - the name of the column
    ax: Axes | None = None,
) -> Axes:
    """Plot the residuals (truth − forecast) of one series over time.

    Args:
        forecasts: as of `plot_forecasts`, with the truth.
        id: the series; default: the first one.
        ax: where to draw; default: a new figure.
    """
    name, shown = _of_one_series(forecasts, id, ("id", "time", "truth", "forecast"))
    shown = shown.sort_values("time")
    ax = axes_or_new(ax)
    residuals = shown["truth"] - shown["forecast"]
    ax.axhline(0, color=GREY, linewidth=0.8)
    ax.scatter(shown["time"], residuals, s=5, color=BLUE, alpha=0.6, linewidths=0)
    short_dates(ax)
    label_axes(ax, "Residuals over time", y=f"{name or ''}: truth − forecast")
    if shown.empty:
        say(ax, "There is no forecast")
    return ax
