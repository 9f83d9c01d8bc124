"""Errors of forecasts: over everything, by step of the horizon and by series.

| metric | |
| --- | --- |
| `mse`, `mae` | on values scaled by the deviation of the training split |
| `mse_units`, `mae_units` | in the units of the series |
| `mase` | absolute error over that of seasonal naive before the test split (Hyndman 2006) |
| `smape` | 200 · error / (truth + forecast), absolute values, in percent (M4 competition) |
| `wql` | weighted quantile loss: twice the mean pinball loss over the mean size of the truth |
| `coverage_80` | share of values within the interval of .1 and .9; one column for each interval |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from tcn_search.errors import InputError

_MEANS = ("mse", "mae", "mse_units", "mae_units", "mase", "smape")
_PINBALL = "pinball"
_SIZE = "size"
BY = (None, "step", "id")


def forecast_metrics(forecasts: pd.DataFrame, by: str | None = None) -> pd.DataFrame:
    """Return the errors of forecasts, as `TCNForecaster.backtest` and `best` write them.

    Args:
        forecasts: one row for each forecast value, with the columns id (of the series), step (from
            1 to the horizon), truth, forecast, and one column for each quantile, named by its level
            ("0.1"). Rows without a truth are left out. With the columns scale (deviation of the
            series in the training split) and seasonal_error (mean absolute error of seasonal naive
            before the test split) there are `mse` and `mae`, and `mase`.
        by: "step" for one row a step of the horizon, "id" for one row a series; None for one row
            over everything.

    Returns:
        One column for each metric of `evaluation.forecast_metrics` that can be computed.

    Raises:
        InputError: a column is missing, or `by` is unknown.

    >>> frame = pd.DataFrame({"id": "a", "step": [1, 2], "truth": [1.0, 3.0], "forecast": 2.0})
    >>> forecast_metrics(frame, by="step")["mae_units"].tolist()
    [1.0, 1.0]
    """
    missing = [name for name in ("id", "step", "truth", "forecast") if name not in forecasts]
    if missing:
        raise InputError(
            "forecasts must have the columns id, step, truth and forecast. "
            f"Missing: {', '.join(missing)}"
        )
    if by not in BY:
        raise InputError(f'by must be "step", "id" or None. Received: {by!r}')
    known = forecasts[forecasts["truth"].notna()]
    quantiles = {
        level: known[name].to_numpy("float64") for level, name in quantile_columns(known).items()
    }

    def numbers_of(name: str) -> np.ndarray | None:
        return known[name].to_numpy("float64") if name in known else None

    numbers = elementwise(
        known["truth"].to_numpy("float64"),
        known["forecast"].to_numpy("float64"),
        scale=numbers_of("scale"),
        seasonal_error=numbers_of("seasonal_error"),
        quantiles=quantiles,
    )
    frame = pd.DataFrame(numbers)
    keys = np.zeros(len(frame)) if by is None else known[by].to_numpy()
    groups = frame.groupby(keys, sort=by == "step")
    result = pd.DataFrame(_summary(groups.mean()))
    if by is None:
        return result.reset_index(drop=True)
    return result.rename_axis(by).reset_index()


def quantile_columns(frame: pd.DataFrame) -> dict[float, str]:
    """Return the columns of quantiles by their level: those whose name is a number below 1."""
    found = {}
    for name in frame.columns:
        try:
            level = float(name)
        except (TypeError, ValueError):
            continue
        if 0 < level < 1:
            found[level] = name
    return dict(sorted(found.items()))


def elementwise(
    truth: np.ndarray,
    forecast: np.ndarray,
    scale: np.ndarray | None = None,
    seasonal_error: np.ndarray | None = None,
    quantiles: Mapping[float, np.ndarray] | None = None,
) -> dict[str, np.ndarray]:
    """Return what the metrics are means of, for arrays of one shape; NaN where nothing counts."""
    error = np.abs(truth - forecast)
    size = np.abs(truth) + np.abs(forecast)
    numbers = {}
    if scale is not None:
        numbers["mse"] = (error / scale) ** 2
        numbers["mae"] = error / scale
    numbers["mse_units"] = error**2
    numbers["mae_units"] = error
    if seasonal_error is not None:
        usable = np.where(seasonal_error > 0, seasonal_error, np.nan)
        numbers["mase"] = error / usable
    numbers["smape"] = 200 * error / np.where(size > 0, size, 1.0)
    if not quantiles:
        return numbers
    losses = [
        2 * np.maximum(level * (truth - values), (level - 1) * (truth - values))
        for level, values in quantiles.items()
    ]
    numbers[_PINBALL] = np.mean(losses, axis=0)
    numbers[_SIZE] = np.where(np.isnan(truth), np.nan, np.abs(truth))
    for low, high in intervals_of(list(quantiles)):
        inside = (quantiles[low] <= truth) & (truth <= quantiles[high])
        name = f"coverage_{100 * (high - low):.6g}"
        numbers[name] = np.where(np.isnan(truth), np.nan, inside)
    return numbers


def intervals_of(levels: Sequence[float]) -> list[tuple[float, float]]:
    """Return the pairs of levels with the same share on both sides, the widest first.

    >>> intervals_of([0.1, 0.5, 0.9])
    [(0.1, 0.9)]
    """
    pairs = []
    for low in sorted(levels):
        high = [level for level in levels if abs(low + level - 1) < 1e-9]
        if low < 0.5 and high:
            pairs.append((low, high[0]))
    return pairs


def _summary(means: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics from means of what `elementwise` returns."""
    metrics = {name: means[name] for name in _MEANS if name in means}
    if _PINBALL in means:
        metrics["wql"] = means[_PINBALL] / means[_SIZE]
    for name in means:
        if name.startswith("coverage_"):
            metrics[name] = means[name]
    return metrics


