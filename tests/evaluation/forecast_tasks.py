"""Forecast tasks of made-up series, with the places of their windows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tcn_search.tasks.forecast_windows import ForecastWindows, WindowPlaces
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

LOOK_BACK = 12
HORIZON = 4
SEASON = 6


def noisy_waves(steps: int, series: int = 2, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """Return series (steps, series) that repeat after six steps, with noise of one size."""
    time = np.arange(steps)[:, np.newaxis]
    wave = np.sin(2 * np.pi * time / SEASON + np.arange(series))
    noisy = wave + noise * np.random.default_rng(seed).normal(size=wave.shape)
    return noisy * (1 + np.arange(series)) + 10 * np.arange(series)


def wide_task(values: np.ndarray, ends: tuple[int, int, int]) -> Task:
    """Return the task of a table with a column for each series (steps, K)."""
    series = values.shape[1]
    mean = tuple(values[: ends[0]].mean(axis=0).tolist())
    std = tuple(values[: ends[0]].std(axis=0).tolist())
    names = tuple("abcdef"[:series])
    starts = (LOOK_BACK, ends[0], ends[1])
    splits = [_windows(values, start, end) for start, end in zip(starts, ends, strict=True)]
    return Task(
        spec=_specification(series, mean, std),
        train=splits[0][0],
        validation=splits[1][0],
        test=splits[2][0],
        windows=_places(
            splits,
            [values[: ends[2]]],
            ("",),
            names,
            ends,
            np.zeros((1, series)),
            np.ones((1, series)),
        ),
    )


def long_task(values: Sequence[np.ndarray], ends: tuple[int, int, int]) -> Task:
    """Return the task of series (steps,) below each other, each standardised by itself."""
    offset = np.array([[one[: ends[0]].mean()] for one in values])
    scale = np.array([[one[: ends[0]].std()] for one in values])
    starts = (LOOK_BACK, ends[0], ends[1])
    splits = []
    for start, end in zip(starts, ends, strict=True):
        parts = [
            _windows(
                ((one - offset[number]) / scale[number])[:, np.newaxis], start, min(end, len(one))
            )
            for number, one in enumerate(values)
        ]
        data = SplitData(
            np.concatenate([part[0].X for part in parts]),
            np.concatenate([part[0].y for part in parts]),
        )
        counts = [len(part[0]) for part in parts]
        places = WindowPlaces(
            series=np.repeat(np.arange(len(values)), counts),
            first_target=np.concatenate([part[1].first_target for part in parts]),
        )
        splits.append((data, places))
    ids = tuple(f"shop {number}" for number in range(len(values)))
    return Task(
        spec=_specification(1, (0.0,), (1.0,)),
        train=splits[0][0],
        validation=splits[1][0],
        test=splits[2][0],
        windows=_places(
            splits, [one[:, np.newaxis] for one in values], ids, ("sales",), ends, offset, scale
        ),
    )


def _specification(series: int, mean: tuple[float, ...], std: tuple[float, ...]) -> TaskSpec:
    return TaskSpec(
        name="waves",
        kind="forecast",
        seq_len=LOOK_BACK,
        input_channels=series,
        outputs=HORIZON * series,
        class_names=tuple(
            f"{name}+{step}" for step in range(1, HORIZON + 1) for name in "abcdef"[:series]
        ),
        input_mean=mean,
        input_std=std,
        target_mean=mean * HORIZON,
        target_std=std * HORIZON,
        last_value_channels=tuple(range(series)),
        season=SEASON,
    )


def _windows(values: np.ndarray, start: int, end: int) -> tuple[SplitData, WindowPlaces]:
    firsts = np.arange(start, end - HORIZON + 1)
    X = np.stack([values[first - LOOK_BACK : first] for first in firsts])
    y = np.stack([values[first : first + HORIZON].ravel() for first in firsts])
    places = WindowPlaces(series=np.zeros(len(firsts), int), first_target=firsts)
    return SplitData(X.astype("float32"), y.astype("float32")), places


def _places(
    splits: list[tuple[SplitData, WindowPlaces]],
    values: list[np.ndarray],
    ids: tuple[str, ...],
    targets: tuple[str, ...],
    ends: tuple[int, int, int],
    offset: np.ndarray,
    scale: np.ndarray,
) -> ForecastWindows:
    return ForecastWindows(
        horizon=HORIZON,
        ids=ids,
        targets=targets,
        train=splits[0][1],
        validation=splits[1][1],
        test=splits[2][1],
        ends=ends,
        starts=(0,) * len(ids),
        values=tuple(values),
        offset=offset,
        scale=scale,
        times=pd.date_range("2024-01-01", periods=ends[2], freq="h"),
        shifts=(0,) * len(ids),
        frequency="h",
    )
