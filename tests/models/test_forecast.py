"""The network of a forecast: windows, shared channels, patches, the linear path, quantiles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, build_model, load_model
from tcn_search.errors import InputError
from tcn_search.models.predict import predict, quantiles_of
from tcn_search.search.model_shape import model_shape_of
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.linear_forecast import fit_linear_forecast
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData, TrainingData

STEPS = 24
HORIZON = 3
SERIES = ("a", "c")  # of three channels
SPEC = TaskSpec(
    "series",
    "forecast",
    seq_len=STEPS,
    input_channels=3,
    outputs=HORIZON * 2,
    class_names=tuple(f"{name}+{step}" for step in range(1, HORIZON + 1) for name in SERIES),
    input_mean=(1.0, 10.0, 100.0),
    input_std=(2.0, 5.0, 50.0),
    target_mean=(1.0, 100.0) * HORIZON,
    target_std=(2.0, 50.0) * HORIZON,
    last_value_channels=(0, 2),
)
SHARED = Architecture(
    nb_filters=4,
    kernel_size=3,
    dilations=(1, 2),
    readout="flatten",
    channels="shared",
    window_norm="standard",
    linear_path=True,
)
UNSCALED = replace(SPEC, input_mean=(), input_std=(), target_mean=(), target_std=())
QUANTILES = (0.05, 0.2, 0.5, 0.8, 0.95)


def draw_windows(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    walks = rng.normal(size=(count, STEPS + HORIZON, 3)).cumsum(axis=1)
    scaled: np.ndarray = walks * np.array([2.0, 5.0, 50.0]) + np.array([1.0, 10.0, 100.0])
    return scaled.astype("float32")


def draw_split(count: int, seed: int = 0) -> SplitData:
    windows = draw_windows(count, seed)
    return SplitData(windows[:, :STEPS], windows[:, STEPS:, [0, 2]].reshape(count, -1))


DATA = TrainingData(SPEC, draw_split(300), draw_split(80, seed=1))
X = DATA.validation.X


def shake(model: keras.Model, scale: float = 0.3) -> keras.Model:
    """Draw every weight anew, so that no part of the network is silent."""
    rng = np.random.default_rng(3)
    model.set_weights([rng.normal(0, scale, weights.shape) for weights in model.get_weights()])
    return model


@pytest.mark.parametrize("channels", ["shared", "mixed"])
@pytest.mark.parametrize("readout", ["last", "flatten", "average"])
@pytest.mark.parametrize(("linear_path", "quantiles"), [(True, ()), (False, QUANTILES)])
@pytest.mark.parametrize(("patch", "stride"), [(1, None), (8, None), (5, 1)])
def test_planning_counts_the_parameters_of_the_built_model(
    channels, readout, linear_path, quantiles, patch, stride
) -> None:
    architecture = replace(
        SHARED,
        channels=channels,
        readout=readout,
        linear_path=linear_path,
        patch=patch,
        patch_stride=stride,
        look_back=21,
    )
    model = build_model(architecture, SPEC, TrainingSettings(quantiles=quantiles))
    shape = model_shape_of(SPEC, len(quantiles))
    assert model.count_params() == shape.parameters(architecture)
    patches = next(layer for layer in model.layers if layer.name == "tcn").input.shape[1]
    assert patches == shape.tcn_steps(architecture)


@pytest.mark.parametrize("window_norm", ["auto", "none", "last", "mean", "standard"])
@pytest.mark.parametrize("channels", ["shared", "mixed"])
def test_a_model_with_a_linear_path_begins_as_the_ridge_regression(window_norm, channels) -> None:
    architecture = replace(SHARED, window_norm=window_norm, channels=channels, look_back=20)
    model = build_model(architecture, DATA)
    norm = "last" if window_norm == "auto" else window_norm  # the task is from the last value
    linear = fit_linear_forecast(SPEC, DATA.train, DATA.validation, norm, look_back=20)
    np.testing.assert_allclose(model.predict(X, verbose=0), linear.predict(X), rtol=1e-3, atol=1e-2)
    found = model.evaluate(X, DATA.validation.y, verbose=0, return_dict=True)
    assert found["standardised_mse"] == pytest.approx(linear.ridge.error, rel=1e-3)


@pytest.mark.parametrize("window_norm", ["none", "last", "mean", "standard"])
def test_without_a_linear_path_a_model_begins_with_a_constant_of_its_window(window_norm) -> None:
    model = build_model(replace(SHARED, window_norm=window_norm, linear_path=False), DATA)
    predicted = model.predict(X, verbose=0).reshape(len(X), HORIZON, 2)
    expected = {
        "last": X[:, -1:, [0, 2]],
        "mean": X[:, :, [0, 2]].mean(axis=1, keepdims=True),
        "standard": X[:, :, [0, 2]].mean(axis=1, keepdims=True),
    }
    if window_norm == "none":
        assert np.ptp(predicted, axis=0).max() == pytest.approx(0.0, abs=1e-4)
        return
    np.testing.assert_allclose(
        predicted, np.broadcast_to(expected[window_norm], predicted.shape), rtol=1e-4, atol=1e-3
    )


def test_a_shared_network_treats_every_series_alike() -> None:
    model = shake(build_model(SHARED, UNSCALED))
    windows = draw_windows(5)[:, :STEPS]
    exchanged = windows[:, :, [2, 1, 0]]
    first = model.predict(windows, verbose=0).reshape(5, HORIZON, 2)
    second = model.predict(exchanged, verbose=0).reshape(5, HORIZON, 2)
    np.testing.assert_allclose(first, second[:, :, ::-1], rtol=1e-3, atol=1e-2)
    mixed = replace(SHARED, channels="mixed")
    model = shake(build_model(mixed, UNSCALED))
    first = model.predict(windows, verbose=0).reshape(5, HORIZON, 2)
    second = model.predict(exchanged, verbose=0).reshape(5, HORIZON, 2)
    assert not np.allclose(first, second[:, :, ::-1], rtol=0.1)


def test_level_and_scale_of_a_window_come_back() -> None:
    model = shake(build_model(SHARED, SPEC))
    predicted = model.predict(X, verbose=0).reshape(len(X), HORIZON, 2)
    moved = X.copy()
    moved[:, :, 0] = 3 * X[:, :, 0] + 40
    changed = model.predict(moved, verbose=0).reshape(len(X), HORIZON, 2)
    np.testing.assert_allclose(changed[..., 0], 3 * predicted[..., 0] + 40, rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(changed[..., 1], predicted[..., 1], rtol=1e-3, atol=1e-2)


def test_a_constant_window_is_forecast_as_its_value() -> None:
    model = shake(build_model(SHARED, SPEC))
    constant = np.broadcast_to(np.float32([4.0, 9.0, 80.0]), (1, STEPS, 3))
    np.testing.assert_allclose(
        model.predict(constant, verbose=0)[0], [4.0, 80.0] * HORIZON, rtol=1e-4
    )


def test_values_of_known_covariates_over_the_horizon_enter_head_and_linear_path() -> None:
    spec = replace(SPEC, future_channels=(1,))
    data = TrainingData(spec, DATA.train, DATA.validation)
    for architecture in (SHARED, replace(SHARED, channels="mixed", linear_path=False)):
        model = shake(build_model(architecture, spec))
        shape = model_shape_of(spec)
        assert model.count_params() == shape.parameters(architecture)
        changed = X.copy()
        changed[:, -HORIZON:, 1] += 10
        assert not np.allclose(model.predict(changed, verbose=0), model.predict(X, verbose=0))
    linear = fit_linear_forecast(spec, data.train, data.validation)
    assert linear.ridge.weights.shape == (STEPS + HORIZON, HORIZON)
    np.testing.assert_allclose(
        build_model(SHARED, data).predict(X, verbose=0), linear.predict(X), rtol=1e-3, atol=1e-2
    )


@pytest.mark.parametrize("channels", ["shared", "mixed"])
def test_quantiles_never_cross(channels) -> None:
    architecture = replace(SHARED, channels=channels)
    settings = TrainingSettings(quantiles=QUANTILES)
    for model in (
        build_model(architecture, DATA, settings),
        shake(build_model(architecture, SPEC, settings), 2.0),
    ):
        quantiles = model.predict(X, verbose=0).reshape(len(X), -1, len(QUANTILES))
        assert (np.diff(quantiles, axis=2) >= 0).all()


def test_quantiles_begin_around_the_ridge_regression_and_are_scored_by_their_median() -> None:
    settings = TrainingSettings(quantiles=QUANTILES)
    model = build_model(SHARED, DATA, settings)
    linear = fit_linear_forecast(SPEC, DATA.train, DATA.validation)
    outputs = model.predict(X, verbose=0).reshape(len(X), -1, len(QUANTILES))
    np.testing.assert_allclose(outputs[:, :, 2], linear.predict(X), rtol=1e-3, atol=1e-2)
    y = DATA.validation.y
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    assert found["standardised_mse"] == pytest.approx(linear.ridge.error, rel=1e-3)
    error = (y[:, :, np.newaxis] - outputs) / np.asarray(SPEC.target_std)[:, np.newaxis]
    shares = np.asarray(QUANTILES)
    pinball = np.maximum(shares * error, (shares - 1) * error).mean()
    assert found["loss"] == pytest.approx(pinball, rel=1e-3)


def test_predictions_have_a_column_for_each_quantile(tmp_path: Path) -> None:
    model = build_model(SHARED, DATA, TrainingSettings(quantiles=(0.1, 0.5, 0.9)))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    assert quantiles_of(again) == [0.1, 0.5, 0.9]
    frame = predict(again, X)
    assert list(frame.columns[:3]) == ["sequence", "a+1", "c+1"]
    assert (frame["a+1 q0.1"] <= frame["a+1"]).all()
    assert (frame["a+1"] <= frame["a+1 q0.9"]).all()
    assert len(frame.columns) == 1 + 3 * SPEC.outputs


@pytest.mark.parametrize("loss", ["absolute", "huber"])
def test_the_loss_is_of_standardised_errors(loss) -> None:
    model = build_model(SHARED, DATA, TrainingSettings(loss=loss))
    y = DATA.validation.y
    error = np.abs(y - model.predict(X, verbose=0)) / np.asarray(SPEC.target_std)
    expected = error
    if loss == "huber":
        expected = np.where(error <= 1, error**2 / 2, error - 0.5)
    found = model.evaluate(X, y, verbose=0, return_dict=True)
    assert found["loss"] == pytest.approx(expected.mean(), rel=1e-3)


def test_a_saved_model_predicts_the_same(tmp_path: Path) -> None:
    architecture = replace(SHARED, patch=8, patch_stride=4, look_back=21)
    model = shake(build_model(architecture, SPEC))
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(again.predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-5)


def test_a_network_without_the_new_choices_is_the_one_of_earlier_versions() -> None:
    former = Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2))
    names = [layer.name for layer in build_model(former, SPEC).layers]
    assert names == [
        "sequences",
        "standardize",
        "take_off_last_value",
        "tcn",
        "head",
        "put_back_last_value",
        "predictions",
    ]


def test_choices_for_forecasts_are_refused_for_other_tasks() -> None:
    regression = TaskSpec("numbers", "regression", STEPS, 3, outputs=2)
    with pytest.raises(InputError, match=r"are for forecasts of series .* Received: a task of reg"):
        build_model(SHARED, regression)
    with pytest.raises(InputError, match="quantiles are for forecasts"):
        build_model(Architecture(), regression, TrainingSettings(quantiles=(0.1, 0.5, 0.9)))
    with pytest.raises(InputError, match="input_norm must be 'dataset'"):
        build_model(SHARED, SPEC, TrainingSettings(input_norm="none"))
    with pytest.raises(InputError, match="patch must be at most the 24 steps"):
        build_model(replace(SHARED, patch=25), SPEC)


def test_flatten_and_patches_serve_other_tasks_too() -> None:
    regression = TaskSpec("numbers", "regression", STEPS, 3, outputs=2)
    architecture = Architecture(
        nb_filters=4, kernel_size=3, dilations=(1,), readout="flatten", patch=6, patch_stride=3
    )
    model = build_model(architecture, regression)
    assert model.count_params() == model_shape_of(regression).parameters(architecture)
    with pytest.raises(InputError, match="for sequences of different length"):
        build_model(
            replace(architecture, patch=1, patch_stride=None), replace(regression, ragged=True)
        )


@pytest.mark.parametrize("input_norm", ["dataset", "none"])
def test_a_forecast_begins_with_the_last_value(input_norm: str) -> None:
    model = build_model(Architecture(4, 3, (1, 2)), SPEC, TrainingSettings(input_norm=input_norm))
    window = np.full((1, STEPS, 3), [3.0, 20.0, 150.0], dtype="float32")
    forecast = model.predict(window, verbose=0)
    np.testing.assert_allclose(forecast, [[3.0, 150.0] * HORIZON], rtol=1e-5)