class ForecastTotals:
    """Sums of errors over windows, for each series and each step of the horizon.

    Args:
        horizon: number of steps.
        scale, seasonal_error: (series, K) of K targets, as the columns of `forecast_metrics`.
    """

    def __init__(self, horizon: int, scale: np.ndarray, seasonal_error: np.ndarray) -> None:
        self.scale = scale
        self.seasonal_error = seasonal_error
        self._shape = (*scale.shape, horizon)
        self._sums: dict[str, np.ndarray] = {}
        self._counts: dict[str, np.ndarray] = {}

    def add(
        self,
        truth: np.ndarray,
        forecast: np.ndarray,
        series: np.ndarray,
        quantiles: Mapping[float, np.ndarray] | None = None,
    ) -> None:
        """Add windows.

        Args:
            truth, forecast: (n, horizon, K), in the units of the series; NaN where there is none.
            series: (n,) number of each window's series.
            quantiles: (n, horizon, K) by level.
        """
        numbers = elementwise(
            truth,
            forecast,
            self.scale[series][:, np.newaxis],
            self.seasonal_error[series][:, np.newaxis],
            quantiles,
        )
        for name, values in numbers.items():
            values = values.transpose(0, 2, 1)  # (n, K, horizon)
            sums = self._sums.setdefault(name, np.zeros(self._shape))
            counts = self._counts.setdefault(name, np.zeros(self._shape))
            is_known = np.isfinite(values)
            for number in np.unique(series):
                rows = series == number
                sums[number] += np.where(is_known[rows], values[rows], 0.0).sum(axis=0)
                counts[number] += is_known[rows].sum(axis=0)

    def metrics(self, by: str | None = None) -> dict[str, np.ndarray]:
        """Return each metric: () over everything, (horizon,) by "step" or (series · K,) by "id"."""
        axes: dict[str | None, tuple[int, ...]] = {None: (0, 1, 2), "step": (0, 1), "id": (2,)}
        means = {}
        for name, sums in self._sums.items():
            count = self._counts[name].sum(axis=axes[by])
            total = sums.sum(axis=axes[by])
            means[name] = np.where(count > 0, total / np.maximum(count, 1), np.nan).reshape(-1)
        return _summary(means)
