"""Forecasts from data as people have it: long form, gaps, time zones, covariates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tcn_search.errors import InputError
from tcn_search.tasks.builtin.forecast import forecast
from tcn_search.tasks.registry import load_task
from tcn_search.tasks.task import Task
from tests.tasks.series_data import HOURS, ROWS, long, wide

SMALL: dict[str, Any] = {"horizon": 3, "look_back": 8}
GAPS = 'set gaps = "interpolate" or "mask".'


def message(*arguments: Any, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        forecast(*arguments, **{**SMALL, **options})
    return str(error.value)


def same(first: Task, second: Task) -> None:
    assert first.spec.target_std == second.spec.target_std
    for name in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(first, name).X, getattr(second, name).X)
        np.testing.assert_array_equal(getattr(first, name).y, getattr(second, name).y)


# --- Files and data frames


def test_files_and_data_frames_give_the_same_task(tmp_path: Path) -> None:
    frame = wide()
    frame.to_csv(tmp_path / "own.csv", index=False)
    task = forecast(tmp_path / "own.csv", **SMALL)
    same(forecast(frame, **SMALL), task)
    same(forecast(frame.set_index("date"), **SMALL), task)
    same(forecast(frame.set_index("date").rename_axis(None), **SMALL), task)
    same(forecast(frame.assign(date=HOURS.to_period("h")), **SMALL), task)
    loaded = load_task("forecast", file=frame, **SMALL)
    same(loaded, task)
    assert (loaded.source, loaded.name, task.name) == (None, "series", "own")


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    frame = wide()
    frame.to_parquet(tmp_path / "own.parquet")
    same(forecast(tmp_path / "own.parquet", **SMALL), forecast(frame, **SMALL))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    assert "bad.parquet cannot be read as Parquet: " in message(tmp_path / "bad.parquet")


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, module, None)
    file = tmp_path / "own.parquet"
    file.write_bytes(b"PAR1")
    assert message(file) == (
        f"Reading {file} needs pyarrow: pip install 'tcn-search[parquet]', or save the rows as a "
        ".csv."
    )
    with pytest.raises(InputError, match="A .parquet holds series to forecast: give a horizon"):
        load_task(file)


# --- Long form


def test_series_below_each_other_are_those_side_by_side() -> None:
    side = forecast(wide(), **SMALL)
    below = forecast(long(), id="shop", **SMALL)
    assert below.spec.series == 2
    assert below.windows is not None
    assert side.windows is not None
    assert below.inferred == ("forecast of sold in 2 series, 3 steps ahead (a step is 1 hour)")
    for name in ("train", "validation", "test"):
        places = getattr(below.windows, name)
        split = getattr(below, name)
        raw = getattr(side, name)
        for number in (0, 1):
            of_series = places.series == number
            mean, std = side.spec.input_mean[number], side.spec.input_std[number]
            np.testing.assert_allclose(
                split.X[of_series, :, 0], (raw.X[..., number] - mean) / std, atol=1e-5
            )
            np.testing.assert_allclose(
                below.windows.in_units(split.y, places.series)[of_series, :, 0],
                raw.y.reshape(-1, 3, 2)[..., number],
                atol=1e-4,
            )
            np.testing.assert_array_equal(
                places.first_target[of_series], getattr(side.windows, name).first_target
            )
    np.testing.assert_allclose(below.spec.input_mean, 0)


def test_series_are_found_by_a_usual_name(tmp_path: Path) -> None:
    frame = long().rename(columns={"shop": "unique_id", "date": "ds", "sold": "y"})
    frame.sample(frac=1, random_state=0).to_csv(tmp_path / "own.csv", index=False)
    task = forecast(tmp_path / "own.csv", **SMALL)
    assert task.windows is not None
    assert set(task.windows.ids) == {"a", "b"}
    assert any("rows are put in the order of time; row " in note for note in task.notes)
    known = forecast(long(), id="shop", **SMALL)
    assert len(task.train) == len(known.train)


def test_series_live_at_different_times() -> None:
    frame = long()
    is_late = (frame["shop"] == "b") & (frame["date"] < HOURS[50])
    ends_early = (frame["shop"] == "a") & (frame["date"] >= HOURS[90])
    short = pd.DataFrame({"shop": "c", "date": HOURS[:5], "sold": 1.0})
    frame = pd.concat([frame[~is_late & ~ends_early], short], ignore_index=True)
    task = forecast(frame, id="shop", parts=[72, 24, 24], **SMALL)
    windows = task.windows
    assert windows is not None
    assert windows.ends == (72, 96, 120)
    first = {
        name: {
            number: (places.first_target[places.series == number])
            for number in set(places.series.tolist())
        }
        for name, places in (
            ("train", windows.train),
            ("validation", windows.validation),
            ("test", windows.test),
        )
    }
    assert {name: sorted(found) for name, found in first.items()} == {
        "train": [0, 1], "validation": [0, 1], "test": [1],
    }  # fmt: skip
    assert (first["train"][0].min(), first["train"][0].max()) == (8, 69)
    assert (first["train"][1].min(), first["train"][1].max()) == (58, 69)
    assert (first["validation"][0].min(), first["validation"][0].max()) == (72, 87)
    assert (first["validation"][1].min(), first["validation"][1].max()) == (72, 93)
    assert (
        "the data frame: 1 of 3 series are too short for a window in any split, the first is c"
        in task.notes
    )
    seen = frame.loc[(frame["shop"] == "b") & (frame["date"] < HOURS[72]), "sold"]
    assert windows.offset[1, 0] == pytest.approx(seen.mean())
    assert windows.scale[1, 0] == pytest.approx(seen.std(ddof=0))


def test_copied_windows_have_a_stride_that_keeps_them_small(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = forecast(long(), id="shop", **SMALL)
    limited = forecast(long(), id="shop", stride=4, **SMALL)
    assert every.windows is not None
    assert limited.windows is not None
    assert len(limited.train) == -(-len(every.train) // 8) * 2
    assert (np.diff(limited.windows.train.first_target[:5]) == 4).all()
    assert limited.windows.train.first_target[-1] == every.windows.train.first_target[-1]
    same_test = limited.test, every.test
    np.testing.assert_array_equal(same_test[0].X, same_test[1].X)  # type: ignore[union-attr]
    monkeypatch.setattr(
        "tcn_search.tasks.forecast_windows.stride_for.__defaults__", (len(every.train) * 8 // 2,)
    )
    chosen = forecast(long(), id="shop", **SMALL)
    assert len(chosen.train) == len(every.train) // 2
    assert any("one every 2 steps; set another stride with stride" in note for note in chosen.notes)


@pytest.mark.parametrize(
    ("frame", "options", "text"),
    [
        (long().assign(price=1.0, day=2), {"id": "shop"}, "target must name the column of the data frame to predict. It has: sold, price, day"),
        (long(), {"id": "store"}, "the data frame has no column 'store'. It has: shop, date, sold"),
        (pd.concat([long(), long()[5:6]]), {"id": "shop"}, "Each time in the data frame must stand in one row. Received: 2024-01-01 05:00:00 of a in rows 6 and 241. Remove one of them; where clocks were set back, give the times with their zone, or set timezone to its name, such as \"Europe/Berlin\"."),
        (long().assign(size=[1.0] * 239 + [2.0]), {"id": "shop", "target": "sold", "static": "size"}, "Column size of the data frame must have one value for each series, as it is static. Received: 1.0 in row 121 and 2.0 in row 240"),
        (wide(), {"static": "b"}, "static is for tables with several series below each other: set id to the column that names them. Received: static = ['b']"),
        (long()[:60], {"id": "shop", "parts": [40, 15, 5], "look_back": 50}, "The training split of the data frame has no window: no series has 50 steps and then a horizon of 3 in the split. Use a shorter horizon or look_back, or other parts; or, for series of different times, align = \"end\"."),
        (long().drop(index=[130]), {"id": "shop"}, f"The times of the data frame must be at equal steps. Received: 2024-01-01 09:00:00 of b in row 130, then 2024-01-01 11:00:00 in row 131, where most are 1 hour apart. Fill in the missing rows first, or {GAPS}"),
    ],
)  # fmt: skip
def test_bad_long_tables(frame: pd.DataFrame, options: dict[str, Any], text: str) -> None:
    assert message(frame.reset_index(drop=True), **options) == text


# --- Gaps


def with_gaps() -> pd.DataFrame:
    """Row 40 is missing, and column a is empty in the rows of hours 60 and 61."""
    frame = wide()
    frame.loc[[60, 61], "a"] = np.nan
    return frame.drop(index=40).reset_index(drop=True)


def test_a_series_that_begins_late_is_standardised_by_its_first_window() -> None:
    frame = long()
    late = frame[(frame["shop"] == "a") | (frame["date"] >= HOURS[82])]  # two training rows
    task = forecast(late, id="shop", **SMALL)
    assert task.windows is not None
    first = frame.loc[(frame["shop"] == "b"), "sold"].to_numpy()[82:90]
    assert task.windows.offset[1, 0] == pytest.approx(first.mean())
    assert task.windows.scale[1, 0] == pytest.approx(first.std())


def test_gaps_are_refused_with_the_first_row() -> None:
    assert message(with_gaps()) == (
        "The times of the data frame must be at equal steps. Received: 2024-01-02 15:00:00 in row "
        "40, then 2024-01-02 17:00:00 in row 41, where most are 1 hour apart. Fill in the missing "
        f"rows first, or {GAPS}"
    )
    frame = wide()
    frame.loc[[60, 61], "a"] = np.nan
    assert message(frame) == (
        "Column a of the data frame must not have empty cells. Received: 2, the first in row 61. "
        f"Fill them in first, or {GAPS}"
    )
    assert message(frame, gaps="fill") == (
        "gaps must be one of 'error', 'interpolate', 'mask'. Received: 'fill'"
    )


def test_gaps_are_interpolated_but_no_window_ends_on_a_later_value() -> None:
    task = forecast(with_gaps(), gaps="interpolate", **SMALL)
    whole = wide()
    assert task.windows is not None
    places = task.windows.train
    assert not {41, 61, 62} & set(places.first_target.tolist())
    assert {40, 42, 60, 63} <= set(places.first_target.tolist())
    row = places.first_target.tolist().index(45)
    a = whole["a"].to_numpy()
    expected = a[37:45].copy()
    expected[3] = (a[39] + a[41]) / 2
    np.testing.assert_allclose(task.train.X[row, :, 0], expected, atol=1e-6)
    assert (
        "the data frame: 1 missing rows and 2 empty cells, the first at 2024-01-02 16:00:00, are "
        "interpolated, in inputs and targets; no window ends on an interpolated step"
    ) in task.notes


def test_masked_gaps_are_marked_and_never_predicted() -> None:
    task = forecast(with_gaps(), gaps="mask", **SMALL)
    whole = wide()
    assert task.windows is not None
    assert task.spec.input_channels == 4  # a, b, and whether each is there
    places = task.windows.train
    without = {38, 39, 40, 58, 59, 60, 61}
    assert not without & set(places.first_target.tolist())
    assert {37, 41, 57, 62} <= set(places.first_target.tolist())
    row = places.first_target.tolist().index(64)
    a = whole["a"].to_numpy()
    np.testing.assert_allclose(
        task.train.X[row, :, 0], [*a[56:60], a[59], a[59], *a[62:64]], atol=1e-6
    )
    assert task.train.X[row, :, 2].tolist() == [1, 1, 1, 1, 0, 0, 1, 1]
    assert task.train.X[row, :, 3].tolist() == [1] * 8
    assert np.isfinite(task.train.X).all()
    assert (
        "have the last value before them as inputs, beside a channel that says so" in task.notes[0]
    )


def test_gaps_at_the_ends_of_a_column() -> None:
    late = wide()
    late.loc[:5, "a"] = np.nan
    assert message(late, gaps="interpolate") == (
        'gaps = "interpolate" needs a value before and after each gap. Received: column a of the '
        'data frame begins without one, at 2024-01-01 00:00:00. Use gaps = "mask", or leave '
        "these rows out."
    )
    masked = forecast(late, gaps="mask", **SMALL)
    mean = late["a"][:84].mean()
    np.testing.assert_allclose(masked.train.X[0, :6, 0], mean, atol=1e-6)


def test_words_for_a_missing_value(tmp_path: Path) -> None:
    frame = wide().astype({"a": object})
    frame.loc[60, "a"] = "NA"
    frame.to_csv(tmp_path / "own.csv", index=False)
    assert "Column a of" in message(tmp_path / "own.csv")
    assert forecast(tmp_path / "own.csv", gaps="mask", **SMALL).spec.input_channels == 3


def test_times_that_are_wrong_are_no_gap() -> None:
    frame = wide()
    frame.loc[ROWS - 1, "date"] = pd.Timestamp("2204-01-01")
    text = message(frame, gaps="mask")
    assert "Received: 2024-01-05 22:00:00 in row 119, then 2204-01-01 00:00:00 in row 120" in text
    assert text.endswith("Only 120 of 1,577,833 steps have a row.")
    frame.loc[ROWS - 1, "date"] = HOURS[-1] + pd.Timedelta(minutes=20)
    assert message(frame, gaps="mask").endswith(
        "where most are 1 hour apart. Is one of these times wrong?"
    )


# --- Time zones


def test_an_hour_that_happens_twice_needs_the_time_zone(tmp_path: Path) -> None:
    utc = pd.date_range("2024-10-25", periods=ROWS, freq="h", tz="UTC")
    local = utc.tz_convert("Europe/Berlin").tz_localize(None)
    wide(date=local).to_csv(tmp_path / "own.csv", index=False)
    assert message(tmp_path / "own.csv").endswith(
        "Received: 2024-10-27 02:00:00 in rows 49 and 50. Remove one of them; where clocks were "
        "set back, give the times with their zone, or set timezone to its name, such as "
        '"Europe/Berlin".'
    )
    task = forecast(tmp_path / "own.csv", timezone="Europe/Berlin", **SMALL)
    same(task, forecast(wide(), **SMALL))
    assert task.windows is not None
    assert task.windows.times[0] == utc[0]
    assert str(task.windows.times.tz) == "Europe/Berlin"
    wide(date=utc.tz_convert("Europe/Berlin").map(str)).to_csv(tmp_path / "own.csv", index=False)
    zoned = forecast(tmp_path / "own.csv", **SMALL)
    same(zoned, task)
    assert zoned.notes == (
        'own.csv: times have a zone and are put into UTC; timezone = "Europe/Berlin", for '
        "example, would count hours and days there",
    )


def test_an_hour_that_never_was_needs_the_time_zone() -> None:
    utc = pd.date_range("2024-03-29", periods=ROWS, freq="h", tz="UTC")
    frame = wide(date=utc.tz_convert("Europe/Berlin").tz_localize(None))
    assert message(frame) == (
        "The times of the data frame must be at equal steps. Received: 2024-03-31 01:00:00 in row "
        "49, then 2024-03-31 03:00:00 in row 50, where most are 1 hour apart. Fill in the missing "
        f"rows first, or {GAPS} If clocks were set forward, set timezone to the name of their time "
        'zone, such as "Europe/Berlin".'
    )
    same(forecast(frame, timezone="Europe/Berlin", **SMALL), forecast(wide(), **SMALL))


def test_rows_out_of_order_are_sorted_and_named() -> None:
    task = forecast(wide()[::-1].reset_index(drop=True), **SMALL)
    same(task, forecast(wide(), **SMALL))
    assert task.notes == (
        "the data frame: rows are put in the order of time; row 2 (2024-01-05 22:00:00) was the "
        "first to be earlier than the row before it",
    )


def test_days_of_a_time_zone_may_have_23_hours() -> None:
    days = pd.date_range("2024-03-01", periods=ROWS, freq="D", tz="Europe/Berlin")
    task = forecast(wide(date=days), timezone="Europe/Berlin", **SMALL)
    assert "a step is 1 day" in task.inferred
    assert task.windows is not None
    assert list(task.windows.times) == list(days)


def test_the_calendar_is_that_of_the_time_zone() -> None:
    utc = pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="UTC")
    task = forecast(wide(date=utc), timezone="Asia/Tokyo", calendar="hour", **SMALL)
    sine = task.train.X[0, :, 2]
    hours = utc[:8].tz_convert("Asia/Tokyo").hour.to_numpy()
    np.testing.assert_allclose(sine, np.sin(2 * np.pi * hours / 24), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"timezone": "Berlin"}, "timezone must be a name such as \"Europe/Berlin\" or \"UTC\". Received: 'Berlin'"),
        ({"calendar": ["hour", "minute"]}, "calendar must be one of 'hour', 'weekday', 'month'. Received: 'minute'"),
        ({"calendar": ["hour", "hour"]}, "calendar must name each feature once. Received: ['hour', 'hour']"),
        ({"known": "c"}, "the data frame has no column 'c'. It has: date, a, b"),
        ({"target": "a", "known": "a"}, "Column a of the data frame can have only one role, and was given two: target and known."),
        ({"known": "b", "horizon": 9}, "look_back must be at least the horizon where columns or the calendar are known in advance, as windows hold them. Received: look_back 8, horizon 9"),
        ({"parts": ["2024-01-04"]}, "parts must be two times, the first earlier, between the first time of the data frame, 2024-01-01 00:00:00, and the last, 2024-01-05 23:00:00. Received: ['2024-01-04']"),
        ({"parts": ["soon", "later"]}, "parts must be two times, such as [\"2024-06-01\", \"2024-08-01\"], at which validation and test split begin. Received: ['soon', 'later']"),
        ({"gap": -1}, "gap must be at least 0. Received: -1"),
        ({"gap": 84}, "gap must be shorter than the training split of the data frame, 84 steps. Received: 84"),
        ({"fold_window": "rolling"}, "fold_window must be one of 'expanding', 'sliding'. Received: 'rolling'"),
    ],
)  # fmt: skip
def test_bad_options(options: dict[str, Any], text: str) -> None:
    assert message(wide(), **options) == text


def test_numbers_have_no_calendar() -> None:
    assert message(wide(date=np.arange(ROWS)), calendar="hour") == (
        "calendar needs dates in the time column of the data frame. Received: numbers"
    )
    assert message(wide(date=np.arange(ROWS)), timezone="UTC") == (
        "timezone needs dates in the time column of the data frame. Received: numbers"
    )


def test_a_time_may_stand_in_several_columns(tmp_path: Path) -> None:
    parts = {name: getattr(HOURS, name) for name in ("year", "month", "day", "hour")}
    frame = pd.DataFrame(
        {"No": np.arange(1, ROWS + 1), **parts, "a": wide()["a"], "b": wide()["b"]}
    )
    frame.to_csv(tmp_path / "own.csv", index=False)
    same(forecast(tmp_path / "own.csv", **SMALL), forecast(wide(), **SMALL))
    clocks = wide(date=HOURS.strftime("%Y-%m-%d"), clock=HOURS.strftime("%H:%M"))
    clocks.to_csv(tmp_path / "own.csv", index=False)
    same(forecast(tmp_path / "own.csv", time=["date", "clock"], **SMALL), forecast(wide(), **SMALL))
    frame.assign(month=13).to_csv(tmp_path / "bad.csv", index=False)
    assert message(tmp_path / "bad.csv") == (
        f"Columns year, month, day, hour of {tmp_path / 'bad.csv'} must make a time. Received: "
        "year 2024, month 13, day 1, hour 0 in row 1"
    )


# --- Splits by time


def test_splits_begin_at_times() -> None:
    by_time = forecast(wide(), parts=["2024-01-04 12:00", "2024-01-05"], **SMALL)
    by_rows = forecast(wide(), parts=[84, 12, 24], **SMALL)
    same(by_time, by_rows)
    assert by_time.windows is not None
    assert by_time.windows.ends == (84, 96, 120)


def test_a_gap_separates_the_targets_of_the_splits() -> None:
    task = forecast(wide(), parts=[84, 12, 24], gap=2, **SMALL)
    assert task.windows is not None
    last = [
        int(places.first_target.max()) + 3
        for places in (task.windows.train, task.windows.validation, task.windows.test)
    ]
    assert last == [82, 94, 120]


def test_series_of_different_times_are_split_at_their_own_ends() -> None:
    frame = long()
    frame.loc[frame["shop"] == "b", "date"] += pd.Timedelta(days=400)
    short = frame[(frame["shop"] == "a") | (frame.index % ROWS >= 20)]
    assert "has no window" in message(short, id="shop")
    task = forecast(short, id="shop", align="end", parts=[72, 24, 24], **SMALL)
    assert task.windows is not None
    assert task.windows.starts == (0, 20)
    places = task.windows.test
    for number in (0, 1):
        first = places.first_target[places.series == number]
        assert (first.min(), first.max()) == (96, 117)
        begin = 117 + task.windows.shifts[number]
        times = task.windows.times[begin : begin + 3]
        assert list(times) == list(short[short["shop"] == "ab"[number]]["date"][-3:])
    train = task.windows.train
    assert train.first_target[train.series == 1].min() == 28
    assert task.cross_validated(2).trainings == 2
    assert message(short, id="shop", align="end", parts=["2024-01-02", "2024-01-03"]) == (
        'align = "end" needs parts in shares or numbers of steps. Received: '
        "['2024-01-02', '2024-01-03']"
    )


# --- Cells and times at the edge


@pytest.mark.parametrize("word", ["NA", "null", ""])
def test_a_static_column_with_a_missing_value_is_refused(tmp_path: Path, word: str) -> None:
    frame = long()
    frame["size"] = np.where(frame["shop"] == "a", "1.5", word)
    file = tmp_path / "own.csv"
    frame.to_csv(file, index=False)
    assert message(file, id="shop", static="size") == (
        f"Column size of {file} must not have empty cells. Received: {ROWS}, the first in row "
        f"{ROWS + 1}"
    )


def test_times_of_years_and_months() -> None:
    months = pd.period_range("2010-01", periods=ROWS, freq="M")
    frame = wide(year=months.year, month=months.month).drop(columns="date")
    task = forecast(frame, time=["year", "month"], **SMALL)
    same(forecast(frame.assign(day=1), time=["year", "month", "day"], **SMALL), task)
    assert message(frame.assign(day=1), time=["year", "day"]) == (
        "Columns year, day of the data frame must make a time: a year and a month are needed at "
        "least."
    )


def test_a_series_of_one_row_between_two_steps_is_named() -> None:
    alone = pd.DataFrame({"shop": ["c"], "date": [pd.Timestamp("2024-01-02 12:30")], "sold": [1.0]})
    frame = pd.concat([long(), alone], ignore_index=True)
    assert message(frame, id="shop") == (
        "The times of the data frame must be at equal steps. Received: 2024-01-02 12:30:00 of c in "
        f"row {len(frame)}, the only row of its series, which lies between two steps of 1 hour."
    )


def test_a_series_without_a_target_yet_is_no_gap() -> None:
    frame = long()
    frame["price"] = 1.0
    empty = frame[frame["shop"] == "a"].assign(shop="c", sold=np.nan)
    both = pd.concat([frame, empty], ignore_index=True)
    both.loc[5, "sold"] = np.nan
    options = {"id": "shop", "known": "price", "gaps": "interpolate"}
    same(forecast(both, **SMALL, **options), forecast(both[: len(frame)], **SMALL, **options))


def test_splits_may_begin_at_an_hour_that_the_clocks_leave_out() -> None:
    frame = wide(date=pd.date_range("2024-03-29", periods=ROWS, freq="h", tz="UTC"))
    options = {**SMALL, "timezone": "Europe/Berlin"}
    skipped = forecast(frame, parts=["2024-03-31 02:30", "2024-04-01"], **options)
    same(forecast(frame, parts=["2024-03-31 03:00", "2024-04-01"], **options), skipped)


def test_an_index_that_is_a_column_too() -> None:
    frame = wide()
    same(forecast(frame.set_index("date", drop=False), **SMALL), forecast(frame, **SMALL))
    assert message(frame.set_index(HOURS.rename("a"))) == (
        "the data frame has two columns called 'a'. Give each a name of its own."
    )
