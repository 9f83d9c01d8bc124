"""From the channels of series to the splits of a forecast and the specification of its task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.centring import (
    LARGEST,
    describe_centring,
    describe_losses,
    first_beyond_float32,
    offsets_of,
    subtract_offsets,
)
from tcn_search.formats.series_gaps import FilledSeries
from tcn_search.formats.series_tables import SeriesTable
from tcn_search.formats.table_layout import ForecastLayout, TableLayout
from tcn_search.tasks.forecast_channels import Channels, channel_values, scales_of
from tcn_search.tasks.forecast_splits import require_room, require_windows
from tcn_search.tasks.forecast_windows import (
    WindowPlaces,
    WindowSource,
    are_copied,
    first_targets,
    stride_for,
    take_windows,
    usable_steps,
)
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData


class PreparedSeries(NamedTuple):
    """Series in float32, and the specification that belongs to them.

    Attributes:
        spec: without name and sequence length.
        inputs: channels (steps, channels) of each series.
        target_offset, target_scale: (series, targets), to return to the units of the series.
        notes: messages to the user, one line each.
    """

    spec: TaskSpec
    inputs: list[np.ndarray]
    target_offset: np.ndarray
    target_scale: np.ndarray
    notes: list[str]


def prepare_series(
    table: SeriesTable,
    filled: Sequence[FilledSeries],
    channels: Channels,
    rules: ForecastLayout,
    end: int,
    look_back: int,
) -> PreparedSeries:
    """Return the channels of all series, ready for windows.

    Args:
        filled: the table's series without gaps.
        end: step of the time grid before which training rows end.

    Raises:
        InputError: a number is beyond the range of float32.
    """
    values = [channel_values(table, one, rules, max(0, end - one.start)) for one in filled]
    _require_float32(table, channels, values)
    if table.columns.id:
        return _standardised_by_series(table, filled, channels, values, rules, end, look_back)
    return _raw_with_statistics(table, channels, values[0], rules, end)


def _raw_with_statistics(
    table: SeriesTable, channels: Channels, values: np.ndarray, rules: ForecastLayout, end: int
) -> PreparedSeries:
    """Return a table in wide form: raw values, with the statistics of its training rows.

    Args:
        values: (steps, channels).
        end: number of training rows.
    """
    offset = _as_in_the_present(channels, offsets_of(values[:end]))
    inputs = subtract_offsets(values, offset)
    training = inputs[:end].astype("float64")
    mean = training.mean(axis=0)
    std = training.std(axis=0)
    std[std == 0] = 1.0
    numbers = {*channels.numbers}
    for channel in range(len(channels)):
        if channel not in numbers:
            mean[channel] = 0.0
            std[channel] = 1.0
    mean = np.array(_as_in_the_present(channels, mean.tolist()))
    std = np.array(_as_in_the_present(channels, std.tolist()))
    target = list(channels.target)
    spec = _specification(table, channels, rules)
    spec = replace(
        spec,
        input_mean=tuple(mean.tolist()),
        input_std=tuple(std.tolist()),
        target_mean=tuple(mean[target].tolist()) * rules.horizon,
        target_std=tuple(std[target].tolist()) * rules.horizon,
        input_offset=offset,
        target_offset=tuple(offset[channel] for channel in target if offset) * rules.horizon,
    )
    name = table.path.name
    notes = describe_centring(name, values[:end], offset, "series")
    later = f"{name} after the training split"
    notes += describe_losses(later, values[end:], offset, "series")
    return PreparedSeries(
        spec=spec,
        inputs=[inputs],
        target_offset=np.zeros((1, len(target))),
        target_scale=np.ones((1, len(target))),
        notes=notes,
    )


def _as_in_the_present(channels: Channels, values: Sequence[float]) -> tuple[float, ...]:
    """Return a number for each channel, the same for what is known in advance as for its present.

    An empty sequence stays empty.
    """
    changed = list(values)
    if changed:
        for future, present in zip(channels.future, channels.present, strict=True):
            changed[future] = changed[present]
    return tuple(changed)


def _standardised_by_series(
    table: SeriesTable,
    filled: Sequence[FilledSeries],
    channels: Channels,
    values: Sequence[np.ndarray],
    rules: ForecastLayout,
    end: int,
    look_back: int,
) -> PreparedSeries:
    """Return a table in long form, each series standardised by its own training rows.

    A series with fewer training rows than a window is standardised by the rows of its first window.

    Args:
        values: the channels (steps, channels) of each series.
        end: step of the time grid before which training rows end.
    """
    seen = [max(min(end - one.start, one.present), look_back) for one in filled]
    offset, scale = scales_of(channels, values, seen)
    ids = tuple(one.series.id for one in filled)
    rules = replace(
        rules,
        ids=ids,
        offset=tuple(map(tuple, offset.tolist())),
        scale=tuple(map(tuple, scale.tolist())),
    )
    target = list(channels.target)
    spec = _specification(table, channels, rules)
    return PreparedSeries(
        spec=replace(
            spec,
            input_mean=(0.0,) * len(channels),
            input_std=(1.0,) * len(channels),
            target_mean=(0.0,) * spec.outputs,
            target_std=(1.0,) * spec.outputs,
            series=len(filled),
        ),
        inputs=[
            np.asfortranarray((one - offset[number]) / scale[number], dtype="float32")
            for number, one in enumerate(values)
        ],
        target_offset=offset[:, target],
        target_scale=scale[:, target],
        notes=[],
    )


def _specification(table: SeriesTable, channels: Channels, rules: ForecastLayout) -> TaskSpec:
    """Describe the task, without its name, its statistics and the length of its windows."""
    columns = table.columns
    texts = dict(rules.texts)
    in_order = sorted(columns.inputs, key=lambda name: name in texts)
    steps_ahead = range(1, rules.horizon + 1)
    return TaskSpec(
        name="",
        kind="forecast",
        seq_len=0,
        input_channels=len(channels),
        outputs=rules.horizon * len(columns.target),
        class_names=tuple(f"{target}+{step}" for step in steps_ahead for target in columns.target),
        table=TableLayout(
            form="forecast",
            inputs=tuple(in_order),
            targets=columns.target,
            sequence=columns.id or None,
            time=" ".join(columns.time),
            table_format=table.table_format,
            forecast=rules,
        ),
        target_channels=channels.target,
        future_channels=channels.future,
    )


def _require_float32(table: SeriesTable, channels: Channels, values: Sequence[np.ndarray]) -> None:
    """Raise an InputError for a number that float32 cannot hold."""
    for series, one in zip(table.series, values, strict=True):
        beyond = first_beyond_float32(one)
        if beyond is not None:
            raise InputError(
                f"Column {channels.names[beyond[1]]} of {table.path} must lie within the range of "
                f"float32, ±{LARGEST:.2g}. Received: {one[beyond]:g} at "
                f"{table.time(series, beyond[0])}"
            )


def target_values(table: SeriesTable, one: FilledSeries) -> np.ndarray:
    """Return the targets of a series (steps, targets) as they were read, up to the last one."""
    positions = [table.columns.inputs.index(name) for name in table.columns.target]
    return np.asarray(one.series.values[: one.present, positions])


class SplitWindows(NamedTuple):
    """Windows of the three splits.

    Attributes:
        train, validation, test: windows and the steps after them.
        places: series and time of the windows of each split.
        stride: from one training window to the next.
        is_stride_chosen: whether the stride was chosen to limit memory.
    """

    train: SplitData
    validation: SplitData
    test: SplitData
    places: tuple[WindowPlaces, WindowPlaces, WindowPlaces]
    stride: int
    is_stride_chosen: bool


def split_windows(
    table: SeriesTable,
    filled: Sequence[FilledSeries],
    prepared: PreparedSeries,
    channels: Channels,
    rules: ForecastLayout,
    ends: tuple[int, int, int],
    gap: int,
    look_back: int,
    stride: int | None,
) -> SplitWindows:
    """Return the windows of each split.

    Args:
        ends: steps of the time grid before which the splits end.
        gap: steps without targets before validation and test split.
        stride: from one training window to the next; None for 1, or more where copies would need
            too much memory.

    Raises:
        InputError: a split has no window.
    """
    horizon = rules.horizon
    begins = (0, ends[0], ends[1])
    last_targets = (ends[0] - gap, ends[1] - gap, ends[2])
    if not table.columns.id:
        starts = (look_back, *ends[:-1])
        require_room(table.path, starts, last_targets, horizon, look_back)
    target = list(channels.target)
    positions = [table.columns.inputs.index(name) for name in table.columns.target]
    sources = [
        WindowSource(
            start=one.start,
            inputs=inputs[: one.present],
            targets=inputs[: one.present, target],
            is_usable=usable_steps(
                one.missing[: one.present, positions],
                one.uses_later[: one.present],
                horizon,
                masks=rules.gaps == "mask",
            ),
        )
        for one, inputs in zip(filled, prepared.inputs, strict=True)
    ]
    firsts: list[list[np.ndarray]] = [
        [first_targets(source, look_back, horizon, begin, end) for source in sources]
        for begin, end in zip(begins, last_targets, strict=True)
    ]
    counts = [sum(map(len, steps)) for steps in firsts]
    require_windows(table.path, counts, horizon, look_back, rules.gaps == "mask")
    is_stride_chosen = stride is None
    if stride is None:
        stride = 1
        if are_copied(firsts[0]):
            stride = stride_for(counts[0], look_back * len(channels))
    firsts[0] = [steps[::-1][::stride][::-1] for steps in firsts[0]]
    taken = [take_windows(sources, steps, look_back, horizon) for steps in firsts]
    return SplitWindows(
        train=taken[0][0],
        validation=taken[1][0],
        test=taken[2][0],
        places=(taken[0][1], taken[1][1], taken[2][1]),
        stride=stride,
        is_stride_chosen=is_stride_chosen and stride > 1,
    )
