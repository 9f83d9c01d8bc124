"""Channels of a forecast's windows: series, covariates, and what is known in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tcn_search.formats.calendar_features import calendar_features
from tcn_search.formats.series_columns import SeriesColumns
from tcn_search.formats.series_gaps import FilledSeries
from tcn_search.formats.series_tables import SeriesTable
from tcn_search.formats.table_layout import ForecastLayout


@dataclass(frozen=True)
class Channels:
    """Channels of a window, in their order.

    Numbers come first, in the order of the table's columns; then texts and marks of missing values,
    as zeros and ones; holidays and the calendar; all that is known in advance, shifted by the
    horizon; and columns that are the same at all steps.

    Attributes:
        names: names of the channels.
        target: channels of the columns that are predicted.
        future: channels that hold what is known in advance, shifted by the horizon.
        present: for each of them, the channel that holds the same at its own time.
        numbers: channels that hold numbers of their own time, which differ from step to step.
        static_numbers: channels that hold a number, the same at all steps. All other channels are
            of size 1 already.
    """

    names: tuple[str, ...]
    target: tuple[int, ...]
    future: tuple[int, ...]
    present: tuple[int, ...]
    numbers: tuple[int, ...]
    static_numbers: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.names)


def list_channels(columns: SeriesColumns, rules: ForecastLayout) -> Channels:
    """Return the channels that the rules make of a table's columns."""
    texts = dict(rules.texts)
    numbers = [name for name in columns.inputs if name not in texts]
    names = [*numbers]
    names += [_named(name, text) for name in columns.inputs for text in texts.get(name, ())]
    names += [f"{name} is there" for name in rules.observed]
    ahead = _names_ahead(columns, rules)
    without_column = ahead[len(ahead) - _features(rules) :]
    names += without_column
    first_future = len(names)
    names += [f"{name} +{rules.horizon}" for name in ahead]
    first_static = len(names)
    static_numbers = []
    for name in columns.static:
        if name in texts:
            names += [_named(name, text) for text in texts[name]]
        else:
            static_numbers.append(len(names))
            names.append(name)
    return Channels(
        names=tuple(names),
        target=tuple(numbers.index(name) for name in columns.target),
        future=tuple(range(first_future, first_static)),
        present=tuple(names.index(name) for name in ahead),
        numbers=tuple(range(len(numbers))),
        static_numbers=tuple(static_numbers),
    )


def _named(name: str, text: str) -> str:
    return f"{name}={text}"


def _features(rules: ForecastLayout) -> int:
    """Return the number of channels of holidays and the calendar."""
    return 2 * len(rules.calendar) + (1 if rules.holidays else 0)


def _names_ahead(columns: SeriesColumns, rules: ForecastLayout) -> list[str]:
    """Return what is known in advance: columns of numbers, texts, holidays, the calendar."""
    texts = dict(rules.texts)
    names = [name for name in columns.known if name not in texts]
    names += [_named(name, text) for name in columns.known for text in texts.get(name, ())]
    if rules.holidays:
        names.append(rules.holidays)
    for feature in rules.calendar:
        names += [f"{feature} sine", f"{feature} cosine"]
    return names


def channel_values(
    table: SeriesTable, one: FilledSeries, rules: ForecastLayout, first_unknown: int
) -> np.ndarray:
    """Return the channels of a series, (steps, channels) float64.

    What is known in advance is NaN at the last steps, where it lies beyond the end of the series;
    the calendar never is.

    Args:
        table: that the series was read from.
        one: the series, without gaps.
        rules: of the task.
        first_unknown: step of the series from which on it is not trained on. Before the first value
            of a column, the mean of its values before this step stands in.
    """
    columns = table.columns
    texts = dict(rules.texts)
    position_of = {name: position for position, name in enumerate(columns.inputs)}
    numbers = [position_of[name] for name in columns.inputs if name not in texts]
    inputs = _with_means(one, numbers, first_unknown)
    blocks = [inputs[:, numbers]]
    for name in columns.inputs:
        if name in texts:
            blocks.append(_one_hot(inputs[:, position_of[name]], table.texts[name], texts[name]))
    observed = [position_of[name] for name in rules.observed]
    blocks.append(1.0 - one.missing[:, observed])
    features = _calendar(table, one, rules, count=len(inputs) + rules.horizon)
    blocks.append(features[: len(inputs)])
    known = [position_of[name] for name in columns.known if name not in texts]
    ahead = [inputs[:, known]]
    for name in columns.known:
        if name in texts:
            ahead.append(_one_hot(inputs[:, position_of[name]], table.texts[name], texts[name]))
    blocks += [_shifted(block, rules.horizon) for block in ahead]
    blocks.append(features[rules.horizon :])
    blocks.append(np.tile(_static(table, one, texts), (len(inputs), 1)))
    filled = [block for block in blocks if block.shape[1]]
    if len(filled) == 1:
        return filled[0]
    # Column by column, as in a data frame: sums, and so fingerprints, depend on the order.
    return np.asfortranarray(np.concatenate(filled, axis=1))


