"""A forecast and its quantiles from the outputs of a model, and the errors kept with the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tcn_search.arguments import is_number, received
from tcn_search.errors import InputError
from tcn_search.evaluation.intervals import (
    DEFAULT_LEVELS,
    ErrorQuantiles,
    error_quantiles,
)
from tcn_search.tasks.forecast_windows import ForecastWindows, WindowPlaces
from tcn_search.tasks.task_spec import TaskSpec

if TYPE_CHECKING:
    from tcn_search.tasks.training_data import SplitData

_MOST_ERRORS = 1 << 23  # numbers, of which quantiles are computed


class ForecastOutputs(NamedTuple):
    """What a model says about windows, in the units of `Task.train.y`.

    Attributes:
        forecast: (n, horizon · series), ordered by time as the targets of the task.
        quantiles: the same, by level.
    """

    forecast: np.ndarray
    quantiles: dict[float, np.ndarray]


class OutputReader:
    """Reads forecast and quantiles from the outputs of a model.

    Args:
        trained: levels that the model itself predicts, the median in their middle; empty if it
            predicts one number.
        errors: of the model on validation windows, where it predicts one number; None where they
            are not known.
        levels: quantiles that are wanted; None for those that were trained, or else .1, .5 and .9.

    Raises:
        InputError: a level was not trained, or lies outside the stored errors.
    """

    def __init__(
        self,
        trained: Sequence[float] = (),
        errors: ErrorQuantiles | None = None,
        levels: Sequence[float] | None = None,
    ) -> None:
        self.trained = list(trained)
        self._errors: dict[float, np.ndarray] = {}
        self.levels: list[float] = []
        if self.trained:
            self.levels = list(self.trained if levels is None else levels)
            unknown = [level for level in self.levels if level not in self.trained]
            if unknown:
                raise InputError(
                    f"quantiles must be among those that the model was trained for: {trained}. "
                    f"Received: {unknown[0]:g}"
                )
        elif errors is not None:
            self.levels = list(DEFAULT_LEVELS if levels is None else levels)
            self._errors = {level: errors.at(level) for level in self.levels}
        elif levels:
            raise InputError(
                "The model has no quantiles: it was neither trained for them, nor are its errors "
                "on a validation split known. Give no quantiles, or train with "
                "quantiles = [0.1, 0.5, 0.9] in [training]"
            )

    def read(self, outputs: np.ndarray) -> ForecastOutputs:
        """Return forecast and quantiles from outputs (n, horizon · series · trained levels)."""
        if not self.trained:
            quantiles = {level: outputs + errors for level, errors in self._errors.items()}
            return ForecastOutputs(outputs, quantiles)
        by_level = outputs.reshape(len(outputs), -1, len(self.trained))
        return ForecastOutputs(
            forecast=by_level[:, :, len(self.trained) // 2],
            quantiles={level: by_level[:, :, self.trained.index(level)] for level in self.levels},
        )


def require_levels(levels: object) -> None:
    """Raise an InputError unless `levels` are numbers between 0 and 1."""
    if not isinstance(levels, Sequence | np.ndarray) or not all(
        is_number(level) and 0 < level < 1 for level in levels
    ):
        raise InputError(
            "quantiles must be a list of numbers between 0 and 1, such as [0.1, 0.9]. "
            f"Received: {received(levels)}"
        )


def model_reader(model: Any, levels: Sequence[float] | None = None) -> OutputReader:
    """Return the reader of a saved model's outputs, with what the model keeps.

    Args:
        model: that `build_model` built, or an ensemble.
        levels: as of `OutputReader`.
    """
    from tcn_search.models.predict import predictions_layer, quantiles_of

    last = predictions_layer(model)
    errors = None
    if last is not None and last.errors is not None:
        errors = ErrorQuantiles(**last.errors)
    return OutputReader(quantiles_of(model), errors, levels)


def predicted_numbers(model: Any, X: np.ndarray, reader: OutputReader) -> ForecastOutputs:
    """Return forecast and quantiles of a saved model for windows, as `predict` takes them.

    Args:
        model: of a forecast.
        X: (n, look_back, C).
        reader: of its outputs.
    """
    from tcn_search.models.predict import predict, quantile_column

    table = predict(model, X).drop(columns="sequence")
    names = list(table.columns[: table.shape[1] // max(1, len(reader.trained))])
    medians = table[names].to_numpy("float64")
    if not reader.trained:
        return reader.read(medians)
    quantiles = {}
    for level in reader.levels:
        columns = names
        if level != 0.5:
            columns = [quantile_column(name, level) for name in names]
        quantiles[level] = table[columns].to_numpy("float64")
    return ForecastOutputs(medians, quantiles)


def keep_errors(models: Sequence[Any], spec: TaskSpec, validation: SplitData) -> None:
    """Keep the quantiles of the errors of an ensemble's mean with its first member.

    Models that predict quantiles keep none. They are saved with the model, for intervals around
    its forecasts.

    Args:
        models: members, or a single model, that were not trained on the validation split.
        spec: of their task.
        validation: its windows; evenly chosen ones if there are very many.
    """
    from tcn_search.models.predict import predictions_layer

    last = predictions_layer(models[0])
    if last is None or last.quantiles or not len(validation):
        return
    every = max(1, -(-len(validation) * spec.outputs // _MOST_ERRORS))
    rows = range(0, len(validation), every)
    errors = np.empty((len(rows), spec.outputs), "float32")
    size = spec.sequences_at_once
    for start in range(0, len(rows), size):
        chosen = slice(start * every, (start + size) * every, every)
        X = np.asarray(validation.X[chosen])
        predicted = np.mean([model.predict_on_batch(X) for model in models], axis=0)
        errors[start : start + size] = validation.y[chosen].reshape(len(X), -1) - predicted
    last.errors = error_quantiles(errors).to_dict()


def in_units(
    spec: TaskSpec, windows: ForecastWindows, outputs: np.ndarray, series: np.ndarray
) -> np.ndarray:
    """Return targets or forecasts (n, horizon, targets) in the units of their series, float64.

    Args:
        outputs: (n, horizon · targets) in the units of `Task.train.y`.
        series: (n,) number of the series of each window.
    """
    values = outputs.reshape(len(outputs), -1).astype("float64")
    if spec.target_offset:
        values = values + np.asarray(spec.target_offset)
    return windows.in_units(values, series)


def seasonal_errors(windows: ForecastWindows, season: int) -> np.ndarray:
    """Return the mean absolute error of seasonal naive before the test split, (series, targets).

    It is the scale of MASE, for which all steps that a forecaster knows count. Where the season is
    not known, or a series is shorter, the last value is repeated. NaN for a series without two
    values before the test split.
    """
    errors = np.full((len(windows.ids), len(windows.targets)), np.nan)
    for number, (start, values) in enumerate(zip(windows.starts, windows.values, strict=True)):
        seen = values[: max(0, windows.ends[1] - start)]
        lag = season if 0 < season < len(seen) else 1
        differences = np.abs(seen[lag:] - seen[:-lag])
        for target in range(seen.shape[1]):
            known = differences[:, target][np.isfinite(differences[:, target])]
            if len(known):
                errors[number, target] = known.mean()
    return errors


def deviations(spec: TaskSpec, windows: ForecastWindows) -> np.ndarray:
    """Return the deviation (series, targets) of each series in the training split, in its units."""
    std = np.ones(len(windows.targets))
    if spec.target_std:
        std = np.asarray(spec.target_std[: len(windows.targets)])
    scales: np.ndarray = windows.scale * std
    return scales


def series_names(windows: ForecastWindows) -> list[str]:
    """Return the name of each series: of its column, its id, or both, in their order."""
    if len(windows.ids) == 1 and windows.ids[0] == "":
        return list(windows.targets)
    if len(windows.targets) == 1:
        return list(windows.ids)
    return [f"{name} {target}" for name in windows.ids for target in windows.targets]


def spaced_origins(places: WindowPlaces, horizon: int, most: int) -> np.ndarray:
    """Return the numbers of windows whose horizons do not overlap, at most about `most`.

    They begin with the first window of each series.
    """
    chosen = []
    for number in np.unique(places.series):
        rows = np.flatnonzero(places.series == number)
        steps = places.first_target[rows]
        chosen.append(rows[(steps - steps[0]) % horizon == 0])
    numbers = np.concatenate(chosen) if chosen else np.empty(0, int)
    every = max(1, -(-len(numbers) // max(1, most)))
    return np.sort(numbers[::every])
