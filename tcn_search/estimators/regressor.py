"""`TCNRegressor`: search, train and predict numbers behind the methods of scikit-learn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array

from tcn_search.errors import InputError
from tcn_search.estimators.sequence_estimator import SequenceEstimator

if TYPE_CHECKING:
    from sklearn.utils import Tags


class TCNRegressor(RegressorMixin, SequenceEstimator):
    """Predict numbers from sequences with the best temporal convolutional network of a search.

    `fit` holds out a fifth of the sequences for validation, searches with the rest, and trains the
    winner again on all of them, once for each of several seeds.

    Args:
        trials, time_limit, seeds, space, training, search, layout: as of `TCNClassifier`.
        n_jobs, random_state, name, storage, verbose: as of `TCNClassifier`.

    Attributes:
        study_: the study; `study_.trials()` is a table of its trials.
        model_: the Keras model, an ensemble.
        scores_: errors of the winner and of simple models on the validation split.
        n_features_in_: steps T where X was (n, T), otherwise channels.
        feature_names_in_: column names where X was a data frame with names of text.

    Example:
        regressor = ts.TCNRegressor(trials=20, time_limit=600).fit(X, y)
        regressor.score(X_new, y_new)  # R²
    """

    def fit(self, X: Any, y: Any, groups: Any = None) -> TCNRegressor:
        """Search, and train the winner.

        Args:
            X: sequences, as of `TCNClassifier.fit`.
            y: (n,) numbers, or (n, targets).
            groups: as of `TCNClassifier.fit`.

        Returns:
            The regressor itself.

        Raises:
            InputError: a parameter or the data cannot be used. It is a ValueError.
            ValueError, TypeError: of scikit-learn's checks of X and y.
        """
        self._require_parameters_and_targets(y)
        targets = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self)
        if targets.ndim == 0 or targets.ndim > 2:
            raise InputError(f"y must be (n,) or (n, targets). Received: shape {targets.shape}")
        self._fit(X, targets, groups, "regression")
        self._target_shape = targets.shape[1:]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predicted numbers, (n,) or (n, targets) as the y of `fit`.

        Args:
            X: sequences as those of `fit`. Where these differed in length, only the last steps of
                longer ones are used.
        """
        table = self._predictions(X)
        count = math.prod(self._target_shape)
        numbers = table.iloc[:, 1 : 1 + count].to_numpy("float64")
        return np.asarray(numbers.reshape(-1, *self._target_shape))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.single_output = True
        tags.target_tags.multi_output = True
        return tags
