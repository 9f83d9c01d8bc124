"""The last window of each series in new rows, and the times of the steps that follow it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tcn_search.formats.series_tables import read_table
from tcn_search.formats.table_layout import TableFormat, TableLayout


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


def last_windows(
    data: str | Path | pd.DataFrame,
    layout: TableLayout,
    look_back: int,
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
        look_back: steps that the model takes.
        horizon: steps to predict: the outputs of the model over the number of targets.
        future: rows after the last ones, with the columns that are known in advance.
        time: the time column, where its name differs from that in training.

    Raises:
        InputError: names the file and the first row that cannot be used.
    """
    table = read_table(
        Path(str(data)),
        time,
        TableFormat(time_format=layout.table_format.time_format),
        expected=layout.table_format,
        columns=layout.inputs,
        preferred_time=layout.time,
    )
    frequency = pd.infer_freq(table.time)
    times = pd.date_range(table.time[-1], periods=horizon + 1, freq=frequency)[1:]
    targets = layout.targets or layout.inputs
    return LastWindows(
        X=table.values[None, -look_back:],
        ids=("",),
        times=(times,),
        targets=targets,
        offset=np.zeros((1, len(targets))),
        scale=np.ones((1, len(targets))),
        ignored=table.ignored,
    )
