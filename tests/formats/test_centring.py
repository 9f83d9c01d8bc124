"""Numbers far from zero keep their signal, and all others their bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import Task, load_task
from tcn_search.errors import InputError
from tcn_search.formats.centring import offsets_of, subtract_offsets
from tcn_search.tasks.task_spec import TaskSpec

GENERATOR = np.random.default_rng(0)
DRIFT = np.cumsum(GENERATOR.normal(size=(60, 20, 1)), axis=1)
CLASSES = np.arange(60) % 3


@given(st.floats(1e-6, 1e6), st.floats(4.5, 11), st.sampled_from([-1, 1]))
def test_a_signal_on_an_offset_is_kept(deviation: float, magnitude: float, sign: int) -> None:
    signal = np.linspace(-1, 1, 50)[:, None] * deviation
    values = signal + sign * deviation * 10.0**magnitude
    offsets = offsets_of(values)
    assert len(offsets) == 1
    np.testing.assert_allclose(
        np.diff(subtract_offsets(values, offsets), axis=0), np.diff(signal, axis=0), rtol=0.05
    )


@given(st.floats(-1e6, 1e6), st.floats(1e-300, 1e6))
def test_what_float32_holds_stays_as_it_is(mean: float, deviation: float) -> None:
    for values in (
        mean + np.array([[0.0], [0.0]]),
        np.float32(mean) + np.float32(deviation) * np.ones((3, 1), "float32"),
    ):
        assert offsets_of(values) == ()
    whole = np.arange(9).reshape(9, 1) + 16_000_000
    assert offsets_of(whole) == offsets_of(whole * 1.0) == ()
    near = np.linspace(-1, 1, 9)[:, None] + 5_000.1
    assert offsets_of(near) == ()
    np.testing.assert_array_equal(subtract_offsets(near, ()), near.astype("float32"))


def test_the_rounding_of_a_constant_is_no_signal() -> None:
    assert offsets_of(0.3 + GENERATOR.normal(size=(50, 1)) * 1e-16) == ()


def test_a_task_on_an_offset_is_the_task_without_it() -> None:
    plain, moved = Task.from_arrays(DRIFT, CLASSES), Task.from_arrays(DRIFT + 1.5e9, CLASSES)
    np.testing.assert_allclose(moved.train.X, plain.train.X, atol=1e-5)
    assert plain.spec.input_offset == ()
    assert moved.spec.input_offset == (1.5e9,)
    assert moved.spec.input_std == pytest.approx(plain.spec.input_std, rel=1e-6)
    assert moved.inferred == (
        f"{plain.inferred}; X_train is kept minus an offset, as float32 cannot hold it: 1500000000 from channel 0. "
        "`tcn-search predict` does the same; a model that is called directly works on values minus the offset"
    )
    training = moved.cross_validated(3)
    for split in (training.for_training(0), training.joined()):
        assert split.spec.input_offset == (1.5e9,)
    padded = Task.from_arrays(DRIFT + 1.5e9, CLASSES, lengths_train=np.full(60, 9))
    assert padded.spec.input_offset == (1.5e9,)


def test_targets_on_an_offset_keep_their_differences() -> None:
    y = 1.7e9 + np.arange(60.0)
    task = Task.from_arrays(DRIFT, np.c_[y, np.arange(60.0)], validation="time")
    assert task.spec.target_offset == (1_700_000_030.0, 0.0)
    np.testing.assert_array_equal(task.train.y[:, 0] + 30, np.arange(48))
    assert task.spec.target_std[0] == pytest.approx(np.arange(48).std())


def test_a_series_on_an_offset_keeps_its_steps(tmp_path: Path) -> None:
    dates = pd.date_range("2024-01-01", periods=80).strftime("%Y-%m-%d")
    frame = pd.DataFrame(
        {"date": dates, "meter": 123456789 + 0.25 * np.arange(80), "other": np.sin(np.arange(80))}
    )
    frame.to_csv(tmp_path / "meter.csv", index=False)
    task = load_task(
        "forecast", file=tmp_path / "meter.csv", horizon=4, look_back=8, target="meter"
    )
    assert len(np.unique(task.train.X[..., 0])) == 52
    assert task.spec.input_std[0] == pytest.approx(4.0408, rel=1e-4)
    assert task.spec.input_offset == (123456796.0, 0.0)
    assert task.spec.target_offset == (123456796.0,) * 4
    assert task.notes[0].startswith(
        "meter.csv is kept minus an offset, as float32 cannot hold it: 123456796 from series 0."
    )
    frame["meter"] = 1e39
    frame.to_csv(tmp_path / "meter.csv", index=False)
    with pytest.raises(InputError) as error:
        load_task("forecast", file=tmp_path / "meter.csv", horizon=4, look_back=8)
    assert str(error.value) == (
        f"Column meter of {tmp_path / 'meter.csv'} must lie within the range of float32, ±3.4e+38. "
        "Received: 1e+39 at 2024-01-01 00:00:00"
    )


@pytest.mark.parametrize(
    ("X", "note"),
    [
        (DRIFT + 1e16, "not even float64 can tell most of the changes in X_train apart: channel 0 (around 1e+16)"),
        ((DRIFT + 1.5e9).astype("float32"), "float32 cannot tell most of the changes in X_train apart: channel 0 (around 1.5e+09)"),
        (DRIFT + np.arange(60)[:, None, None] * 1e8, "float32 cannot tell most of the changes in X_train apart: channel 0 (around 2.95e+09)"),
        (DRIFT * 1e-300, "float32 cannot tell most of the changes in X_train apart: channel 0"),
    ],
)  # fmt: skip
def test_a_lost_signal_is_noted(X: np.ndarray, note: str) -> None:
    assert note in Task.from_arrays(X, CLASSES).inferred


def test_offsets_are_no_part_of_what_older_studies_stored() -> None:
    spec = Task.from_arrays(DRIFT, CLASSES).spec
    assert not {"input_offset", "target_offset"} & set(spec.to_dict())
    assert "offset" not in repr(spec)
    moved = replace(spec, input_offset=(1.5e9,))
    assert TaskSpec.from_dict(moved.to_dict()) == moved


def test_the_fingerprint_knows_the_offset() -> None:
    task = Task.from_arrays(DRIFT + 1.5e9, CLASSES)
    other = replace(task, spec=replace(task.spec, input_offset=(1.6e9,)))
    assert task.fingerprint() != other.fingerprint()


def test_a_signal_lost_outside_the_training_split_is_noted() -> None:
    X = np.random.default_rng(0).normal(size=(20, 6, 1))
    y = np.arange(20) % 2
    inferred = Task.from_arrays(X, y, X_test=X + 1e9, y_test=y).inferred
    assert (
        "float32 cannot tell most of the changes in X_test apart: channel 0 (around 1e+09)"
        in inferred
    )
    assert "float32" not in Task.from_arrays(X, y, X_test=X, y_test=y).inferred
