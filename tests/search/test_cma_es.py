"""CMA-ES without a pickle: it learns from the trials, and opens nothing that somebody put into the storage."""

from __future__ import annotations

import pickle
import statistics
from pathlib import Path
from typing import Any

import optuna
import pytest

from tcn_search.search.cma_es import CmaEs

pytest.importorskip("cmaes")
DISTANT = {"minimize": 1.0, "maximize": -1.0}


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def bowl(direction: str) -> Any:
    """Lowest, or highest, at 0.3 of each of three numbers, one of them an integer."""

    def objective(trial: optuna.Trial) -> float:
        found = [
            trial.suggest_float("x", -1, 1),
            trial.suggest_float("y", -1, 1),
            trial.suggest_int("z", -10, 10) / 10,
        ]
        return DISTANT[direction] * sum((value - 0.3) ** 2 for value in found)

    return objective


def made(direction: str, trials: int, storage: Any = None) -> optuna.Study:
    study = optuna.create_study(
        sampler=CmaEs(seed=1), direction=direction, storage=storage, study_name="bowl"
    )
    study.optimize(bowl(direction), n_trials=trials)
    return study


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_it_comes_closer(direction: str) -> None:
    distances = [abs(trial.values[0]) for trial in made(direction, 120).trials]
    assert statistics.fmean(distances[:10]) > 0.3
    assert statistics.fmean(distances[-20:]) < 0.05


def test_a_continued_study_goes_on_where_it_was(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'studies.db'}"
    made("minimize", 80, storage)
    again = optuna.load_study(study_name="bowl", storage=storage, sampler=CmaEs(seed=2))
    again.optimize(bowl("minimize"), n_trials=20)
    assert statistics.fmean(trial.values[0] for trial in again.trials[-20:]) < 0.1
    generations = [trial.system_attrs["cma:generation"] for trial in again.trials[5:]]
    assert generations == sorted(generations)
    assert generations[-1] > generations[79 - 5]


class Payload:
    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return (Path.touch, (self.file,))


def test_nothing_in_the_storage_is_opened_as_a_pickle(tmp_path: Path) -> None:
    def poisoned(sampler: optuna.samplers.BaseSampler) -> optuna.Study:
        study = made("minimize", 30)
        assert not any(
            key.startswith("cma:optimizer") for trial in study.trials for key in trial.system_attrs
        )
        code = pickle.dumps(Payload(tmp_path / "ran")).hex()
        trial = study.ask()
        value = bowl("minimize")(trial)
        study._storage.set_trial_system_attr(trial._trial_id, "cma:optimizer:0", code)
        study.tell(trial, value)
        study.sampler = sampler
        return study

    study = poisoned(CmaEs(seed=1))
    study.optimize(bowl("minimize"), n_trials=1)
    assert not (tmp_path / "ran").exists()
    poisoned(optuna.samplers.CmaEsSampler(seed=1)).optimize(bowl("minimize"), n_trials=1)
    assert (
        tmp_path / "ran"
    ).exists()  # Optuna's own opens it; the day it does not, ours is not needed any more
