"""Private interfaces of other packages that tcn_search relies on: what must hold of each.

pyproject.toml bounds the versions of these packages. When a test here fails after an upgrade, the
module named in its docstring needs the new interface. Ruff's SLF rules keep each use in its module.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import sqlalchemy


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def test_optuna_cma_es_sampler() -> None:
    """tcn_search/search/cma_es.py replaces one method of the sampler and calls two others."""
    pytest.importorskip("cmaes")
    sampler = optuna.samplers.CmaEsSampler
    assert parameters(sampler._restore_optimizer) == ["self", "completed_trials"]
    assert parameters(sampler._init_optimizer) == ["self", "trans", "direction"]
    assert parameters(sampler._get_solution_trials) == ["self", "trials", "generation"]

    class Recorder(sampler):
        restored = 0

        def _restore_optimizer(self, completed_trials: list[Any]) -> Any:
            self.restored += 1
            return super()._restore_optimizer(completed_trials)

    recorder = Recorder(seed=0)
    study = optuna.create_study(sampler=recorder)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=4)
    assert recorder.restored == 3  # the first trial is drawn at random


def test_optuna_search_space_transform() -> None:
    """tcn_search/search/cma_es.py maps parameters to the coordinates of CMA-ES as Optuna does."""
    from optuna._transform import _SearchSpaceTransform

    space = {"x": optuna.distributions.FloatDistribution(-1.0, 3.0)}
    transform = _SearchSpaceTransform(space, transform_step=True, transform_0_1=True)
    np.testing.assert_allclose(transform.transform({"x": 1.0}), [0.5])


def test_cmaes_optimizer() -> None:
    """tcn_search/search/cma_es.py tells generations to the optimiser of the cmaes package."""
    cmaes = pytest.importorskip("cmaes")
    optimizer = cmaes.CMA(mean=np.zeros(2), sigma=1.0, seed=0)
    assert optimizer.generation == 0
    optimizer.tell([(optimizer.ask(), 1.0) for _ in range(optimizer.population_size)])
    assert optimizer.generation == 1


def test_optuna_tables(tmp_path: Path) -> None:
    """tcn_search/storage reads the table of studies and keeps the lease in that of attributes."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'studies.db'}")
    study = optuna.create_study(study_name="a study", storage=storage)
    study.set_user_attr("key", {"a": 1})
    tables = sqlalchemy.inspect(storage.engine)
    assert {"study_id", "study_name"} <= _columns(tables, "studies")
    assert {"study_id", "key", "value_json"} <= _columns(tables, "study_user_attributes")
    unique = tables.get_unique_constraints("study_user_attributes")
    assert {"study_id", "key"} in [set(constraint["column_names"]) for constraint in unique]
    with storage.engine.connect() as connection:
        statement = "SELECT study_id, key, value_json FROM study_user_attributes"
        [(study_id, key, value)] = connection.execute(sqlalchemy.text(statement))
    assert (study_id, key) == (storage.get_study_id_from_name("a study"), "key")
    assert json.loads(value) == {"a": 1}


def _columns(tables: Any, table: str) -> set[str]:
    return {column["name"] for column in tables.get_columns(table)}


def test_keras_adam() -> None:
    """tcn_search/models/fused_adam.py replaces the update of an Adam and reads its moments."""
    import keras

    optimizer = keras.optimizers.Adam()
    assert parameters(optimizer._backend_update_step) == [
        "grads",
        "trainable_variables",
        "learning_rate",
    ]
    variables = [keras.Variable(np.ones(3), dtype="float32") for _ in range(2)]
    optimizer.build(variables)
    assert [optimizer._get_variable_index(variable) for variable in variables] == [0, 1]
    for moments in (optimizer._momentums, optimizer._velocities):
        assert [tuple(moment.shape) for moment in moments] == [(3,), (3,)]
    updates: list[tuple[Any, ...]] = []
    optimizer._backend_update_step = lambda *given: updates.append(given)
    optimizer.apply([keras.ops.ones(3)] * 2)
    assert [len(update) for update in updates] == [3]
    assert int(optimizer.iterations) == 1  # counted after the update, outside of it
    assert keras.optimizers.LossScaleOptimizer(optimizer).inner_optimizer is optimizer


def test_keras_nested_layers() -> None:
    """tcn_search/models/compiled_tcn.py lists the layers of a model at any depth."""
    import keras

    model = keras.Sequential(
        [keras.Input((3,)), keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])]
    )
    kinds = [type(layer) for layer in model._flatten_layers(include_self=False)]
    assert keras.layers.Dense in kinds
    assert keras.Sequential in kinds
    assert model not in model._flatten_layers(include_self=False)


@pytest.mark.parametrize("kind", ["RandomSearch", "BayesianOptimization", "Hyperband"])
def test_keras_tuner_oracles(kind: str, tmp_path: Path) -> None:
    """tcn_search/tuner/proposals.py asks an oracle for trials, sets their values and ends them."""
    import keras_tuner
    from keras_tuner.engine.base_tuner import BaseTuner

    from tcn_search.tuner.trial_adapter import HYPERBAND_EPOCHS

    if kind == "BayesianOptimization":
        pytest.importorskip("sklearn")
    oracle = getattr(keras_tuner.oracles, f"{kind}Oracle")(
        objective=keras_tuner.Objective("val_loss", "min"),
        seed=1,
        max_consecutive_failed_trials=10,
        **({} if kind == "Hyperband" else {"max_trials": 2}),
    )
    BaseTuner(oracle, lambda hp: hp.Int("x", 1, 100), directory=str(tmp_path), overwrite=True)
    oracle.verbose = 0
    oracle.num_initial_points = 10**9  # read by Bayesian optimisation at each trial
    assert [parameter.name for parameter in oracle.get_space().space] == ["x"]
    for name in ("first", "second"):
        trial = oracle.create_trial(name)
        assert trial.status == "RUNNING"
        assert (HYPERBAND_EPOCHS in trial.hyperparameters.values) == (kind == "Hyperband")
        trial.hyperparameters.values = {**trial.hyperparameters.values, "x": 7}
        oracle.update_trial(trial.trial_id, {"val_loss": 1.0})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
        assert oracle.get_trial(trial.trial_id).hyperparameters.values["x"] == 7
    if kind != "Hyperband":
        assert oracle.create_trial("third").status == "STOPPED"


def test_keras_tuner_bayesian_optimisation_reads_the_number_of_random_trials() -> None:
    """tcn_search/tuner/proposals.py raises the number while it replays recorded trials."""
    keras_tuner = pytest.importorskip("keras_tuner")
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(
        objective=keras_tuner.Objective("val_loss", "min"), num_initial_points=5
    )
    assert oracle.num_initial_points == 5
    assert "num_initial_points" in type(oracle).populate_space.__code__.co_names
