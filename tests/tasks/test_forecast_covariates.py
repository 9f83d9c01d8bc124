"""Covariates: known in advance, past-only, static, calendar; and that none betrays the future."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tcn_search.errors import InputError
from tcn_search.tasks.builtin.forecast import forecast
from tcn_search.tasks.task import Task
from tests.tasks.series_data import HOURS, ROWS, long, wide

SMALL: dict[str, Any] = {"horizon": 3, "look_back": 8}
STEPS = np.arange(float(ROWS))


def splits(task: Task) -> list[Any]:
    return [task.train, task.validation, task.test]


@pytest.mark.parametrize("form", ["wide", "long"])
def test_a_column_known_in_advance_is_given_over_the_horizon(form: str) -> None:
    frame = wide(price=STEPS**2)
    options: dict[str, Any] = {"target": ["a"]}
    if form == "long":
        frame = frame.assign(shop="x")
        options = {"target": "a", "id": "shop", "past": "b"}
    task = forecast(frame, known="price", **options, **SMALL)
    assert task.windows is not None
    spec = task.spec
    assert (spec.input_channels, spec.target_channels, spec.future_channels) == (4, (0,), (3,))
    scale = offset = None
    assert spec.table is not None
    assert spec.table.forecast is not None
    if form == "long":
        offset, scale = spec.table.forecast.offset[0][3], spec.table.forecast.scale[0][3]
    for split, places in zip(
        splits(task),
        (task.windows.train, task.windows.validation, task.windows.test),
        strict=True,
    ):
        ahead = split.X[:, -3:, 3] * (scale or 1) + (offset or 0)
        expected = (places.first_target[:, None] + np.arange(3)) ** 2
        np.testing.assert_allclose(ahead, expected, rtol=1e-4)
    assert "; known in advance: price" in task.inferred


@pytest.mark.parametrize("gaps", ["error", "interpolate", "mask"])
@pytest.mark.parametrize("form", ["wide", "long"])
def test_past_only_columns_cannot_betray_the_future(form: str, gaps: str) -> None:
    """A copy of the target tells the answer to whoever sees it over the horizon."""
    frame = wide(copy=wide()["a"])
    frame.loc[30, "b"] = frame.loc[30, "b"] if gaps == "error" else np.nan
    options: dict[str, Any] = {"target": "a", "gaps": gaps, **SMALL}
    if form == "long":
        frame = frame.assign(shop="x")
        options["id"] = "shop"
    changed = frame.copy()
    changed.loc[100:, ["a", "b", "copy"]] = 1e4
    for calendar in ((), ("hour", "weekday")):
        task, other = (forecast(data, calendar=calendar, **options) for data in (frame, changed))
        assert task.windows is not None
        places = task.windows.test.first_target
        assert task.test is not None
        assert other.test is not None
        sees = places > 100
        assert sees.any() and not sees.all()  # noqa: PT018
        same = (task.test.X == other.test.X).all(axis=(1, 2))
        np.testing.assert_array_equal(same, ~sees)
        np.testing.assert_array_equal(task.train.X, other.train.X)
    # The same column, named as known in advance, is what the targets say.
    known = forecast(frame, known="copy", **options)
    ahead = known.train.X[:, -3:, known.spec.future_channels[0]]
    np.testing.assert_allclose(ahead, known.train.y, atol=1e-6)


def test_interpolation_lets_no_window_see_a_later_value() -> None:
    frame = wide()
    frame.loc[[99, 100, 101], "a"] = np.nan
    changed = frame.copy()
    changed.loc[102:, "a"] = 1e4
    tasks = [forecast(data, gaps="interpolate", **SMALL) for data in (frame, changed)]
    assert tasks[0].windows is not None
    places = tasks[0].windows.test.first_target
    until_gap = places <= 102
    np.testing.assert_array_equal(
        tasks[0].test.X[until_gap],
        tasks[1].test.X[until_gap],  # type: ignore[union-attr]
    )
    assert not {100, 101, 102} & set(places.tolist())


@pytest.mark.parametrize("form", ["wide", "long"])
@pytest.mark.parametrize("gaps", ["interpolate", "mask"])
@pytest.mark.parametrize(("gap", "missing"), [(0, [82, 83, 94, 95]), (2, [81, 82, 93, 94, 95])])
def test_nothing_that_is_trained_on_depends_on_a_later_split(
    form: str, gaps: str, gap: int, missing: list[int]
) -> None:
    """Statistics, texts, targets and windows of a split, where gaps reach over its end."""
    frame = wide(price=STEPS % 5, wind=np.where(STEPS % 2 == 0, "N", "S"))
    frame.loc[missing, ["a", "price", "wind"]] = np.nan
    options: dict[str, Any] = {"known": "price", "gaps": gaps, "gap": gap, **SMALL}
    target: Any = ["a", "b"]
    if form == "long":
        frame = frame.assign(shop="x")
        options["id"] = "shop"
    before = forecast(frame, target=target, **options)
    for end, names in ((84, ["train"]), (96, ["train", "validation"])):
        changed = frame.copy()
        changed.loc[end:, "a"] -= 1e4
        changed.loc[end:, "b"] *= -7
        changed.loc[end + 3 :, "wind"] = "E"
        changed.loc[[end + 5], "b"] = np.nan
        after = forecast(changed, target=target, **options)
        assert after.spec == before.spec
        for name in names:
            first, second = getattr(before, name), getattr(after, name)
            np.testing.assert_array_equal(first.X, second.X)
            np.testing.assert_array_equal(first.y, second.y)


def test_calendar_features_are_points_on_a_circle() -> None:
    task = forecast(wide(), calendar=["hour", "weekday", "month"], **SMALL)
    spec = task.spec
    assert spec.input_channels == 2 + 6 + 6
    assert spec.future_channels == tuple(range(8, 14))
    features = task.train.X[..., 2:]
    np.testing.assert_allclose(
        np.square(features[..., ::2]) + np.square(features[..., 1::2]), 1, atol=1e-5
    )
    np.testing.assert_allclose(task.train.X[3:, :, 2], task.train.X[:-3, :, 8], atol=1e-6)
    assert spec.input_mean[2:] == (0,) * 12
    assert spec.input_std[2:] == (1,) * 12
    assert "; known in advance: hour, weekday, month" in task.inferred


def test_holidays_are_marked_by_a_column() -> None:
    marks = np.where(HOURS.dayofweek == 2, "New Year", "")
    task = forecast(wide(holiday=marks), holidays="holiday", **SMALL)
    assert task.windows is not None
    assert task.spec.input_channels == 4
    first = task.windows.train.first_target
    is_holiday = (HOURS.dayofweek == 2).astype(float)
    np.testing.assert_array_equal(task.train.X[:, -1, 2], is_holiday[first - 1])
    np.testing.assert_array_equal(task.train.X[:, -3, 3], is_holiday[first])


def test_texts_become_channels_by_the_training_rows() -> None:
    wind = np.where(STEPS % 3 == 0, "NE", np.where(STEPS < 100, "SW", "N"))
    task = forecast(wide(wind=wind), target="a", **SMALL)
    assert task.spec.table is not None
    assert task.spec.table.forecast is not None
    assert task.spec.table.forecast.texts == (("wind", ("NE", "SW")),)
    assert task.spec.input_channels == 4
    assert task.test is not None
    np.testing.assert_array_equal(task.train.X[0, :, 2], (STEPS[:8] % 3 == 0))
    np.testing.assert_array_equal(task.train.X[0, :, 3], (STEPS[:8] % 3 != 0))
    assert task.test.X[-1, -2:, 2:].tolist() == [[1, 0], [0, 0]] or task.test.X[-1, :, 3].sum() == 0
    assert "the data frame: a channel for each text of column wind (3 texts)" in task.notes
    many = wide(note=[f"n{row}" for row in range(ROWS)])
    with pytest.raises(InputError) as error:
        forecast(many, target="a", **SMALL)
    assert str(error.value) == (
        "Column note of the data frame must hold numbers, or at most 100 different texts. "
        "Received: 120 texts, such as 'n0'. To leave it out, name the columns to read besides the "
        "target: past = [...]."
    )
    task = forecast(many, target="a", past="b", **SMALL)
    assert "the data frame: not read: column note" in task.notes


def test_no_text_before_the_first_one() -> None:
    wind = np.array(["N", "E", "S"])[(STEPS % 3).astype(int)].astype(object)
    wind[:6] = np.nan
    task = forecast(wide(wind=wind), target="a", gaps="mask", **SMALL)
    assert task.train.X[0, :, 2:5].sum(axis=1).tolist() == [0] * 6 + [1, 1]


def test_static_columns_are_the_same_at_all_steps() -> None:
    frame = long()
    frame["size"] = np.where(frame["shop"] == "a", 10.0, 30.0)
    frame["city"] = np.where(frame["shop"] == "a", "Bonn", "Köln")
    task = forecast(frame, id="shop", target="sold", static=["size", "city"], **SMALL)
    assert task.windows is not None
    assert task.spec.input_channels == 4
    of_a = task.windows.train.series == 0
    assert np.unique(task.train.X[of_a][..., 1:], axis=0).shape[0] == 1
    np.testing.assert_array_equal(task.train.X[of_a][0, 0, 1:], [-1, 1, 0])
    np.testing.assert_array_equal(task.train.X[~of_a][0, 0, 1:], [1, 0, 1])
    assert "; static: size, city" in task.inferred


def test_tasks_with_other_covariates_have_other_fingerprints() -> None:
    frame = wide(price=STEPS)
    tasks = [
        forecast(frame, target="a", **SMALL),
        forecast(frame, target="a", known="price", **SMALL),
        forecast(frame, target="a", calendar="hour", **SMALL),
        forecast(frame.assign(shop="x"), target="a", id="shop", **SMALL),
    ]
    assert len({task.fingerprint() for task in tasks}) == 4


def test_rows_without_a_target_at_the_end_are_not_trained_on() -> None:
    frame = wide(price=STEPS)
    frame.loc[115:, ["a", "b"]] = np.nan
    task = forecast(frame, target=["a", "b"], known="price", parts=[80, 15, 20], **SMALL)
    assert "the data frame: 5 rows at the end without a target: not trained on" in task.notes
    assert task.windows is not None
    assert task.windows.test.first_target.max() == 112
    same = forecast(
        wide(price=STEPS)[:115], target=["a", "b"], known="price", parts=[80, 15, 20], **SMALL
    )
    np.testing.assert_array_equal(task.train.X, same.train.X)
    with pytest.raises(InputError, match="Column a of the data frame must not have empty cells"):
        forecast(frame, **SMALL)