def _with_means(one: FilledSeries, numbers: Sequence[int], first_unknown: int) -> np.ndarray:
    """Return the values, with the mean of each column of numbers before its first value."""
    begin = np.isnan(one.values) & (np.arange(len(one.values)) < one.present)[:, None]
    begin &= np.cumsum(~np.isnan(one.values), axis=0) == 0
    if not begin.any():
        return one.values
    values = one.values.copy(order="F")
    for position in numbers:
        seen = one.series.values[:first_unknown, position]
        seen = seen[~np.isnan(seen)]
        values[begin[:, position], position] = seen.mean() if len(seen) else 0.0
    return values


def _one_hot(numbers: np.ndarray, texts: Sequence[str], kept: Sequence[str]) -> np.ndarray:
    """Return a column for each text that is kept, 1 where it stands.

    Args:
        numbers: numbers of texts, NaN for none.
        texts: all texts, in the order of their numbers.
    """
    columns = [numbers == texts.index(text) for text in kept]
    if not columns:
        return np.empty((len(numbers), 0))
    return np.stack(columns, axis=1).astype("float64")


def _shifted(values: np.ndarray, steps: int) -> np.ndarray:
    """Return values (T, K) of `steps` later, NaN at the last steps."""
    later = np.full(values.shape, np.nan)
    later[:-steps] = values[steps:]
    return later


def _calendar(
    table: SeriesTable, one: FilledSeries, rules: ForecastLayout, count: int
) -> np.ndarray:
    """Return holidays and features of the calendar (count, features) from the first step on.

    Holidays are NaN beyond the end of the series.
    """
    blocks = []
    if rules.holidays:
        holidays = np.full((count, 1), np.nan)
        assert one.series.holidays is not None
        holidays[: len(one.series), 0] = one.series.holidays
        blocks.append(holidays)
    if rules.calendar:
        times = table.steps.local(table.steps.times(one.series.start, count))
        blocks.append(calendar_features(times, rules.calendar))
    if not blocks:
        return np.empty((count, 0))
    return np.concatenate(blocks, axis=1)


def _static(table: SeriesTable, one: FilledSeries, texts: dict[str, tuple[str, ...]]) -> np.ndarray:
    """Return the channels (static,) that are the same at all steps."""
    values = []
    for name, value in zip(table.columns.static, one.series.static, strict=True):
        if name in texts:
            values.append(_one_hot(np.array([value]), table.texts[name], texts[name])[0])
        else:
            values.append(np.array([value]))
    return np.concatenate(values) if values else np.empty(0)


def texts_of_training(
    table: SeriesTable, filled: Sequence[FilledSeries], end: int
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the texts of each column of text before a step of the time grid.

    Columns that are the same at all steps have all their texts.
    """
    found = []
    for name, texts in table.texts.items():
        if name in table.columns.static:
            found.append((name, texts))
            continue
        position = table.columns.inputs.index(name)
        numbers = np.concatenate(
            [one.values[: max(0, end - one.start), position] for one in filled]
        )
        seen = np.unique(numbers[~np.isnan(numbers)]).astype(int)
        found.append((name, tuple(texts[number] for number in seen)))
    return tuple(found)


def observed_columns(
    table: SeriesTable, filled: Sequence[FilledSeries], end: int
) -> tuple[str, ...]:
    """Return the columns of numbers that have gaps before a step of the time grid."""
    gaps = np.zeros(len(table.columns.inputs), bool)
    for one in filled:
        stop = min(one.present, max(0, end - one.start))
        gaps |= one.missing[:stop].any(axis=0)
    return tuple(
        name
        for name, has_gap in zip(table.columns.inputs, gaps, strict=True)
        if has_gap and name not in table.texts
    )


def scales_of(
    channels: Channels, values: Sequence[np.ndarray], seen: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """Return offset and scale (series, channels) with which each series is standardised.

    Numbers are standardised by the mean and the deviation of the series itself; static ones by
    those over all series; texts, marks and the calendar not at all.

    Args:
        values: the channels (steps, channels) of each series.
        seen: for each, the number of its first steps that decide mean and deviation.
    """
    scales = [series_scale(channels, one, count) for one, count in zip(values, seen, strict=True)]
    offset = np.stack([one[0] for one in scales])
    scale = np.stack([one[1] for one in scales])
    for channel in channels.static_numbers:
        of_series = np.array([one[0, channel] for one in values])
        offset[:, channel] = of_series.mean()
        scale[:, channel] = of_series.std() or 1.0
    return offset, scale


def series_scale(
    channels: Channels, values: np.ndarray, seen: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return offset and scale (channels,) of a series, without those of static numbers."""
    offset = np.zeros(len(channels))
    scale = np.ones(len(channels))
    for channel in channels.numbers:
        numbers = values[:seen, channel]
        numbers = numbers[~np.isnan(numbers)]
        if len(numbers):
            offset[channel] = numbers.mean()
            scale[channel] = numbers.std() or 1.0
    offset[list(channels.future)] = offset[list(channels.present)]
    scale[list(channels.future)] = scale[list(channels.present)]
    return offset, scale
