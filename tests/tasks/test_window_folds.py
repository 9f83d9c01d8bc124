"""Folds of a forecast roll the origin back, for all series together, and never look ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search.errors import InputError
from tcn_search.tasks.builtin.forecast import forecast
from tcn_search.tasks.folds import HELD_OUT, KEPT, LEFT_OUT
from tcn_search.tasks.forecast_windows import ForecastWindows, WindowPlaces
from tcn_search.tasks.window_folds import make_window_folds
from tests.tasks.series_data import long, wide

SMALL: dict[str, Any] = {"horizon": 3, "look_back": 8, "parts": [72, 12, 36]}


def windows(
    origin: int, size: int, horizon: int, gap: int = 0, sliding: bool = False
) -> ForecastWindows:
    """Windows of one series from step 4 on, with `size` validation steps after `origin`."""
    train = np.arange(4, origin - gap - horizon + 1)
    held = np.arange(origin, origin + size - gap - horizon + 1)
    places = [WindowPlaces(np.zeros(len(first), int), first) for first in (train, held)]
    return ForecastWindows(
        horizon=horizon,
        ids=("",),
        targets=("a",),
        train=places[0],
        validation=places[1],
        test=places[1],
        ends=(origin, origin + size, origin + 2 * size),
        starts=(0,),
        values=(),
        offset=np.zeros((1, 1)),
        scale=np.ones((1, 1)),
        times=pd.RangeIndex(0),
        shifts=(0,),
        frequency="1",
        gap=gap,
        sliding=sliding,
    )


@given(
    st.integers(30, 80), st.integers(6, 12), st.integers(1, 5), st.integers(0, 2),
    st.integers(2, 4), st.booleans(),
)  # fmt: skip
def test_no_training_window_reaches_into_what_is_held_out(
    origin: int, size: int, horizon: int, gap: int, number: int, sliding: bool
) -> None:
    if size < horizon + gap:
        return
    places = windows(origin, size, horizon, gap, sliding)
    first = np.concatenate([places.train.first_target, places.validation.first_target])
    if origin - (number - 1) * size < 4 + horizon + gap:
        with pytest.raises(InputError, match=f"folds = {number} of {size} steps each leaves fold"):
            make_window_folds(number, places)
        return
    roles = make_window_folds(number, places)
    counts = (roles == KEPT).sum(axis=1)
    for fold, row in enumerate(roles):
        begin = origin - fold * size
        held = first[row == HELD_OUT]
        kept = first[row == KEPT]
        assert kept.max() + horizon + gap <= held.min()
        assert begin <= held.min()
        assert held.max() + horizon <= begin + size
        assert len(held) == size - gap - horizon + 1
        left = first[row == LEFT_OUT]
        after = left[left > kept.max()]
        assert (after + horizon > begin - gap).all()
    if sliding:
        assert len(set(counts.tolist())) == 1
    else:
        assert (np.diff(counts) == -size).all()


def test_the_first_fold_is_the_split_itself() -> None:
    task = forecast(wide(), **SMALL)
    data = task.cross_validated(3)
    assert data.trainings == 3
    fold = data.for_training(0)
    np.testing.assert_array_equal(fold.train.X, task.train.X)
    np.testing.assert_array_equal(fold.validation.y, task.validation.y)
    assert task.cross_validated(1).folds is None


def test_series_below_each_other_are_split_at_the_same_time() -> None:
    frame = long()
    task = forecast(
        frame[(frame["shop"] == "a") | (frame["date"] >= "2024-01-02")], id="shop", **SMALL
    )
    assert task.windows is not None
    roles = make_window_folds(2, task.windows)
    series = np.concatenate([task.windows.train.series, task.windows.validation.series])
    first = np.concatenate([task.windows.train.first_target, task.windows.validation.first_target])
    for row in roles:
        assert set(series[row == HELD_OUT].tolist()) == set(series[row == KEPT].tolist()) == {0, 1}
        assert len({int(first[(row == HELD_OUT) & (series == one)].min()) for one in (0, 1)}) == 1


def test_inputs_and_targets_of_a_fold_are_standardised_alike() -> None:
    frame = wide(price=np.arange(120.0))
    task = forecast(frame, target=["b", "a"], known="price", **SMALL)
    data = task.cross_validated(3)
    for number in range(3):
        spec = data.for_training(number).spec
        train = data.for_training(number).train
        for position, channel in enumerate(spec.target_channels):
            assert spec.input_std[channel] == task.spec.input_std[channel]
            assert spec.target_std[position::2] == (spec.input_std[channel],) * 3
            assert spec.target_mean[position::2] == (spec.input_mean[channel],) * 3
            assert spec.input_mean[channel] == pytest.approx(train.X[..., channel].mean(), rel=1e-4)


def test_too_many_folds() -> None:
    task = forecast(wide(), **SMALL)
    with pytest.raises(InputError) as error:
        task.cross_validated(7)
    assert str(error.value) == (
        "folds = 7 of 12 steps each leaves fold 7 too few windows: 0 to train on, 2 held out. Give "
        "at most 6 folds, or a smaller validation split (parts) or gap."
    )
