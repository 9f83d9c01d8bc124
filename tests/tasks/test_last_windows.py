"""New rows are read by the rules of the training data, with what is known in advance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tcn_search.errors import InputError
from tcn_search.formats.table_layout import TableLayout
from tcn_search.tasks.builtin.forecast import forecast
from tcn_search.tasks.last_windows import LastWindows, last_windows
from tcn_search.tasks.new_data import read_new_data
from tests.tasks.series_data import HOURS, ROWS, long, wide

SMALL: dict[str, Any] = {"horizon": 3, "look_back": 8}
STEPS = np.arange(float(ROWS))
LATER = pd.date_range("2024-01-01", periods=ROWS + 3, freq="h")


def layout_of(frame: pd.DataFrame, **options: Any) -> TableLayout:
    """The layout, as it comes back from a saved model."""
    table = forecast(frame, **{**SMALL, **options}).spec.table
    assert table is not None
    layout = TableLayout.from_dict(json.loads(json.dumps(table.to_dict())))
    assert layout == table
    return layout


def last(frame: Any, layout: TableLayout, **options: Any) -> LastWindows:
    return last_windows(frame, layout, look_back=8, horizon=3, **options)


def message(frame: pd.DataFrame, layout: TableLayout, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        last(frame, layout, **options)
    return str(error.value)


def test_the_last_window_of_a_table_side_by_side(tmp_path: Path) -> None:
    found = last(wide()[:50], layout_of(wide()))
    assert (found.X.shape, found.ids, found.targets) == ((1, 8, 2), ("",), ("a", "b"))
    np.testing.assert_array_equal(found.X[0], wide()[["a", "b"]][42:50])
    assert list(found.times[0]) == list(HOURS[50:53])
    outputs = np.arange(6.0)[None]
    np.testing.assert_array_equal(found.in_units(outputs), outputs.reshape(1, 3, 2))
    wide().to_csv(tmp_path / "new.csv", index=False)
    new = read_new_data(tmp_path / "new.csv", layout_of(wide()), look_back=8)
    np.testing.assert_allclose(new.X[0], wide()[["a", "b"]][-8:])
    assert new.windows is not None
    frame = pd.DataFrame({"sequence": [0], "a+1": [1.0]})
    assert new.windows.table_in_units(frame) is frame


def test_the_windows_of_the_task_are_those_of_new_rows() -> None:
    frame = wide(price=STEPS**2, holiday=(STEPS % 24 == 0).astype(int))
    options: dict[str, Any] = {
        "target": "a", "known": "price", "holidays": "holiday", "calendar": ["hour", "month"],
    }  # fmt: skip
    task = forecast(frame, **options, **SMALL)
    assert task.test is not None
    assert task.windows is not None
    before = int(task.windows.test.first_target[-1])
    rows, future = frame[:before], frame[before:].drop(columns=["a", "b"])
    layout = layout_of(frame, **options)
    given = last(rows, layout, future=future)
    np.testing.assert_allclose(given.X[0], task.test.X[-1], rtol=1e-5, atol=1e-6)
    below = frame.copy()
    below.loc[before:, ["a", "b"]] = np.nan
    np.testing.assert_array_equal(last(below, layout).X, given.X)
    assert list(given.times[0]) == list(HOURS[before : before + 3])


def test_series_below_each_other_return_to_their_units() -> None:
    task = forecast(long(), id="shop", **SMALL)
    found = last(long(), layout_of(long(), id="shop"))
    assert found.ids == ("a", "b")
    assert task.test is not None
    assert task.windows is not None
    for number in (0, 1):
        row = np.flatnonzero(task.windows.test.series == number)[-1]
        np.testing.assert_allclose(found.X[number, :-3], task.test.X[row, 3:], atol=1e-5)
    units = found.in_units(np.zeros((2, 3)))
    means = [long()[long()["shop"] == name]["sold"][:84].mean() for name in "ab"]
    np.testing.assert_allclose(units[:, 0, 0], means)
    table = found.table_in_units(
        pd.DataFrame({"sequence": [0, 1], "sold+1": 0.0, "sold+2": 1.0, "sold+3": 0.0})
    )
    assert table["id"].tolist() == ["a", "b"]
    np.testing.assert_allclose(table["sold+1"], means)


def test_quantiles_of_several_targets_return_to_the_units_of_their_target() -> None:
    frame = long().assign(price=5000 + 100 * np.tile(STEPS, 2))
    found = last(frame, layout_of(frame, id="shop", target=["sold", "price"], horizon=2))
    names = [f"{target}+{step}" for step in (1, 2) for target in ("sold", "price")]
    quantiles = [f"{name} q{share}" for name in names for share in (0.1, 0.9)]
    table = pd.DataFrame(0.0, index=[0, 1], columns=["sequence", *names, *quantiles])
    units = found.table_in_units(table)
    for number, target in enumerate(("sold", "price")):
        columns = [name for name in units if name.startswith(target)]
        assert len(columns) == 6
        for row in (0, 1):
            np.testing.assert_allclose(
                units.loc[row, columns].astype(float), found.offset[row, number]
            )


def test_a_series_that_was_not_trained_on_has_a_scale_of_its_own() -> None:
    new = long().replace({"shop": {"a": "c"}})
    found = last(new, layout_of(long(), id="shop"))
    assert found.ids == ("c", "b")
    series = new[new["shop"] == "c"]["sold"]
    assert found.offset[0, 0] == pytest.approx(series.mean())
    assert found.scale[0, 0] == pytest.approx(series.std(ddof=0))
    assert found.notes == (
        "the data frame: series c was not trained on; it is standardised by its 120 steps",
    )


def test_gaps_of_new_rows_have_the_rule_of_the_training() -> None:
    frame = wide()
    frame.loc[60, "a"] = np.nan
    new = wide()
    new.loc[117, "a"] = np.nan
    assert "Column a of the data frame must not have empty cells" in message(new, layout_of(wide()))
    masked = last(new, layout_of(frame, gaps="mask"))
    assert masked.X[0, :, 2].tolist() == [1, 1, 1, 1, 1, 0, 1, 1]
    assert masked.X[0, 5, 0] == wide()["a"][116]
    new.loc[119, "a"] = np.nan
    assert "ends without one, at 2024-01-05 23:00:00" in message(
        new, layout_of(frame, gaps="interpolate")
    )
    assert last(new, layout_of(frame, gaps="mask")).X[0, -1, 2] == 0


def test_times_of_the_horizon_have_the_time_zone() -> None:
    utc = pd.date_range("2024-10-22", periods=ROWS, freq="h", tz="UTC")
    local = wide(date=utc.tz_convert("Europe/Berlin").tz_localize(None))
    layout = layout_of(local, timezone="Europe/Berlin")
    found = last(local, layout)
    assert [str(time) for time in found.times[0]] == [
        "2024-10-27 02:00:00+02:00", "2024-10-27 02:00:00+01:00", "2024-10-27 03:00:00+01:00",
    ]  # fmt: skip
    same = last(wide(date=utc), layout)
    assert list(same.times[0]) == list(found.times[0])
    assert message(wide(date=utc), layout_of(wide())) == (
        "The times of the data frame have a time zone, but those that the model was trained on had "
        "none. Give them without a zone, as clocks showed them there."
    )


@pytest.mark.parametrize(
    ("frequency", "expected"),
    [
        ("MS", ["2034-01-01", "2034-02-01", "2034-03-01"]),
        ("ME", ["2034-01-31", "2034-02-28", "2034-03-31"]),
        ("B", ["2024-06-17", "2024-06-18", "2024-06-19"]),
    ],
)
def test_calendar_steps_are_continued(frequency: str, expected: list[str]) -> None:
    frame = wide(date=pd.date_range("2024-01-01", periods=ROWS, freq=frequency))
    found = last(frame[-20:], layout_of(frame))
    assert [str(time.date()) for time in found.times[0]] == expected


def test_numbers_of_steps_are_continued() -> None:
    frame = wide(date=np.arange(ROWS) * 10)
    assert last(frame, layout_of(frame)).times[0].tolist() == [1200, 1210, 1220]


def test_texts_are_those_of_the_training() -> None:
    frame = wide(wind=np.where(STEPS % 2 == 0, "N", "S"))
    new = frame.copy()
    new.loc[119, "wind"] = "E"
    found = last(new, layout_of(frame, target="a"))
    assert found.X[0, -3:, 2:].tolist() == [[0, 1], [1, 0], [0, 0]]
    assert found.notes == ("the data frame: text 'E' of column wind was not trained on",)


@pytest.mark.parametrize(
    ("rows", "future", "text"),
    [
        (slice(0, 115), None, "Column price is known in advance, so its values are needed for the 3 steps after the last row of the data frame. Missing: 2024-01-05 19:00:00. Give them in future (--future FILE), or in rows at the end of the file without a target."),
        (slice(0, 115), slice(116, 120), "Column price is known in advance, so its values are needed for the 3 steps after the last row of the data frame. Missing: 2024-01-05 19:00:00. Give them in future (--future FILE), or in rows at the end of the file without a target."),
        (slice(0, 6), slice(6, 9), "the data frame must hold at least the last 8 steps, which the model takes. Received: 6"),
    ],
)  # fmt: skip
def test_what_is_missing_of_the_future(rows: slice, future: slice | None, text: str) -> None:
    frame = wide(price=STEPS)
    ahead = None if future is None else frame[future]
    layout = layout_of(frame, known="price", target="a")
    assert message(frame[rows], layout, future=ahead) == text


def test_a_future_at_other_times_is_refused() -> None:
    frame = wide(price=STEPS)
    layout = layout_of(frame, known="price", target="a")
    shifted = frame.assign(date=frame["date"] + pd.Timedelta(minutes=10))
    assert message(frame[:100], layout, future=shifted[100:]) == (
        "The times of the data frame must continue those of the data frame in steps of 1 hour. "
        "Received: 2024-01-05 04:10:00 in row 1"
    )
    assert message(wide(), layout_of(wide()), future=frame) == (
        "future is for columns that are known in advance (known, holidays). The model was trained "
        "without one."
    )


def test_new_rows_have_dates_where_training_had_them() -> None:
    dates = pd.date_range("2024-01-01", periods=ROWS)
    frame = wide(date=dates.strftime("%Y%m%d").astype(int), price=STEPS)
    layout = layout_of(frame, known="price")
    # Within one month, the numbers are evenly spaced.
    found = last(frame[:20], layout, future=frame[20:25].drop(columns=["a", "b"]))
    assert list(found.times[0]) == list(dates[20:23])
    numbers = frame.assign(date=np.arange(ROWS))
    assert message(numbers[:20], layout) == (
        "The times in column date of the data frame must be dates, as in training. Received: "
        "numbers, such as 0"
    )
    assert message(wide(), layout_of(wide(date=np.arange(ROWS)))) == (
        "The times in column date of the data frame must be numbers, as in training. Received: "
        "dates, such as 2024-01-01 00:00:00"
    )


def test_the_future_is_read_by_the_time_format_of_training() -> None:
    dates = pd.date_range("2024-01-01", periods=ROWS)
    frame = wide(date=dates.strftime("%y-%m-%d"), price=STEPS)
    layout = layout_of(frame, known="price", time_format="%y-%m-%d")
    found = last(frame[:50], layout, future=frame[50:53].drop(columns=["a", "b"]))
    assert list(found.times[0]) == list(dates[50:53])
