"""Messages on a forecast: what it predicts from what, and the rows that it does not use."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tcn_search.formats.csv_files import join_names
from tcn_search.formats.series_gaps import FilledSeries
from tcn_search.formats.series_tables import SeriesTable
from tcn_search.formats.table_layout import ForecastLayout
from tcn_search.tasks.forecast_preparation import SplitWindows
from tcn_search.tasks.forecast_windows import MOST_COPIED
from tcn_search.tasks.tables import ignored_note
from tcn_search.text import counted


def describe_forecast(table: SeriesTable, rules: ForecastLayout) -> str:
    """Return what is predicted, in which steps, and from which covariates."""
    columns = table.columns
    if columns.id:
        what = f"{join_names(columns.target)} in {len(table.series):,} series"
    else:
        what = f"{len(columns.target)} of {len(columns.inputs) - len(columns.known)} series"
    text = f"forecast of {what}, {rules.horizon} steps ahead (a step is {table.steps.in_words})"
    known = [*columns.known, *rules.calendar]
    if rules.holidays:
        known.append(rules.holidays)
    if known:
        text += f"; known in advance: {join_names(known)}"
    if columns.static:
        text += f"; static: {join_names(columns.static)}"
    return text


def describe_table(
    table: SeriesTable, filled: Sequence[FilledSeries], splits: SplitWindows
) -> list[str]:
    """Return notes on texts, rows and series that are not used, and the stride."""
    name = table.path.name
    notes = []
    if table.texts:
        read = [
            f"{column} ({counted(len(texts), 'text')})" for column, texts in table.texts.items()
        ]
        notes.append(f"{name}: a channel for each text of column {', '.join(read)}")
    ahead = sum(one.known_ahead for one in filled)
    if ahead:
        notes.append(f"{name}: {counted(ahead, 'row')} at the end without a target: not trained on")
    with_windows = np.unique(np.concatenate([places.series for places in splits.places]))
    without = len(filled) - len(with_windows)
    if without:
        first = np.setdiff1d(np.arange(len(filled)), with_windows)[0]
        notes.append(
            f"{name}: {without} of {len(filled)} series are too short for a window in any split, "
            f"the first is {filled[first].series.id}"
        )
    if splits.is_stride_chosen:
        notes.append(
            f"{name}: training windows are copies, limited to {MOST_COPIED >> 18} MiB: one every "
            f"{splits.stride} steps; set another stride with stride"
        )
    if table.ignored:
        notes.append(ignored_note(table.path, table.ignored))
    return notes
