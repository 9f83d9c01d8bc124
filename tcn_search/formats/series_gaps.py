"""Gaps in series, missing rows and empty cells: refuse them, interpolate, or mark them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.series_tables import Series, SeriesTable
from tcn_search.formats.series_times import uneven
from tcn_search.formats.time_zones import may_be_set_forward

GAPS = ("error", "interpolate", "mask")
_INSTEAD = 'set gaps = "interpolate" or "mask".'


@dataclass(frozen=True, eq=False)
class FilledSeries:
    """A series without gaps.

    Attributes:
        series: as it was read.
        values: (steps, inputs) float64. NaN only before a column's first value, with "mask".
        missing: (steps, inputs) whether there was no value.
        uses_later: (steps,) whether a value was interpolated, so that it depends on a later one.
        start: its first step on the grid by which splits are made: that of time, unless series are
            aligned at their ends.
        known_ahead: number of steps at the end that have no target, only covariates.
    """

    series: Series
    values: np.ndarray
    missing: np.ndarray
    uses_later: np.ndarray
    start: int
    known_ahead: int = 0

    @property
    def present(self) -> int:
        """Number of steps up to the last one that has a target."""
        return len(self.values) - self.known_ahead


def fill_gaps(table: SeriesTable, rule: str) -> list[FilledSeries]:
    """Return the series of a table without gaps.

    Rows at the end of a series that have no target, but covariates known in advance, are no gap.

    Args:
        rule: "error"; "interpolate", on a straight line between the values before and after; or
            "mask", by the last value before. Texts always have the last one before.

    Raises:
        InputError: names the first row beside a gap, or the first empty cell.
    """
    filled = [_without_fill(table, series) for series in table.series]
    if rule == "error":
        for one in filled:
            _require_rows(table, one)
        _require_cells(table, filled)
        return filled
    is_text = np.array([name in table.texts for name in table.columns.inputs], bool)
    return [_filled(table, one, rule, is_text) for one in filled]


def aligned_at_the_end(filled: list[FilledSeries]) -> list[FilledSeries]:
    """Return series of which all have their last target at the same step of the splits' grid."""
    longest = max(one.present for one in filled)
    return [replace(one, start=longest - one.present) for one in filled]


def without_later_splits(filled: list[FilledSeries], ends: Sequence[int]) -> list[FilledSeries]:
    """Return series in which no split holds a value that was interpolated from a later split.

    Such a value is replaced by the last one before its gap.

    Args:
        ends: steps of the splits' grid before which a split ends.
    """
    return [_with_last_values(one, [end - one.start for end in ends]) for one in filled]


def _with_last_values(one: FilledSeries, ends: Sequence[int]) -> FilledSeries:
    """Return a series with the last value in the part of a gap that lies before one of its ends."""
    if not one.uses_later.any():
        return one
    values = one.values.copy(order="F")
    for position in np.flatnonzero(one.missing.any(axis=0)):
        missing = one.missing[:, position]
        for end in ends:
            if not 0 < end < one.present or not missing[end - 1]:
                continue
            first = end - int(np.argmin(missing[:end][::-1]))
            values[first:end, position] = values[first - 1, position]
    return replace(one, values=values)


def describe_gaps(table: SeriesTable, filled: list[FilledSeries], rule: str) -> list[str]:
    """Return a note on the gaps of a table, with the first one; none if there are no gaps."""
    rows = sum(int((one.series.rows[: one.present] < 0).sum()) for one in filled)
    cells = sum(int(_empty_cells(one).sum()) for one in filled)
    if not rows and not cells:
        return []
    first = next(
        (one, int(np.argmax(one.missing[: one.present].any(axis=1))))
        for one in filled
        if one.missing[: one.present].any()
    )
    of_series = f" of {first[0].series.id}" if first[0].series.id else ""
    text = (
        f"{table.path.name}: {rows:,} missing rows and {cells:,} empty cells, the first at "
        f"{table.time(first[0].series, first[1])}{of_series}, "
    )
    if rule == "interpolate":
        return [
            f"{text}are interpolated, in inputs and targets; no window ends on an interpolated step"
        ]
    return [
        f"{text}have the last value before them as inputs, beside a channel that says so; windows "
        "whose horizon has a missing target are left out"
    ]


