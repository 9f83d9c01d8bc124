"""Windows of new rows of series with the steps that followed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.formats.table_layout import TableLayout
from tcn_search.tasks.forecast_preparation import target_values
from tcn_search.tasks.forecast_windows import usable_steps
from tcn_search.tasks.new_series import ChannelsOfSeries, PreparedRows, prepare_series


@dataclass(frozen=True, eq=False)
class LabelledWindows:
    """Every window of new rows whose horizon lies in the rows, too.

    A window that ends on an interpolated step is left out: that value depends on the next one.

    Attributes:
        rows: the series.
        look_back, horizon: steps of a window, and steps after it.
        starts: for each series, the steps at which its windows begin.
    """

    rows: PreparedRows
    look_back: int
    horizon: int
    starts: tuple[np.ndarray, ...]

    @property
    def count(self) -> int:
        """Number of windows of all series."""
        return sum(map(len, self.starts))

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns that are predicted."""
        return self.rows.table.columns.target

    @property
    def names(self) -> list[str]:
        """Name of each series and target: of its column, its id, or both, in their order."""
        ids = [series.one.series.id for series in self.rows.series]
        if len(self.targets) == 1:
            return [name or self.targets[0] for name in ids]
        return [f"{name} {target}".strip() for name in ids for target in self.targets]

    @property
    def scale(self) -> np.ndarray:
        """What the targets of each series were divided by, (series, targets)."""
        target = list(self.rows.channels.target)
        return np.stack([series.scale[target] for series in self.rows.series])

    def batches(self, size: int) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Yield the number of a series, windows and truth, at most `size` windows at once.

        The windows are (n, look_back, channels), as `predict` takes them. The truth is (n, horizon,
        targets) in the units of the series, NaN where a value is missing.
        """
        for number, (series, all_starts) in enumerate(
            zip(self.rows.series, self.starts, strict=True)
        ):
            channels = (series.values - series.offset) / series.scale
            truth = target_values(self.rows.table, series.one)
            for first in range(0, len(all_starts), size):
                starts = all_starts[first : first + size]
                yield (
                    number,
                    np.stack([channels[start : start + self.look_back] for start in starts]),
                    np.stack([self._after(truth, start) for start in starts]),
                )

    def _after(self, truth: np.ndarray, start: int) -> np.ndarray:
        first = start + self.look_back
        return truth[first : first + self.horizon]

    def in_units(self, number: int, outputs: np.ndarray) -> np.ndarray:
        """Return outputs (n, horizon · targets) of a series as (n, horizon, targets) in its units.

        Args:
            number: of the series.
        """
        series = self.rows.series[number]
        target = list(self.rows.channels.target)
        steps = outputs.reshape(len(outputs), self.horizon, len(target)).astype("float64")
        return np.asarray(steps * series.scale[target] + series.offset[target])


def labelled_windows(
    data: str | Path | pd.DataFrame,
    layout: TableLayout,
    look_back: int,
    horizon: int,
    time: str | None = None,
) -> LabelledWindows:
    """Read new rows by the rules of the training data; return all windows with their horizons.

    Args:
        data, layout, time: as of `tasks.last_windows.last_windows`.
        look_back, horizon: steps that the model takes and predicts.

    Raises:
        InputError: names the file and the first row that cannot be used; no series has enough rows.
    """
    rows = prepare_series(data, layout, horizon, time=time, scaled_by=look_back)
    steps = [series.one.present for series in rows.series]
    if max(steps) < look_back + horizon:
        raise InputError(
            f"{rows.table.path} must hold at least {look_back + horizon} steps of a series: "
            f"{look_back} that the model takes and the {horizon} after them. Received: {max(steps)}"
        )
    starts = tuple(_starts(series, look_back, horizon) for series in rows.series)
    if not any(map(len, starts)):
        raise InputError(
            f"{rows.table.path} must have a window of {look_back} steps that does not end on an "
            "interpolated one."
        )
    return LabelledWindows(rows, look_back, horizon, starts)


def _starts(series: ChannelsOfSeries, look_back: int, horizon: int) -> np.ndarray:
    """Return the steps of a series at which its windows begin."""
    one = series.one
    count = max(0, one.present - look_back - horizon + 1)
    usable = usable_steps(
        one.missing[: one.present], one.uses_later[: one.present], horizon, masks=False
    )
    return np.flatnonzero(usable[look_back : look_back + count])
