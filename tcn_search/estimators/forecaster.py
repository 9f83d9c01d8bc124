"""`TCNForecaster`: search, train and forecast behind the methods of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tcn_search.arguments import positive_integer, received
from tcn_search.errors import InputError
from tcn_search.estimators.next_steps import predict_next
from tcn_search.estimators.search_estimator import SearchEstimator, random_state_kept
from tcn_search.evaluation.forecast_scores import ForecastScorer
from tcn_search.evaluation.model_outputs import (
    OutputReader,
    keep_errors,
    model_reader,
    require_levels,
)
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import TrainingSettings
from tcn_search.space.search_space import SearchSpace
from tcn_search.study.forecast_errors import forecast_errors
from tcn_search.tasks.builtin.forecast import forecast as forecast_task
from tcn_search.tasks.option_types import checked_option, option_types

if TYPE_CHECKING:
    from tcn_search.tasks.task import Task

_PARTS = (0.8, 0.1, 0.1)
_VALIDATION_SHARE = 0.1  # of the steps before a fold of a backtest


class TCNForecaster(SearchEstimator):
    """Forecast series with the best temporal convolutional network of a search.

    `fit` makes a study, runs it, trains its winner over seeds and scores it on the last tenth of
    the steps.

    Args:
        horizon: steps to forecast.
        look_back: steps of the longest window; None for the default of the task.
        task_options: further options of the task `forecast`, such as {"target": "load", "id":
            "shop", "known": ["price"], "calendar": ["hour"], "gaps": "mask"}. `parts` is
            (0.8, 0.1, 0.1) unless it is given.
        quantiles: levels of `predict`; None for those of the model, or else .1, .5 and .9.
        trials: number of finished trials.
        time_limit: seconds for search and final trainings together; None: no limit.
        seeds: final trainings, whose mean is the forecast.
        space, training, search: of the study; None for the defaults.
        n_jobs, random_state, name, storage, verbose: as of `TCNClassifier`.

    Attributes:
        study_: the study.
        model_: the Keras model, an ensemble.
        errors_: errors on the test split of the winner and of simple models, one row each.

    Example:
        forecaster = ts.TCNForecaster(horizon=24, trials=20).fit(frame)
        forecaster.predict()  # the 24 steps after the last row of the frame
    """

    errors_: pd.DataFrame | None

    def __init__(
        self,
        horizon: int = 24,
        look_back: int | None = None,
        task_options: Mapping[str, Any] | None = None,
        quantiles: Sequence[float] | None = None,
        trials: int = 20,
        time_limit: float | None = None,
        seeds: int = 3,
        space: SearchSpace | None = None,
        training: TrainingSettings | None = None,
        search: SearchSettings | None = None,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        name: str | None = None,
        storage: str | None = None,
        verbose: int = 0,
    ) -> None:
        self.horizon = horizon
        self.look_back = look_back
        self.task_options = task_options
        self.quantiles = quantiles
        self.trials = trials
        self.time_limit = time_limit
        self.seeds = seeds
        self.space = space
        self.training = training
        self.search = search
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.name = name
        self.storage = storage
        self.verbose = verbose

    def fit(self, frame: pd.DataFrame | str | Path, y: None = None) -> TCNForecaster:
        """Search, train the winner and score it on the last steps of the series.

        Args:
            frame: a data frame with a time column or index and a column for each series, or with
                series below each other and a column of ids; or a file of either.
            y: not used; scikit-learn's conventions have it.

        Returns:
            The forecaster itself.

        Raises:
            InputError: a parameter or the data cannot be used; no trial was run.
        """
        self._check_parameters()
        self._search(self._task(frame), self._seed())
        self.errors_ = forecast_errors(self._study.open().results)
        self._data = frame
        return self

    def _check_parameters(self) -> None:
        """Raise an InputError for a parameter that would end `fit` after its search."""
        self._check_search_parameters()
        if self.quantiles is not None:
            require_levels(self.quantiles)
        if self.training is not None and self.training.quantiles:
            OutputReader(self.training.quantiles, levels=self.quantiles)  # checks the levels

    def predict(
        self,
        frame: pd.DataFrame | str | Path | None = None,
        future: pd.DataFrame | str | Path | None = None,
    ) -> pd.DataFrame:
        """Forecast the steps after the last row of each series.

        Args:
            frame: rows up to the present, as those of `fit`; None for the rows of `fit`.
            future: rows after the last ones, with the columns that are known in advance.

        Returns:
            One row for each series and step: id, time, step, forecast and quantiles.
        """
        model = self._fitted_model()
        data = self._data if frame is None else frame
        return predict_next(model, data, future=future, quantiles=self.quantiles)

    def backtest(self, frame: pd.DataFrame | str | Path, folds: int = 5) -> pd.DataFrame:
        """Forecast the last steps of series again, from origins that roll forward.

        The winner's network is trained anew for each fold, on the steps before its origin alone: a
        tenth of them decides when to stop and gives the quantiles. The folds do not overlap.

        Args:
            frame: as of `fit`.
            folds: number of origins, `horizon` steps apart; the last forecast ends with the series.

        Returns:
            One row for each value: fold, id, origin (time of the last known step), step, time,
            truth, forecast and quantiles. `ts.forecast_metrics` computes errors from it.

        Raises:
            InputError: the series are too short for the folds.
        """
        self._fitted_model()  # Keras then runs on the study's backend
        folds = positive_integer("folds", folds)
        whole = self._task(frame)
        assert whole.windows is not None
        ends = zip(whole.windows.starts, whole.windows.values, strict=True)
        steps = max(start + len(values) for start, values in ends)
        look_back = whole.spec.seq_len
        tables = []
        for fold in range(1, folds + 1):
            origin = steps - (folds - fold + 1) * self.horizon
            held_out = max(self.horizon, round(_VALIDATION_SHARE * origin))
            if origin - held_out < look_back + self.horizon:
                raise InputError(
                    f"folds must leave {look_back + self.horizon + held_out} steps before the "
                    f"first origin, to train on. Received: {folds} folds of {self.horizon} steps "
                    f"and {steps} steps in all"
                )
            parts = (origin - held_out, held_out, self.horizon)
            task = self._task(frame, parts=parts, look_back=look_back)
            with random_state_kept():
                tables.append(self._fold(task, fold))
        return pd.concat(tables, ignore_index=True)

    def _fold(self, task: Task, fold: int) -> pd.DataFrame:
        """Train the winner's network on a task and return its forecasts of the test split."""
        import keras

        from tcn_search.models.build import build_model
        from tcn_search.trainers.fit import train

        winner = self.study_.winner
        assert winner is not None
        assert task.test is not None
        assert task.windows is not None
        candidate = self.study_.results.candidate(winner.trial)
        keras.utils.set_random_seed(fold)
        model = build_model(candidate.architecture, task, candidate.settings)
        train(model, task.training, candidate.settings, self.study_.definition.objective)
        keep_errors([model], task.spec, task.validation)
        reader = model_reader(model, self.quantiles)
        scorer = ForecastScorer(task, task.test, task.windows.test, reader)
        for start in range(0, len(task.test), task.spec.sequences_at_once):
            X = np.asarray(task.test.X[start : start + task.spec.sequences_at_once])
            scorer.add(np.asarray(model.predict_on_batch(X)))
        table = scorer.table()
        table.insert(0, "fold", fold)
        return table

    def _task(self, data: pd.DataFrame | str | Path, **changed: Any) -> Task:
        """Return the task of a frame or a file, with some options changed."""
        if not isinstance(data, pd.DataFrame | str | Path):
            raise InputError(
                f"frame must be a data frame or the path of a table. Received: {received(data)}"
            )
        options: dict[str, Any] = {"parts": _PARTS}
        if self.look_back is not None:
            options["look_back"] = self.look_back
        options |= {**self._checked_task_options(), **changed}
        return forecast_task(data, horizon=self.horizon, **options)

    def _checked_task_options(self) -> dict[str, Any]:
        """Return `task_options`, each of the type that the task declares."""
        given = {} if self.task_options is None else self.task_options
        if not isinstance(given, Mapping):
            raise InputError(
                "task_options must be a mapping of options of the task `forecast`, such as "
                f'{{"target": "load"}}. Received: {received(given)}'
            )
        for name in ("file", "horizon"):
            if name in given:
                raise InputError(
                    f"task_options must not set {name}, which `TCNForecaster` sets itself. "
                    f"Received: {received(given[name])}"
                )
        types = option_types(forecast_task)
        for name in ("file", "horizon", "return"):
            del types[name]
        for name in given:
            if name not in types:
                raise InputError(
                    f"task_options has no option {name!r}. It has: {', '.join(types)}."
                )
        return {name: checked_option(name, value, types[name]) for name, value in given.items()}