def _empty_cells(one: FilledSeries) -> np.ndarray:
    """Return whether cells (steps, inputs) of rows that exist are empty."""
    has_row = one.series.rows[: one.present, None] >= 0
    return np.asarray(one.missing[: one.present] & has_row)


def _without_fill(table: SeriesTable, series: Series) -> FilledSeries:
    """Return a series as it was read, with its missing values marked."""
    columns = table.columns
    missing = np.isnan(series.values)
    known_ahead = 0
    if columns.known or columns.holidays:
        targets = [columns.inputs.index(name) for name in columns.target]
        without_target = missing[:, targets].all(axis=1)
        if without_target.all():
            known_ahead = len(series)
        else:
            known_ahead = int(np.argmin(without_target[::-1]))
    return FilledSeries(
        series=series,
        values=series.values,
        missing=missing,
        uses_later=np.zeros(len(series), bool),
        start=series.start,
        known_ahead=known_ahead,
    )


def _require_rows(table: SeriesTable, one: FilledSeries) -> None:
    """Raise an InputError if a step has no row."""
    rows = one.series.rows
    if (rows >= 0).all():
        return
    with_row = np.flatnonzero(rows >= 0)
    later = int(np.argmax(np.diff(with_row) > 1)) + 1
    pair = with_row[later - 1 : later + 1]
    times = table.steps.times(one.series.start, int(pair[1]) + 1)[pair]
    message = uneven(table.path, table.steps, times, rows[pair], 1, one.series.id)
    message += f" Fill in the missing rows first, or {_INSTEAD}"
    if not table.steps.zone and may_be_set_forward(times[0], times[1], table.steps.frequency):
        message += (
            " If clocks were set forward, set timezone to the name of their time zone, such as "
            '"Europe/Berlin".'
        )
    raise InputError(message)


def _require_cells(table: SeriesTable, filled: list[FilledSeries]) -> None:
    """Raise an InputError if a cell is empty."""
    for position, name in enumerate(table.columns.inputs):
        rows = np.concatenate([_rows_without(one, table, position) for one in filled])
        if len(rows):
            raise InputError(
                f"Column {name} of {table.path} must not have empty cells. Received: {len(rows)}, "
                f"the first in row {rows.min() + 1}. Fill them in first, or {_INSTEAD}"
            )


def _rows_without(one: FilledSeries, table: SeriesTable, position: int) -> np.ndarray:
    """Return the rows in which a column is empty, but must not be."""
    missing = one.missing[:, position]
    if table.columns.inputs[position] not in table.columns.known:
        missing = missing[: one.present]
    return np.asarray(one.series.rows[: len(missing)][missing])


def _filled(table: SeriesTable, one: FilledSeries, rule: str, is_text: np.ndarray) -> FilledSeries:
    """Return a series with its gaps filled."""
    if not one.missing.any():
        return one
    values = one.values.copy(order="F")
    uses_later = one.uses_later.copy()
    steps = np.arange(len(values))
    for position in np.flatnonzero(one.missing.any(axis=0)):
        missing = one.missing[:, position]
        if rule == "interpolate" and not is_text[position]:
            _require_ends(table, one, position)
            if missing.all():  # a series that has only what is known in advance
                continue
            last = int(np.flatnonzero(~missing)[-1])
            inner = missing & (steps <= last)
            values[inner, position] = np.interp(
                steps[inner], steps[~missing], values[~missing, position]
            )
            uses_later |= inner
        else:
            before = np.maximum.accumulate(np.where(missing, -1, steps))
            found = missing & (before >= 0)
            values[found, position] = values[before[found], position]
    return replace(one, values=values, uses_later=uses_later)


def _require_ends(table: SeriesTable, one: FilledSeries, position: int) -> None:
    """Raise an InputError if a column has no value at the beginning or the end of its series."""
    name = table.columns.inputs[position]
    count = len(one.values) if name in table.columns.known else one.present
    missing = one.missing[:count, position]
    for step, where in ((0, "begins"), (count - 1, "ends")):
        if count and missing[step]:
            of_series = f" of {one.series.id}" if one.series.id else ""
            raise InputError(
                'gaps = "interpolate" needs a value before and after each gap. Received: column '
                f"{name} of {table.path}{of_series} {where} without one, at "
                f'{table.time(one.series, step)}. Use gaps = "mask", or leave these rows out.'
            )
