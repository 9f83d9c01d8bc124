"""The KerasTuner hypermodel: every configuration is feasible, built as chosen, and trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search import Constraints, Range, SearchSpace, Task, TCNHyperModel, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.space.constraints import broken_limits
from tcn_search.space.trial_parameters import suggested_values
from tcn_search.tasks.class_weights import with_class_weights
from tests.conftest import waves

TASK = Task.from_arrays(*waves(24))
# The sequences have 16 steps: most of these 60 geometries do not cover them.
SPACE = SearchSpace(
    nb_filters=[2, 4],
    kernel_size=Range(2, 4),
    levels=Range(1, 5),
    nb_stacks=[1, 2],
    norm=["none", "layer"],
    learning_rate=Range(1e-3, 1e-2, log=True),
    optimizer=["adam", "sgd"],
    weight_decay=[0, 1e-3],
    batch_size=[8, 16],
)
TRAINING = TrainingSettings(epochs=1)


def test_weights_that_no_tuner_keeps_are_refused() -> None:
    with pytest.raises(InputError) as error:
        TCNHyperModel(TASK, SPACE, training=TrainingSettings(epochs=1, weights="ema"))
    assert str(error.value) == (
        'weights must be "best" for a hypermodel, because KerasTuner keeps the weights of the best '
        "epoch. Received: 'ema'"
    )


def hypermodel(space: SearchSpace = SPACE, **constraints: Any) -> TCNHyperModel:
    return TCNHyperModel(TASK, space, Constraints(**constraints), TRAINING)


def space_of(model: TCNHyperModel) -> keras_tuner.HyperParameters:
    hp = keras_tuner.HyperParameters()
    model.configuration(hp)
    return hp


@pytest.mark.parametrize(
    "model",
    [
        hypermodel(),
        hypermodel(receptive_field="prune"),
        hypermodel(max_params=130),
        hypermodel(SearchSpace(dilations=[[1, 2, 4], [1, 2, 4, 8], [1, 3, 9]], kernel_size=[2, 3])),
        hypermodel(SearchSpace(kernel_size=Range(2, 6), dilation_base=[2, 3, 5], padding=["same"])),
        # KerasTuner's values at the ends of these ranges lie outside them.
        hypermodel(
            SearchSpace(
                nb_filters=Range(8, 64, log=True), learning_rate=Range(1e-4, 3e-2, log=True)
            )
        ),
    ],
    ids=["levels", "prune", "max_params", "dilations", "bases", "logarithms"],
)
def test_every_configuration_is_feasible_including_the_defaults(model: TCNHyperModel) -> None:
    hp = space_of(model)
    architecture, _ = model.configuration(hp)
    assert not broken_limits(model.space.violations(architecture))

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.lists(st.floats(0, 1), min_size=len(hp.space), max_size=len(hp.space)))
    def any_values(shares: list[float]) -> None:
        chosen = hp.copy()
        for dimension, share in zip(hp.space, shares, strict=True):
            chosen.values[dimension.name] = dimension.prob_to_value(share)
        architecture, training = model.configuration(chosen)
        assert not broken_limits(model.space.violations(architecture))
        settings = {name: getattr(training, name) for name in model.space.space.settings}
        suggested_values(model.space, architecture, settings)  # raises an error outside the space
        assert len(chosen.space) == len(
            hp.space
        )  # one hyperparameter a dimension, always the same ones

    any_values()


def test_a_feasible_configuration_is_built_as_chosen() -> None:
    model = hypermodel(required_context="seq_len")
    hp = space_of(model)
    chosen = {"kernel_size": 4, "extra_levels": 1, "nb_stacks": 2, "nb_filters": 4, "norm": "layer"}
    chosen |= {
        "weight_decay": "0.001",
        "optimizer": "sgd",
        "batch_size": 16,
        "use_skip_connections": "False",
    }
    hp.values |= chosen
    architecture, training = model.configuration(hp)
    # Kernel 4 twice in 2 stacks: 1 level sees 13 steps, 2 see 37.
    assert (architecture.kernel_size, architecture.levels, architecture.nb_stacks) == (4, 3, 2)
    assert (architecture.nb_filters, architecture.norm, architecture.use_skip_connections) == (
        4,
        "layer",
        False,
    )
    assert (training.optimizer, training.weight_decay, training.batch_size) == ("sgd", 1e-3, 16)
    built = model.build(hp)
    assert built.count_params() == model.space.limits.parameters(architecture)
    assert isinstance(built.optimizer, keras.optimizers.SGD)


def test_an_infeasible_space_is_refused_at_once() -> None:
    with pytest.raises(
        InputError, match="No architecture of this space covers the required context of 16 steps"
    ):
        hypermodel(SearchSpace(kernel_size=[2], levels=[2], nb_stacks=[1], readout="last"))


def test_the_hypermodel_trains_as_a_study_does() -> None:
    task = with_class_weights(TASK, {TASK.spec.class_names[0]: 3.0})
    training = TrainingSettings(epochs=4, patience=2, schedule="plateau")
    asked: dict[str, Any] = {}

    class Model:
        def fit(self, *data: Any, **named: Any) -> None:
            asked.update(named)

    made = TCNHyperModel(
        task, SearchSpace(nb_filters=[2], levels=4, nb_stacks=1), training=training
    )
    made.fit(keras_tuner.HyperParameters(), Model())  # type: ignore[arg-type]
    assert set(asked["sample_weight"]) == {1.0, 3.0}
    assert [type(callback).__name__ for callback in asked["callbacks"]] == [
        "HalveOnPlateau",
        "EarlyStopping",
    ]
    assert asked["callbacks"][1].patience == 2


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("tuner", "options"),
    [
        (keras_tuner.RandomSearch, {"max_trials": 2}),
        pytest.param(
            keras_tuner.BayesianOptimization,
            {"max_trials": 3, "num_initial_points": 2},
            marks=pytest.mark.slow,
        ),
        pytest.param(keras_tuner.Hyperband, {"max_epochs": 2, "factor": 2}, marks=pytest.mark.slow),
    ],
)
def test_the_tuners_of_keras_tuner_run(tuner: Any, options: dict[str, Any], tmp_path: Path) -> None:
    small = SearchSpace(
        nb_filters=[2], kernel_size=[2, 4], levels=Range(1, 4), nb_stacks=[1], norm=["none"]
    )
    search = tuner(hypermodel(small), objective="val_loss", seed=1, directory=tmp_path, **options)
    search.search(verbose=0)
    ended = search.oracle.trials.values()
    assert len(ended) >= 2
    assert {trial.status for trial in ended} == {"COMPLETED"}
    best = search.get_best_hyperparameters()[0]
    model = search.get_best_models()[0]
    architecture, _ = search.hypermodel.configuration(best)
    assert model.get_layer("tcn").architecture.kernel_size == architecture.kernel_size
    assert np.allclose(model.predict(TASK.validation.X, verbose=0).sum(axis=-1), 1, atol=1e-5)
