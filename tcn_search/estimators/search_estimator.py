"""What all estimators share: parameters, search, final trainings, study and model."""

from __future__ import annotations

import hashlib
import json
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from tcn_search.arguments import as_integer, positive_integer, positive_seconds, received
from tcn_search.errors import InputError
from tcn_search.estimators.kept_study import KeptModel, KeptStudy
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import TrainingSettings
from tcn_search.space.search_space import SearchSpace
from tcn_search.study.study import Study
from tcn_search.workers.backends import use_backend
from tcn_search.workers.executor import InProcessExecutor
from tcn_search.workers.keras_import import import_keras_quietly

if TYPE_CHECKING:
    import keras

    from tcn_search.tasks.task import Task

_SEARCH_SHARE = 0.6  # of a time limit; the rest is for the final trainings
_LEAST_SHARE = 0.1  # of a time limit, for final trainings after a search that took longer
_MOST_SEED = 2**31 - 1
# Parameters that may change when a study is continued.
_NOT_IN_THE_NAME = ("trials", "time_limit", "n_jobs", "name", "storage", "verbose")


class SearchEstimator(BaseEstimator):
    """Base of the estimators: run a study on the task of a `fit`, and keep it with its model.

    Subclasses have the parameters below in their `__init__`, as scikit-learn requires.
    """

    trials: int
    time_limit: float | None
    seeds: int
    space: SearchSpace | None
    training: TrainingSettings | None
    search: SearchSettings | None
    n_jobs: int | None
    random_state: int | np.random.RandomState | None
    name: str | None
    storage: str | None
    verbose: int
    _study: KeptStudy
    _model: KeptModel

    @property
    def study_(self) -> Study:
        """The study. After loading a pickle it can be read, and trained only with its data."""
        self._require_fitted("study_")
        return self._study.open()

    @property
    def model_(self) -> keras.Model:
        """The Keras model, an ensemble of the final trainings."""
        self._require_fitted("model_")
        return self._model.model

    def __sklearn_is_fitted__(self) -> bool:
        return "_model" in self.__dict__

    def _require_fitted(self, attribute: str) -> None:
        """Raise an AttributeError before `fit`, so that `hasattr` says that there is none."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__} has no {attribute} before `fit`.")

    def _check_search_parameters(self) -> None:
        """Raise an InputError for a parameter that would end `fit` after its search."""
        positive_integer("trials", self.trials)
        positive_integer("seeds", self.seeds)
        if self.time_limit is not None:
            positive_seconds("time_limit", self.time_limit)
        jobs = as_integer(self.n_jobs)
        if self.n_jobs is not None and (jobs is None or jobs == 0):
            raise InputError(
                "n_jobs must be a number of processes, -1 for as many as suit the machine, or "
                f"None. Received: {received(self.n_jobs)}"
            )
        expected: dict[str, type] = {
            "space": SearchSpace,
            "training": TrainingSettings,
            "search": SearchSettings,
        }
        for name, kind in expected.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kind):
                raise InputError(
                    f"{name} must be a ts.{kind.__name__} or None. Received: {received(value)}"
                )

    def _seed(self) -> int:
        """Return the seed of validation split, search and final trainings."""
        if self.random_state is None:
            return 0 if self.search is None else self.search.seed
        return int(check_random_state(self.random_state).randint(_MOST_SEED))

    def _search(self, task: Task, seed: int) -> None:
        """Search on a task, train the winner over seeds, and keep study and model.

        Raises:
            InputError: a parameter cannot be used.
            LeaseError, TrialsFailedError: as of `Study.run`.
        """
        started = time.monotonic()
        kept = KeptStudy(self._study_name(task, seed), self.storage)
        search = replace(self.search or SearchSettings(), seed=seed)
        with random_state_kept():
            study = kept.open(
                task=task,
                space=self.space,
                training=self.training,
                search=search,
                final=FinalSettings(seeds=self.seeds, first_seed=seed),
                backend=_backend_in_use(),
            )
            limit = self.time_limit
            progress: dict[str, Any] = {}
            if not self.verbose:
                progress = {"on_progress": _say_nothing}
            study.run(
                self.trials,
                timeout=None if limit is None else limit * _SEARCH_SHARE,
                **self._workers(study),
                **progress,
            )
            left = None
            if limit is not None:
                left = max(limit - (time.monotonic() - started), limit * _LEAST_SHARE)
            winner = study.best(timeout=left, **self._workers(study), **progress)
        self._study = kept
        self._model = KeptModel(Path(winner.model_file), study.definition.backend)

    def _workers(self, study: Study) -> dict[str, Any]:
        """Return the arguments of `Study.run` that say where trainings run."""
        count = effective_n_jobs(self.n_jobs)
        if count > 1 and self.n_jobs == -1:
            return {"workers": "auto"}
        if count > 1:
            return {"workers": count}
        use_backend(study.definition.backend)
        import_keras_quietly()
        return {"executor": InProcessExecutor(study.training_data)}

    def _study_name(self, task: Task, seed: int) -> str | None:
        """Return the name of the study; None for a temporary one.

        It has the seed in place of `random_state`, whose generator gives each fit another one.
        """
        if self.name is not None or self.storage is None:
            return self.name
        parameters = {
            name: repr(value)
            for name, value in self.get_params(deep=False).items()
            if name not in _NOT_IN_THE_NAME
        }
        parameters["random_state"] = repr(seed)
        text = json.dumps([task.fingerprint(), parameters], sort_keys=True)
        kind = type(self).__name__.removeprefix("TCN").lower()
        return f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    def _fitted_model(self) -> keras.Model:
        """Return the model, or raise scikit-learn's NotFittedError."""
        check_is_fitted(self)
        return self._model.model


def _say_nothing(progress: object) -> None:
    """Show no progress."""


def _backend_in_use() -> str | None:
    """Return the backend that Keras has been imported with, or None."""
    keras = sys.modules.get("keras")
    if keras is None:
        return None
    return str(keras.backend.backend())


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Restore the global random states of Python and NumPy, which trainings here set."""
    of_python = random.getstate()
    of_numpy = np.random.get_state()
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
