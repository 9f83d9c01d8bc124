"""Forecasts from a table: windows, borders, scaling, and the search for the look-back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest

from tcn_search import SearchSpace, Study, load_task
from tcn_search.errors import InputError
from tcn_search.formats.series_columns import SeriesRoles
from tcn_search.formats.series_tables import read_series
from tcn_search.study.study_file import read_study_file
from tcn_search.tasks.new_data import read_new_data
from tcn_search.tasks.registry import published_for
from tests.study.synthetic import Synthetic

ROWS = 100
HOURS = pd.date_range("2024-01-01", periods=ROWS, freq="h")
HOUR = pd.Timedelta(hours=1)


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {"date": HOURS, "a": np.arange(ROWS), "b": -2.0 * np.arange(ROWS), **columns}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    table().to_csv(tmp_path / "series.csv", index=False)
    return tmp_path / "series.csv"


def test_published_numbers_are_of_one_file_and_one_split(tmp_path: Path) -> None:
    def known(file: str, **options: Any) -> dict[str, float]:
        source = {
            "name": "forecast",
            "options": {"file": str(tmp_path / file), "parts": "ett", **options},
        }
        return {result.model: result.score for result in published_for(source)}

    assert (
        known("ETTh1.csv.gz")
        == known("etth1.csv", horizon=96)
        == {
            "SparseTSF": 0.362,
            "FITS": 0.372,
            "DLinear": 0.384,
            "PatchTST": 0.385,
            "DLinear as printed in 2022": 0.375,
            "NLinear as printed in 2022": 0.374,
        }
    )
    assert (
        known("ETTh1.csv", horizon=24)
        == known("ETTh1.csv", target="OT")
        == known("ETTh2.csv")
        == {}
    )
    assert known("ETTh1.csv", parts=[0.7, 0.1, 0.2]) == {}


def test_every_window_is_followed_by_its_targets_and_borders_are_kept(file: Path) -> None:
    task = load_task("forecast", file=file, horizon=3, look_back=8, parts=[60, 20, 15])
    assert task.test is not None
    ends = {"train": (8, 60), "validation": (60, 80), "test": (80, 95)}
    for name, (start, end) in ends.items():
        split = getattr(task, name)
        steps = split.y.reshape(len(split), 3, 2)[..., 0]
        np.testing.assert_array_equal(split.X[:, -1, 0] + 1, steps[:, 0])
        np.testing.assert_array_equal(np.diff(steps, axis=1), 1)
        assert (steps.min(), steps.max()) == (start, end - 1)
        assert len(split) == end - start - 2
        np.testing.assert_array_equal(split.X[0, :, 0], np.arange(start - 8, start))
    np.testing.assert_array_equal(
        task.train.y.reshape(-1, 3, 2)[..., 1], -2 * task.train.y.reshape(-1, 3, 2)[..., 0]
    )
    assert np.shares_memory(task.train.X[0], task.train.X[1])
    assert task.inferred == "forecast of 2 of 2 series, 3 steps ahead (a step is 1 hour)"
    assert task.spec.class_names == ("a+1", "b+1", "a+2", "b+2", "a+3", "b+3")


def test_scaling_uses_the_training_rows_only(file: Path) -> None:
    spec = load_task(
        "forecast", file=file, horizon=3, look_back=8, target="b", parts=[60, 20, 20]
    ).spec
    assert spec.input_mean == pytest.approx((29.5, -59.0))
    assert spec.target_std == pytest.approx((2 * np.arange(60).std(),) * 3)
    assert (spec.outputs, spec.last_value_channels) == (3, (1,))


def test_etth1_is_split_as_in_publications(shared_data: Path) -> None:
    task = load_task("forecast", file=shared_data / "ETTh1.csv.gz", parts="ett")
    assert task.test is not None
    assert [len(split) for split in (task.train, task.validation, task.test)] == [8209, 2785, 2785]
    error = (np.tile(task.test.X[:, -1], (1, 96)) - task.test.y) / task.spec.target_std
    # repeating the last value: published as 1.295 and .713
    assert (np.square(error).mean(), np.abs(error).mean()) == pytest.approx(
        (1.2944, 0.7132), abs=1e-4
    )


def test_the_look_back_is_searched_and_covered(file: Path) -> None:
    task = load_task("forecast", file=file, horizon=2, look_back=24)
    space = SearchSpace(
        look_back=[6, 12, 24], kernel_size=[2, 3], levels=[1, 2, 3, 4], readout=["last"]
    )
    study = Study("look-back", task, space, storage=f"sqlite:///{file.parent}/studies.db")
    first = len(study.results.start.trials)  # known configurations have the longest look-back
    study.run(first + 6, executor=Synthetic())
    trials = study.trials()
    assert set(trials["look_back"]) <= {6, 12, 24}
    assert set(trials["look_back"][:first]) == {24}
    assert trials["look_back"][first:].nunique() > 1
    assert (trials["receptive_field"] >= trials["look_back"]).all()
    assert (trials["required_context"] == trials["look_back"]).all()
    assert (trials["receptive_field"] < 24).any()


def test_a_shorter_look_back_is_cheaper_and_asked_for_by_every_trial(file: Path) -> None:
    task = load_task("forecast", file=file, horizon=2, look_back=24)
    spec = task.spec
    space = SearchSpace(look_back=[6, 24]).for_task("forecast", spec.seq_len, 2, spec.outputs)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(sampler=sampler)
    drawn = [space.suggest(study.ask())[0] for _ in range(30)]
    assert {architecture.look_back for architecture in drawn} == {6, 24}
    assert all(
        not violation.excess > 0
        for architecture in drawn
        for violation in space.violations(architecture)
    )


def test_the_default_look_back_fits_a_short_series(file: Path) -> None:
    task = load_task("forecast", file=file, horizon=3)
    assert task.seq_len == 23  # of 70 training rows
    assert task.notes == (
        "look_back = 23: the training split of series.csv has 70 rows, too few for the default "
        "of 336",
    )
    assert load_task("forecast", file=file, horizon=12, parts=[16, 40, 40]).seq_len == 4


def test_a_study_file_finds_the_table_beside_it(file: Path) -> None:
    study = file.parent / "study.toml"
    study.write_text('[task]\nname = "forecast"\nfile = "series.csv"\nhorizon = 2\nlook_back = 8\n')
    task = read_study_file(study).load_task()
    assert task.source is not None
    assert task.source["options"]["file"] == str(file.resolve())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "c"}, "target must be columns of FILE, each once: a, b. Received: c"),
        ({"time": "hour"}, "time must name a column of FILE: date, a, b. Received: hour"),
        ({"parts": [0.5, 0.5]}, 'parts must be three shares, such as [0.7, 0.1, 0.2], three numbers of rows, the two times at which validation and test split begin, or "ett". Received: [0.5, 0.5]'),
        ({"parts": [60, 30, 30]}, "parts must fit into the 100 rows of FILE. Received: 120 rows in all"),
        ({"horizon": 20}, "The validation split of FILE has too few rows for a horizon of 20: 10 after the look-back of 8. Give a smaller horizon or look_back, or other parts."),
        ({"look_back": 80}, "The training split of FILE has too few rows for a horizon of 3: 0 after the look-back of 80. Give a smaller horizon or look_back, or other parts."),
        ({"horizon": 0}, "horizon must be an integer of at least 1. Received: 0"),
    ],
)  # fmt: skip
def test_bad_options(file: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_task("forecast", file=file, **{"horizon": 3, "look_back": 8, **options})
    assert str(error.value).replace(str(file), "FILE") == message


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"b": ["x"] * ROWS}, "Column b of FILE must hold numbers. Received: 'x' in row 1"),
        ({"b": [1.0, np.nan] * 50}, "Column b of FILE must not have empty cells. Received: 50, the first in row 2. Fill them in first, or set gaps = \"interpolate\" or \"mask\"."),
        ({"date": [7] * ROWS}, "Each time in FILE must stand in one row. Received: 7 in rows 1 and 2. If the file holds several series below each other, set id to the column that names them, or give each a column of its own."),
        ({"date": [0, 1, 1, *range(3, ROWS)]}, "Each time in FILE must stand in one row. Received: 1 in rows 2 and 3. Remove one of them."),
        ({"date": [*range(7), *range(8, ROWS + 1)]}, "The times of FILE must be at equal steps. Received: 6 in row 7, then 8 in row 8, where most are 1 apart. Fill in the missing rows first, or set gaps = \"interpolate\" or \"mask\"."),
        ({"date": [*HOURS[:40], *HOURS[41:], HOURS[-1] + HOUR]}, "The times of FILE must be at equal steps. Received: 2024-01-02 15:00:00 in row 40, then 2024-01-02 17:00:00 in row 41, where most are 1 hour apart. Fill in the missing rows first, or set gaps = \"interpolate\" or \"mask\"."),
        ({"date": HOURS.strftime("%Y-%m-%d"), "Time": HOURS.strftime("%H:%M")}, "Each time in FILE must stand in one row. Received: 2024-01-01 00:00:00 in rows 1 and 2. Join it with column Time into one, or set time to both: time = [\"date\", \"Time\"]."),
        ({"date": ["soon"] * ROWS}, "Column date of FILE must hold numbers or times. Received: 'soon' in row 1"),
    ],
)  # fmt: skip
def test_bad_tables(tmp_path: Path, columns: dict[str, Any], message: str) -> None:
    file = tmp_path / "bad.csv"
    table(**columns).to_csv(file, index=False)
    with pytest.raises(InputError) as error:
        load_task("forecast", file=file, horizon=3, look_back=8)
    assert str(error.value).replace(str(file), "FILE") == message


@pytest.mark.parametrize(
    "columns",
    [
        {"date": HOURS.strftime("%Y-%m-%dT%H:%M:%SZ")},
        {"date": HOURS.strftime("%Y-%m-%d %H:%M:%S+05:30")},
        {"date": HOURS.strftime("%d.%m.%Y %H:%M"), "dayfirst": True},
        {"date": HOURS.strftime("%m/%d/%y %I:%M %p"), "time_format": "%m/%d/%y %I:%M %p"},
        {"date": HOURS.strftime("%Y%m%d%H")},
        {"date": HOURS.strftime("%b %d, %Y %H:%M")},
    ],
)
def test_usual_forms_of_times_are_read(tmp_path: Path, columns: dict[str, Any]) -> None:
    options = {name: columns[name] for name in ("dayfirst", "time_format") if name in columns}
    table(date=columns["date"]).to_csv(tmp_path / "own.csv", index=False)
    task = load_task("forecast", file=tmp_path / "own.csv", horizon=3, look_back=8, **options)
    np.testing.assert_array_equal(task.train.X[0, :, 0], np.arange(8))
    assert len(task.train) == 60


def test_rows_are_put_in_the_order_of_time(file: Path, tmp_path: Path) -> None:
    table()[::-1].to_csv(tmp_path / "newest_first.csv", index=False)
    known, task = (
        load_task("forecast", file=name, horizon=3, look_back=8)
        for name in (file, tmp_path / "newest_first.csv")
    )
    np.testing.assert_array_equal(task.train.X, known.train.X)


def test_row_numbers_are_no_series_and_an_unnamed_index_is_the_time(
    tmp_path: Path,
) -> None:
    table().to_csv(tmp_path / "numbered.csv")
    task = load_task("forecast", file=tmp_path / "numbered.csv", horizon=3, look_back=8)
    assert task.inferred == "forecast of 2 of 2 series, 3 steps ahead (a step is 1 hour)"
    assert task.notes == ("numbered.csv: not read: column Unnamed: 0",)
    table().set_index("date").rename_axis(None).to_csv(tmp_path / "indexed.csv")
    assert (
        load_task(
            "forecast", file=tmp_path / "indexed.csv", horizon=3, look_back=8
        ).spec.input_channels
        == 2
    )


def test_a_forecast_of_an_unnamed_index_reads_its_own_file(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    table().set_index("date").rename_axis(None).to_csv(file)
    layout = load_task("forecast", file=file, horizon=3, look_back=8).spec.table
    assert read_new_data(file, layout).X.shape == (1, ROWS, 2)
    table().rename(columns={"date": "Timestamp"}).to_csv(file, index=False)
    assert read_new_data(file, layout).X.shape == (1, ROWS, 2)


def test_clocks_past_midnight_are_refused(tmp_path: Path) -> None:
    table(date=[f"{(20 + hour) % 24}:00" for hour in range(24)] + [None] * 76).dropna().to_csv(
        tmp_path / "own.csv", index=False
    )
    with pytest.raises(
        InputError, match="have no date, and the rows are not in their order. Add the dates"
    ):
        load_task("forecast", file=tmp_path / "own.csv", horizon=2, look_back=4)


def test_times_may_be_rounded(tmp_path: Path) -> None:
    table(date=(np.arange(ROWS) / 30).round(3)).to_csv(tmp_path / "own.csv", index=False)
    assert (
        load_task("forecast", file=tmp_path / "own.csv", horizon=3, look_back=8).spec.seq_len == 8
    )


def test_times_may_be_fractions(tmp_path: Path) -> None:
    table(date=np.arange(ROWS) * 0.1).to_csv(tmp_path / "own.csv", index=False)
    assert (
        load_task("forecast", file=tmp_path / "own.csv", horizon=3, look_back=8).spec.seq_len == 8
    )


def test_a_forecast_finds_its_columns_in_a_table(tmp_path: Path) -> None:
    mixed = table(y=np.arange(ROWS) / 2).rename(columns={"date": "ds"})[["y", "b", "ds", "a"]]
    mixed.to_csv(tmp_path / "new.csv", index=False)
    by_name = SeriesRoles(time="ds", target=["b"], past=["a"])
    new = read_series(tmp_path / "new.csv", by_name)
    np.testing.assert_array_equal(
        new.series[0].values, np.stack([-2.0 * np.arange(ROWS), np.arange(ROWS)], axis=1)
    )
    assert (new.columns.inputs, new.ignored) == (("b", "a"), ("y",))
    every = read_series(tmp_path / "new.csv", SeriesRoles(time="ds"))
    assert every.series[0].values.shape == (ROWS, 3)


def test_new_rows_need_the_columns_that_were_trained_on(file: Path, tmp_path: Path) -> None:
    layout = load_task("forecast", file=file, horizon=3, look_back=8).spec.table
    other = table(y=np.arange(ROWS) / 2)[["y", "b", "date"]]
    other.to_csv(tmp_path / "new.csv", index=False)
    with pytest.raises(
        InputError,
        match=r"must have the columns that were trained on. Missing: a. It has: y, b, date",
    ):
        read_new_data(tmp_path / "new.csv", layout)
    table(y=0)[["y", "b", "date", "a"]].to_csv(tmp_path / "new.csv", index=False)
    new = read_new_data(tmp_path / "new.csv", layout)
    np.testing.assert_array_equal(new.X[0, :, 0], np.arange(ROWS))
    assert new.ignored == ("y",)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("forecast", "look_back must be at most the 12 steps of the task's windows. Received: 24. Give the task the longest one: look_back = 24 in [task]."),
        ("regression", "look_back can be searched for forecasts only. Received: a task of regression"),
    ],
)  # fmt: skip
def test_look_backs_that_cannot_be(kind: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        SearchSpace(look_back=[6, 24]).for_task(kind, 12, 1, 1)
    assert str(error.value) == message


def test_the_space_describes_infeasible_architectures() -> None:
    space = SearchSpace(
        look_back=[6, 24], kernel_size=[3], levels=[1, 2, 3], nb_stacks=[1], nb_filters=[8], norm=["none"],
        use_skip_connections=[True], readout=["last"],
    )  # fmt: skip
    description = space.for_task("forecast", 24, 1, 1).describe()
    assert description == (
        "3 of 6 architectures fall short of their look-back, 6 to 24 steps: never sampled"
    )
