"""All errors of a forecast on a split, and a table of some of its forecasts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import with_config

from tcn_search.evaluation.forecast_metrics import ForecastTotals
from tcn_search.evaluation.model_outputs import (
    OutputReader,
    deviations,
    in_units,
    model_reader,
    seasonal_errors,
    series_names,
    spaced_origins,
)
from tcn_search.storage.stored_values import STRICT

if TYPE_CHECKING:
    from tcn_search.tasks.forecast_windows import ForecastWindows, WindowPlaces
    from tcn_search.tasks.task import Task
    from tcn_search.tasks.training_data import SplitData

MOST_ROWS = 50_000  # of a table of forecasts


@with_config(STRICT)
@dataclass(frozen=True)
class ForecastScores:
    """Errors of a forecast over every window of a split: `evaluation.forecast_metrics` names them.

    The names of the fields are those under which it is stored.

    Attributes:
        windows: number of windows, of stride 1.
        season: steps of the seasonal naive forecast that `mase` compares with; 0: the last value.
        overall: each metric over all windows, steps and series.
        by_step: each metric for each step of the horizon.
        series: names of the series.
        by_series: each metric for each series.
    """

    windows: int
    season: int
    overall: dict[str, float]
    by_step: dict[str, list[float]]
    series: list[str]
    by_series: dict[str, list[float]]

    def frame(self, by: str | None = None) -> pd.DataFrame:
        """Return the metrics as columns: one row, or one by "step" or by "id" (of the series)."""
        if by is None:
            return pd.DataFrame([self.overall])
        if by == "step":
            frame = pd.DataFrame(self.by_step)
            frame.insert(0, "step", range(1, len(frame) + 1))
            return frame
        frame = pd.DataFrame(self.by_series)
        frame.insert(0, "id", self.series)
        return frame

    def in_words(self) -> str:
        """Return the metrics over everything, such as "mae 0.39, mase 1.02, smape 12.1%"."""
        words = []
        for name, value in self.overall.items():
            if name == "smape":
                words.append(f"smape {value:.4g}%")
            elif name.startswith("coverage_"):
                share = name.removeprefix("coverage_")
                words.append(f"{100 * value:.3g}% within the {share}% interval")
            else:
                words.append(f"{name} {value:.4g}")
        return ", ".join(words)


class ForecastScorer:
    """Adds up the errors of a forecast, batch by batch, and keeps some of its forecasts.

    Args:
        task: a forecast whose windows are known.
        split: its validation or test split.
        places: series and time of the split's windows.
        reader: of the model's outputs.
    """

    def __init__(
        self, task: Task, split: SplitData, places: WindowPlaces, reader: OutputReader
    ) -> None:
        windows = task.windows
        assert windows is not None
        self._spec = task.spec
        self._split = split
        self._windows = windows
        self._places = places
        self._reader = reader
        self._scale = deviations(task.spec, windows)
        self._seasonal_error = seasonal_errors(windows, task.spec.season)
        self._totals = ForecastTotals(windows.horizon, self._scale, self._seasonal_error)
        rows = MOST_ROWS // (windows.horizon * len(windows.targets))
        self._shown = set(spaced_origins(places, windows.horizon, rows).tolist())
        self._tables: list[pd.DataFrame] = []
        self._next = 0

    def add(self, outputs: np.ndarray) -> None:
        """Add the outputs of the next windows of the split, in their order."""
        rows = np.arange(self._next, self._next + len(outputs))
        self._next += len(outputs)
        series = self._places.series[rows]

        def converted(values: np.ndarray) -> np.ndarray:
            return in_units(self._spec, self._windows, values, series)

        read = self._reader.read(outputs)
        truth = converted(self._split.y[rows[0] : rows[-1] + 1])
        forecast = converted(read.forecast)
        quantiles = {level: converted(values) for level, values in read.quantiles.items()}
        self._totals.add(truth, forecast, series, quantiles)
        shown = np.array([number for number, row in enumerate(rows) if row in self._shown], int)
        if len(shown):
            columns = {"truth": truth[shown], "forecast": forecast[shown]}
            for name, values in (("scale", self._scale), ("seasonal_error", self._seasonal_error)):
                columns[name] = np.broadcast_to(values[series[shown]][:, None], truth[shown].shape)
            columns |= {f"{level:g}": values[shown] for level, values in quantiles.items()}
            self._tables.append(_table(self._windows, self._places, rows[shown], columns))

    def scores(self) -> ForecastScores:
        """Return the errors of all windows that were added."""

        def lists(metrics: dict[str, np.ndarray]) -> dict[str, list[float]]:
            return {name: [float(value) for value in values] for name, values in metrics.items()}

        overall = lists(self._totals.metrics())
        return ForecastScores(
            windows=self._next,
            season=self._spec.season,
            overall={name: values[0] for name, values in overall.items()},
            by_step=lists(self._totals.metrics("step")),
            series=series_names(self._windows),
            by_series=lists(self._totals.metrics("id")),
        )

    def table(self) -> pd.DataFrame:
        """Return the forecasts of windows whose horizons do not overlap; see `forecast_metrics`.

        Beside its columns there are origin, the time of the last known step, time, and the scale
        and the seasonal error of each row's series.
        """
        frame = pd.concat(self._tables, ignore_index=True)
        return frame.sort_values(["id", "origin", "step"], kind="stable", ignore_index=True)


def scorer_of_test(task: Task, model: Any = None) -> ForecastScorer | None:
    """Return the scorer of the test split; None where the task is no forecast, or has none.

    Args:
        model: a Keras model, whose quantiles are scored, too; None for a function without any.
    """
    if task.test is None or task.windows is None:
        return None
    reader = OutputReader() if model is None else model_reader(model)
    return ForecastScorer(task, task.test, task.windows.test, reader)


def forecast_scores(
    task: Task, predict: Callable[[np.ndarray], np.ndarray]
) -> ForecastScores | None:
    """Return all errors of a function of windows on the test split; None as `scorer_of_test`."""
    scorer = scorer_of_test(task)
    if scorer is None or task.test is None:
        return None
    size = task.spec.sequences_at_once
    for start in range(0, len(task.test), size):
        scorer.add(np.asarray(predict(task.test.X[start : start + size])))
    return scorer.scores()


def frame_of_scores(scores: Mapping[str, ForecastScores], by: str | None) -> pd.DataFrame:
    """Return the frames of several models below each other, with the column model."""
    frames = []
    for model, each in scores.items():
        frame = each.frame(by)
        frame.insert(0, "model", model)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _table(
    windows: ForecastWindows,
    places: WindowPlaces,
    rows: np.ndarray,
    columns: dict[str, np.ndarray],
) -> pd.DataFrame:
    """Return one row for each value of arrays (n, horizon, targets)."""
    first = places.first_target[rows] + np.asarray(windows.shifts)[places.series[rows]]
    count, horizon, targets = columns["truth"].shape
    names = np.asarray(series_names(windows), dtype=object).reshape(-1, targets)
    steps = first[:, np.newaxis] + np.arange(horizon)
    shape = (count, horizon, targets)

    def filled(values: Any) -> np.ndarray:
        return np.broadcast_to(values, shape).ravel()

    times = windows.times
    frame = {
        "id": filled(names[places.series[rows]][:, np.newaxis]),
        "origin": times[filled((first - 1)[:, np.newaxis, np.newaxis])],
        "step": filled(np.arange(1, horizon + 1)[:, np.newaxis]),
        "time": times[filled(steps[:, :, np.newaxis])],
    }
    return pd.DataFrame({**frame, **{name: values.ravel() for name, values in columns.items()}})
