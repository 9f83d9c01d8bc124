"""What classifier and regressor share: parameters, the task of a `fit`, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_consistent_length
from sklearn.utils.validation import check_is_fitted

from tcn_search.arguments import one_of
from tcn_search.errors import InputError
from tcn_search.estimators.search_estimator import SearchEstimator
from tcn_search.estimators.sequences import (
    LAYOUTS,
    last_steps,
    read_sequences,
    warn_of_exchanged_axes,
)
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import TrainingSettings
from tcn_search.space.search_space import SearchSpace
from tcn_search.study.validation_scores import validation_scores
from tcn_search.tasks.task import Task

if TYPE_CHECKING:
    import pandas as pd


class SequenceEstimator(SearchEstimator):
    """Base of classifier and regressor."""

    n_features_in_: int
    scores_: pd.DataFrame

    def __init__(
        self,
        trials: int = 20,
        time_limit: float | None = None,
        seeds: int = 3,
        space: SearchSpace | None = None,
        training: TrainingSettings | None = None,
        search: SearchSettings | None = None,
        layout: str = "NTC",
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        name: str | None = None,
        storage: str | None = None,
        verbose: int = 0,
    ) -> None:
        self.trials = trials
        self.time_limit = time_limit
        self.seeds = seeds
        self.space = space
        self.training = training
        self.search = search
        self.layout = layout
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.name = name
        self.storage = storage
        self.verbose = verbose

    def _require_parameters_and_targets(self, y: Any) -> None:
        self._check_search_parameters()
        one_of("layout", self.layout, tuple(LAYOUTS))
        if y is None:
            raise InputError(
                f"{type(self).__name__} requires y to be passed, but the target y is None."
            )

    def _fit(
        self,
        X: Any,
        y: np.ndarray,
        groups: Any,
        kind: str,
        class_names: Sequence[str] | None = None,
    ) -> None:
        """Search and train on sequences and checked targets; see `fit`."""
        sequences = read_sequences(self, X, self.layout, reset=True)
        check_consistent_length(sequences, y, groups)
        if self.layout == "NTC":
            warn_of_exchanged_axes(sequences)
        seed = self._seed()
        try:
            task = Task.from_arrays(
                _as_list(sequences),
                y,
                groups_train=groups,
                class_names=class_names,
                kind=kind,
                axes=LAYOUTS["NTC"],
                seed=seed,
            )
        except InputError as error:  # there is only one split, whose arrays are X and y
            raise InputError(str(error).replace("_train", "")) from error
        self._search(task, seed)
        self.scores_ = validation_scores(self._study.open().results)

    def _predictions(self, X: Any) -> pd.DataFrame:
        """Return the table of `tcn_search.predict` for sequences as those of `fit`."""
        check_is_fitted(self)
        sequences = read_sequences(self, X, self.layout, reset=False)
        from tcn_search.models.predict import predict, standardize_layer

        model = self._model.model
        if standardize_layer(model).ragged:
            sequences = last_steps(sequences, model.input_shape[1])
        return predict(model, sequences)


def _as_list(sequences: np.ndarray) -> Any:
    """Return sequences (n, T, C) as an array, or as a list where some are shorter than T."""
    is_step = ~np.isnan(sequences).all(axis=2)
    if is_step.all():
        return sequences
    return [row[: steps.sum()] for row, steps in zip(sequences, is_step, strict=True)]
