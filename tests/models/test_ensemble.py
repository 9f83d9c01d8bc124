"""An ensemble predicts the mean of its members and can be used like one of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import tcn_search as ts
from tcn_search.evaluation.member_scores import (
    _count_worth_averaging,
    score_members,
    worth_averaging,
)
from tcn_search.models.ensemble import make_ensemble, members_of
from tcn_search.models.losses import losses_of_sequences, make_loss
from tcn_search.models.predict import forecast_columns, standardize_layer
from tests.conftest import draw_head, waves
from tests.evaluation.forecast_tasks import noisy_waves, wide_task

X, Y = waves(24)
CLASSES = ts.Task.from_arrays(X, Y, X_test=X[:10], y_test=Y[:10], class_names=["slow", "fast"])
# Far from zero, so that the model has an offset; sequences of different length.
NUMBERS = ts.Task.from_arrays(
    X + 1e9, Y * 3.0 + 1e9, lengths_train=[16 - row % 4 for row in range(24)]
)
NETWORK = ts.Architecture(nb_filters=4, kernel_size=2, dilations=(1, 2, 4, 8))


def members(task: ts.Task, count: int = 3, network: ts.Architecture = NETWORK) -> list[keras.Model]:
    models = []
    for seed in range(count):
        keras.utils.set_random_seed(seed)
        models.append(ts.build_model(network, task))
        draw_head(models[-1])
    return models


@pytest.mark.parametrize("task", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_a_loaded_ensemble_predicts_the_mean_of_its_members(task: ts.Task, tmp_path: Path) -> None:
    models = members(task)
    inputs = task.train.X
    wanted = np.mean([model.predict(inputs, verbose=0) for model in models], axis=0)
    make_ensemble(models, task.spec).save(tmp_path / "best.keras")
    loaded = ts.load_model(tmp_path / "best.keras")
    np.testing.assert_allclose(loaded.predict(inputs, verbose=0), wanted, rtol=1e-5, atol=1e-6)
    assert len(members_of(loaded)) == 3
    assert standardize_layer(loaded).offset == list(task.spec.input_offset)


@pytest.mark.parametrize("precision", ["float32", "mixed_float16"])
def test_the_file_of_an_ensemble_holds_no_optimisers(precision: str, tmp_path: Path) -> None:
    settings = ts.TrainingSettings(precision=precision, weights="ema")
    models = [ts.build_model(NETWORK, CLASSES, settings) for _ in range(2)]
    make_ensemble(models, CLASSES.spec).save(tmp_path / "best.keras")
    loaded = ts.load_model(tmp_path / "best.keras")
    for model in (loaded, *members_of(loaded)):
        assert sum(math.prod(variable.shape) for variable in model.optimizer.variables) < 5


def test_the_table_of_an_ensemble_has_class_names_and_mean_probabilities() -> None:
    models = members(CLASSES)
    tables = [ts.predict(model, X) for model in models]
    table = ts.predict(make_ensemble(models, CLASSES.spec), X)
    assert list(table) == ["sequence", "prediction", "probability_slow", "probability_fast"]
    mean = np.mean([each["probability_fast"] for each in tables], axis=0)
    np.testing.assert_allclose(table["probability_fast"], mean, atol=1e-6)


def test_numbers_far_from_zero_are_predicted_in_double_precision() -> None:
    models = members(NUMBERS)
    raw = X.astype("float64") + 1e9
    tables = [ts.predict(model, raw)["prediction"] for model in models]
    table = ts.predict(make_ensemble(models, NUMBERS.spec), raw)
    np.testing.assert_allclose(table["prediction"] - 1e9, np.mean(tables, axis=0) - 1e9, atol=1e-4)
    assert forecast_columns(make_ensemble(members(NUMBERS), NUMBERS.spec)) == []


def test_the_receptive_field_of_an_ensemble_is_that_of_its_equal_members(tmp_path: Path) -> None:
    model = make_ensemble(members(CLASSES), CLASSES.spec)
    model.save(tmp_path / "best.keras")
    for source in (model, tmp_path / "best.keras"):
        assert ts.check(source, seq_len=16).receptive_field == NETWORK.receptive_field


@pytest.mark.parametrize("readout", ["last", "average", "max"])
def test_the_readout_of_an_ensemble_is_that_of_its_members(readout: str, tmp_path: Path) -> None:
    network = replace(NETWORK, readout=readout)
    model = make_ensemble(members(CLASSES, 2, network), CLASSES.spec)
    model.save(tmp_path / "best.keras")
    for source in (model, tmp_path / "best.keras"):
        report = ts.check(source, seq_len=16)
        assert report.architecture.readout == readout
        assert report.output_receptive_field == network.output_receptive_field(16)


def test_one_model_is_its_own_ensemble() -> None:
    (model,) = members(CLASSES, count=1)
    assert make_ensemble([model], CLASSES.spec) is model
    assert members_of(model) == [model]


def test_an_ensemble_can_be_evaluated() -> None:
    model = make_ensemble(members(CLASSES), CLASSES.spec)
    assert 0 <= model.evaluate(X, Y, verbose=0, return_dict=True)["accuracy"] <= 1


@pytest.mark.parametrize("task", [CLASSES, NUMBERS], ids=["classes", "numbers"])
def test_members_and_ensemble_are_scored_as_keras_evaluates_them(task: ts.Task) -> None:
    models = members(task)
    name = task.spec.task_kind.metrics[0].name
    split = task.train

    def evaluated(model: keras.Model) -> float:
        return float(model.evaluate(split.X, split.y, verbose=0, return_dict=True)[name])

    wanted = [evaluated(model) for model in models]
    scores = score_members(models, task.spec, split)
    assert scores.members == pytest.approx(wanted, rel=1e-5)
    assert scores.ensemble == pytest.approx(evaluated(make_ensemble(models, task.spec)), rel=1e-5)


def test_a_single_model_has_no_score_of_an_ensemble() -> None:
    scores = score_members(members(CLASSES, count=1), CLASSES.spec, CLASSES.train)
    assert len(scores.members) == 1
    assert scores.ensemble is None


RARE = ts.Task.from_arrays(X, (np.arange(24) % 12 == 0).astype(int))
FORECAST = wide_task(noisy_waves(90), (50, 70, 90))
STEPWISE = ts.Task.from_arrays(X, np.repeat(Y[:, None], 16, axis=1), kind="labelling")


@pytest.mark.parametrize(
    ("task", "readout", "quantiles"),
    [
        (CLASSES, "last", ()),
        (NUMBERS, "last", ()),
        (STEPWISE, "sequence", ()),
        (FORECAST, "last", ()),
        (FORECAST, "last", (0.1, 0.5, 0.9)),
    ],
    ids=["classes", "numbers", "steps", "forecast", "quantiles"],
)
def test_the_losses_of_sequences_are_those_that_keras_averages(
    task: ts.Task, readout: str, quantiles: tuple[float, ...]
) -> None:
    settings = ts.TrainingSettings(quantiles=quantiles)
    model = ts.build_model(replace(NETWORK, readout=readout), task, settings)
    draw_head(model)
    X, y = np.asarray(task.train.X[:20]), np.asarray(task.train.y[:20])
    loss = make_loss(task.spec, quantiles=quantiles)
    losses = losses_of_sequences(loss, y, model.predict(X, verbose=0))
    assert losses.shape == (len(X),)
    evaluated = model.evaluate(X, y, verbose=0, return_dict=True)
    assert losses.mean() == pytest.approx(evaluated["loss"], rel=1e-4)


@pytest.mark.parametrize("task", [RARE, NUMBERS], ids=["classes", "numbers"])
@pytest.mark.parametrize("stuck", [0, 1, 2])
def test_members_that_spoil_the_mean_are_not_averaged(task: ts.Task, stuck: int) -> None:
    models = [ts.build_model(NETWORK, task) for _ in range(3)]  # constant at first
    for model in models[3 - stuck :]:
        bias = model.get_layer("head").bias
        bias.assign(np.linspace(20.0, 40.0, bias.shape[0]))
    settings = ts.TrainingSettings()
    places, score = worth_averaging(models, [0, 1, 2], task.spec, task.train, settings)
    assert places == list(range(3 - stuck))
    averaged = score_members(models[: 3 - stuck], task.spec, task.train)
    assert score == pytest.approx(averaged.ensemble or averaged.members[0])


@pytest.mark.parametrize(
    ("alone", "together", "kept"),
    [
        ([1.0, 1.1, 8.0], [1.0, 0.6, 1.4], 2),
        ([1.0, 1.1, 8.0], [1.0, 0.6, 0.5], 3),  # far off, and good for the mean
        ([1.0, 1.1, 3.0], [1.0, 0.6, 0.7], 3),  # not far off: chance may have made the mean worse
        ([1.0, 8.0, 9.0], [1.0, 2.0, 3.0], 1),  # most are stuck
    ],
)
def test_a_member_is_left_out_where_it_is_far_off_and_spoils_the_mean(
    alone: list[float], together: list[float], kept: int
) -> None:
    assert _count_worth_averaging(np.array(alone), np.array(together)) == kept
