"""The last window of each series in new rows, and the times of the steps that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.series_gaps import FilledSeries
from tcn_search.formats.series_tables import SeriesTable
from tcn_search.formats.table_layout import ForecastLayout, TableLayout
from tcn_search.tasks.forecast_channels import Channels
from tcn_search.tasks.new_series import prepare_series


@dataclass(frozen=True, eq=False)
class LastWindows:
    """The windows to predict from, one for each series.

    Attributes:
        X: (series, look_back, C) float64, as `predict` takes them.
        ids: names of the series; ("",) for a table with a column for each series.
        times: for each series, the times of the `horizon` steps after its last row. They have a
            time zone where the task has one.
        targets: names of the columns that are predicted.
        offset, scale: (series, targets): a prediction times `scale` plus `offset` is in the units
            of the series.
        ignored: columns that were not read.
        notes: messages to the user, one line each.
    """

    X: np.ndarray
    ids: tuple[str, ...]
    times: tuple[pd.Index, ...]
    targets: tuple[str, ...]
    offset: np.ndarray
    scale: np.ndarray
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def in_units(self, outputs: np.ndarray) -> np.ndarray:
        """Return predictions (series, horizon · targets) in the units of the series.

        Returns:
            (series, horizon, targets) float64.
        """
        steps = outputs.reshape(len(self.ids), -1, len(self.targets)).astype("float64")
        return np.asarray(steps * self.scale[:, None] + self.offset[:, None])

    def table_in_units(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the table of `tcn_search.predict` in the units of the series, with their names.

        The column sequence becomes the column id in a table with series below each other. After a
        column for each output, the table may have as many further quantiles of each, by output.
        """
        if self.ids == ("",):
            return frame
        numbers = frame.drop(columns="sequence")
        outputs = np.arange(len(self.times[0]) * len(self.targets))
        quantiles = numbers.shape[1] // len(outputs) - 1
        target = np.concatenate([outputs, np.repeat(outputs, quantiles)]) % len(self.targets)
        units = numbers.to_numpy("float64") * self.scale[:, target] + self.offset[:, target]
        converted = pd.DataFrame(units, columns=numbers.columns)
        converted.insert(0, "id", self.ids)
        return converted


def last_windows(
    data: str | Path | pd.DataFrame,
    layout: TableLayout,
    look_back: int | None,
    horizon: int,
    future: str | Path | pd.DataFrame | None = None,
    time: str | None = None,
) -> LastWindows:
    """Read new rows by the rules of the training data; return the last window of each series.

    Args:
        data: a .csv, .tsv or .parquet file, or a data frame, with the columns that were trained on.
            It holds at least the last `look_back` steps of each series. Rows at its end whose
            targets are all empty hold columns that are known in advance.
        layout: of the table that the model was trained on: `task.spec.table`, or
            `tcn_search.models.predict.table_of(model)`.
        look_back: steps that the model takes; None for all steps of a single series.
        horizon: steps to predict: the outputs of the model over the number of targets. Only read
            for models of earlier versions, whose layout does not have it.
        future: rows after the last ones, with the columns that are known in advance.
        time: the time column, where its name differs from that in training.

    Raises:
        InputError: names the file and the first row that cannot be used.
    """
    prepared = prepare_series(data, layout, horizon, future, time)
    table = prepared.table
    if look_back is None:
        look_back = prepared.series[0].one.present
    target = list(prepared.channels.target)
    windows, times, offsets, scales = [], [], [], []
    for series in prepared.series:
        one = series.one
        _require_steps(table, one, look_back)
        window = series.values[one.present - look_back : one.present]
        _require_ahead(table, one, prepared.rules, prepared.channels, window)
        windows.append((window - series.offset) / series.scale)
        first = one.series.start + one.present
        times.append(table.steps.zoned(table.steps.times(first, prepared.rules.horizon)))
        offsets.append(series.offset[target])
        scales.append(series.scale[target])
    return LastWindows(
        X=np.stack(windows),
        ids=tuple(series.one.series.id for series in prepared.series),
        times=tuple(times),
        targets=table.columns.target,
        offset=np.stack(offsets),
        scale=np.stack(scales),
        ignored=table.ignored,
        notes=tuple(prepared.notes),
    )


def _require_steps(table: SeriesTable, one: FilledSeries, look_back: int) -> None:
    """Raise an InputError if a series has fewer steps than the model takes."""
    if one.present < look_back:
        of_series = f" of {one.series.id}" if one.series.id else ""
        raise InputError(
            f"{table.path} must hold at least the last {look_back} steps, which the model takes. "
            f"Received: {one.present}{of_series}"
        )


def _require_ahead(
    table: SeriesTable,
    one: FilledSeries,
    rules: ForecastLayout,
    channels: Channels,
    window: np.ndarray,
) -> None:
    """Raise an InputError if a column that is known in advance lacks a step of the horizon."""
    if not channels.future:
        return
    missing = np.isnan(window[:, channels.future])
    if not missing.any():
        return
    row = int(np.argmax(missing.any(axis=1)))
    name = channels.names[channels.future[int(np.argmax(missing[row]))]]
    name = name.removesuffix(f" +{rules.horizon}").split("=")[0]
    step = one.present - len(window) + row + rules.horizon
    place = str(table.path)
    if one.series.id:
        place = f"{one.series.id} in {place}"
    raise InputError(
        f"Column {name} is known in advance, so its values are needed for the {rules.horizon} "
        f"steps after the last row of {place}. Missing: {table.time(one.series, step)}. Give them "
        "in future (--future FILE), or in rows at the end of the file without a target."
    )
