"""`TCNClassifier`: search, train and classify sequences behind the methods of scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from tcn_search.errors import InputError
from tcn_search.estimators.sequence_estimator import SequenceEstimator


class TCNClassifier(ClassifierMixin, SequenceEstimator):
    """Classify sequences with the best temporal convolutional network of a search.

    `fit` holds out a fifth of the sequences for validation, searches with the rest, and trains the
    winner again on all of them, once for each of several seeds.

    Args:
        trials: number of finished trials.
        time_limit: seconds for search and final trainings together; None: no limit.
        seeds: final trainings, whose mean is the prediction.
        space, training, search: of the study; None for the defaults.
        layout: order of the axes of X. "NTC": sequences, steps, channels; "NCT": sequences,
            channels, steps, as in aeon.
        n_jobs: processes that train at the same time. None or 1: train in this process; -1: as many
            as suit the machine.
        random_state: seed, or its source, of validation split, sampler, trials and final trainings;
            None for `search.seed`, 0 by default. With one process and without a time limit, the
            same seed gives the same predictions.
        name: of the study, which is then under `runs/` and continued by another `fit` of the same
            data; None for a temporary study, which disappears with the estimator.
        storage: database of the study. Where it is given without a name, the name follows from
            data and parameters, so that a fit of the same with more trials continues.
        verbose: 0, or 1 to log every trial.

    Attributes:
        study_: the study; `study_.trials()` is a table of its trials.
        model_: the Keras model, an ensemble.
        classes_: classes in the order of the columns of `predict_proba`.
        scores_: accuracy of the winner and of simple models on the validation split.
        n_features_in_: steps T where X was (n, T), otherwise channels.
        feature_names_in_: column names where X was a data frame with names of text.

    Example:
        classifier = ts.TCNClassifier(trials=20, time_limit=600).fit(X, y)
        classifier.predict_proba(X_new)
    """

    classes_: np.ndarray

    def fit(self, X: Any, y: Any, groups: Any = None) -> TCNClassifier:
        """Search, and train the winner.

        Args:
            X: (n, T) of one channel, a data frame with a sequence in each row too; (n, T, C); or a
                list of sequences (T,) or (T, C) that may differ in length. See `layout`.
            y: (n,) classes: text, integers or booleans.
            groups: (n,) integers or text: sequences of one group (a speaker, a patient) stay
                together when the validation split is taken.

        Returns:
            The classifier itself.

        Raises:
            InputError: a parameter or the data cannot be used. It is a ValueError.
            ValueError, TypeError: of scikit-learn's checks of X and y.
        """
        self._require_parameters_and_targets(y)
        labels = column_or_1d(y, warn=True)
        assert_all_finite(labels, input_name="y")
        check_classification_targets(labels)
        classes, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(classes) == 1:
            raise InputError(
                f"y must hold at least 2 classes. Received only one class: {classes.tolist()}"
            )
        if len(classes) > 1 and counts.max() < 2:
            raise InputError(
                "y must have a class of at least 2 sequences, so that one can be held out for "
                f"validation. Received: {len(classes)} classes of one sequence each"
            )
        self._fit(X, numbers, groups, "classification", _names_of(classes))
        self.classes_ = classes
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities (n, K) of the classes, in the order of `classes_`.

        Args:
            X: sequences as those of `fit`. Where these differed in length, only the last steps of
                longer ones are used.
        """
        table = self._predictions(X)
        probabilities = table.iloc[:, -len(self.classes_) :].to_numpy("float64")
        return np.asarray(probabilities)

    def predict(self, X: Any) -> np.ndarray:
        """Return the likeliest class (n,) of each sequence; see `predict_proba`."""
        likeliest = self.predict_proba(X).argmax(axis=1)
        return np.asarray(self.classes_[likeliest])


def _names_of(classes: np.ndarray) -> list[str]:
    """Return the classes as text: each must have a name of its own that is not empty."""
    names = [str(label) for label in classes.tolist()]
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        names = [repr(label) for label in classes.tolist()]
    return names
