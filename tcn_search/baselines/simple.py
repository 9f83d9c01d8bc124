"""Simple models to hold a network against: a constant, 1-nearest-neighbour, a linear model.

They are fitted in seconds. Where a model has a choice (raw or normalised sequences, the penalty of
a linear model), all choices are returned, and the validation split decides.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from tcn_search.baselines.fixed_length import fixed_length, normalised, shortened
from tcn_search.baselines.naive_forecasts import naive_forecasts, windows_fitted
from tcn_search.baselines.simple_model import Choice, Predict, SimpleModel
from tcn_search.tasks.kinds import NO_CLASS
from tcn_search.tasks.linear_forecast import predicted_channels
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

MOST_ROWS = 5_000  # sequences that a model is fitted on
_MOST_STEPS = 100_000  # with a class each, that a model is fitted on
_MOST_VALUES = 1 << 22  # in all sequences that a model is fitted on
_NEIGHBOUR_VALUES = 4_096  # of a sequence; longer ones are averaged over parts of time
_LINEAR_VALUES = 1_024
_PENALTIES = (0.01, 1.0, 100.0, 1e4, 1e6)


def simple_models(spec: TaskSpec, validation: SplitData | None = None) -> list[SimpleModel]:
    """Return the simple models for a task.

    | kind | models |
    | --- | --- |
    | classification | majority class, 1-nearest-neighbour, linear model |
    | multi_label | majority of each label, 1-nearest-neighbour, linear model |
    | regression | mean, 1-nearest-neighbour, linear model |
    | forecast | mean, last value repeated, seasonal naive, drift, linear map of the windows |
    | labelling | majority class, linear model of each step; for tokens only their frequencies |

    Args:
        spec: of the task.
        validation: split that decides for the penalty of the linear map of a forecast.
    """
    if spec.kind == "forecast":
        return _forecasts(spec, validation)
    if spec.kind == "labelling":
        if spec.vocabulary:
            return [_constant("frequencies of the tokens", spec)]
        step = SimpleModel("linear model of each step", _penalties(_fit_steps, spec))
        return [_constant("majority class", spec), step]
    constant = {"classification": "majority class", "multi_label": "majority of each label"}
    neighbour = SimpleModel(
        "1-nearest-neighbour",
        [
            Choice("raw sequences", partial(_fit_neighbour, spec, False)),
            Choice("each sequence z-normalised", partial(_fit_neighbour, spec, True)),
        ],
    )
    linear = SimpleModel("linear model", _penalties(_fit_linear, spec))
    return [_constant(constant.get(spec.kind, "mean"), spec), neighbour, linear]


def _forecasts(spec: TaskSpec, validation: SplitData | None) -> list[SimpleModel]:
    models = naive_forecasts(spec, validation)
    if not models:  # the series are not known
        models = [SimpleModel("linear model", _penalties(_fit_linear, spec))]
    return [_constant("mean", spec), *models]


def _penalties(
    fit: Callable[[TaskSpec, float, SplitData], Predict], spec: TaskSpec
) -> list[Choice]:
    return [
        Choice(f"ridge regression, penalty {penalty:g}", partial(fit, spec, penalty))
        for penalty in _PENALTIES
    ]


def _constant(name: str, spec: TaskSpec) -> SimpleModel:
    """Return the model that always predicts the mean, or the frequencies of the classes."""

    def fit(train: SplitData) -> Predict:
        shape: tuple[int, ...] = (spec.outputs,)
        if spec.task_kind.reads_every_step:
            shape = (spec.output_steps, spec.outputs)
        if spec.kind in ("classification", "labelling"):
            classes = _scored_classes(train.y, spec)
            counts = np.bincount(classes[classes != NO_CLASS], minlength=spec.outputs)
            answer = counts / counts.sum()
        else:
            answer = train.y.reshape(len(train), -1).mean(axis=0, dtype="float64")
        answer = answer.astype("float32")
        return lambda X: np.broadcast_to(answer, (len(X), *shape))

    return SimpleModel(name, [Choice("", fit)])


def _scored_classes(y: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Return the classes that the metric looks at: all, or those of the last steps."""
    if spec.scored_steps is None or y.ndim == 1:
        return y.ravel()
    return y[:, -spec.scored_steps :].ravel()


def _fit_neighbour(spec: TaskSpec, normalise: bool, train: SplitData) -> Predict:
    """Fit 1-nearest-neighbour with the Euclidean distance."""
    from sklearn.neighbors import NearestNeighbors

    def features(X: np.ndarray) -> np.ndarray:
        return _features(X, spec, normalise, _NEIGHBOUR_VALUES)

    train = sample(train, _rows(spec, _NEIGHBOUR_VALUES))
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(features(train.X))
    answers = _targets(train.y, spec)

    def predict(X: np.ndarray) -> np.ndarray:
        nearest = search.kneighbors(features(X), return_distance=False)
        answered: np.ndarray = answers[nearest[:, 0]]
        return answered

    return predict


def _fit_linear(spec: TaskSpec, penalty: float, train: SplitData) -> Predict:
    """Fit ridge regression on all steps; classes and labels are fitted as zeros and ones."""
    train = sample(train, _rows(spec, _LINEAR_VALUES))
    predict = _ridge(_linear_features(train.X, spec), _targets(train.y, spec), penalty)
    return lambda X: predict(_linear_features(X, spec))


def _linear_features(X: np.ndarray, spec: TaskSpec) -> np.ndarray:
    return _features(X, spec, False, _LINEAR_VALUES)


def _fit_steps(spec: TaskSpec, penalty: float, train: SplitData) -> Predict:
    """Fit ridge regression on the channels of single steps."""
    scored = min(spec.scored_steps or spec.seq_len, spec.seq_len)
    train = sample(train, max(1, _MOST_STEPS // scored))
    inputs = _standardised(train.X[:, -scored:], spec).reshape(-1, spec.input_channels)
    classes = train.y[:, -scored:].ravel()
    known = classes != NO_CLASS
    predict = _ridge(np.nan_to_num(inputs[known]), np.eye(spec.outputs)[classes[known]], penalty)

    def predict_steps(X: np.ndarray) -> np.ndarray:
        steps = np.nan_to_num(_standardised(X, spec).reshape(-1, spec.input_channels))
        return predict(steps).reshape(*X.shape[:2], spec.outputs)

    return predict_steps


def _ridge(features: np.ndarray, targets: np.ndarray, penalty: float) -> Predict:
    """Fit ridge regression on features (n, F) of deviation 1, and targets (n, outputs)."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), Ridge(alpha=penalty))
    model.fit(features.astype("float64"), targets)

    def predict(rows: np.ndarray) -> np.ndarray:
        outputs = model.predict(rows.astype("float64")).reshape(len(rows), -1)
        return np.asarray(outputs, dtype="float32")

    return predict


def _features(X: np.ndarray, spec: TaskSpec, normalise: bool, most: int) -> np.ndarray:
    """Return one row (T · C) for each sequence, of at most `most` values, without NaN."""
    sequences = fixed_length(X)
    sequences = normalised(sequences) if normalise else _standardised(sequences, spec)
    return shortened(sequences, most).reshape(len(X), -1)


def _standardised(X: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Return sequences standardised with the statistics of the training split, if it has any."""
    if not spec.input_mean:
        return X
    mean = np.asarray(spec.input_mean, "float32")
    scaled: np.ndarray = (X - mean) / np.asarray(spec.input_std, "float32")
    return scaled


def _targets(y: np.ndarray, spec: TaskSpec) -> np.ndarray:
    """Return targets (n, outputs): one column for each class, label or number."""
    if spec.kind == "classification":
        classes: np.ndarray = np.eye(spec.outputs, dtype="float32")[y.reshape(-1)]
        return classes
    return y.reshape(len(y), -1).astype("float32")


def _rows(spec: TaskSpec, most_values: int) -> int:
    """Return the number of sequences that a model is fitted on, at most."""
    values = min(spec.seq_len * spec.input_channels, most_values)
    return min(MOST_ROWS, max(1, _MOST_VALUES // values))


def sample(split: SplitData, most: int) -> SplitData:
    """Return at most `most` rows of a split, in equal shares over its sorted targets.

    Targets of several columns are not sorted. The same rows are returned each time.
    """
    count = len(split)
    if count <= most:
        return split
    order = np.random.default_rng(0).permutation(count)
    if split.y.ndim == 1:
        order = order[np.argsort(split.y[order], kind="stable")]
    evenly = np.linspace(0, count - 1, most).round().astype(int)
    chosen = np.sort(order[evenly])
    return SplitData(split.X[chosen], split.y[chosen])


def fitted_rows(spec: TaskSpec, count: int) -> int:
    """Return how many of `count` training sequences the model with the fewest is fitted on."""
    if spec.vocabulary:
        return count
    if spec.kind == "labelling":
        return min(count, max(1, _MOST_STEPS // (spec.scored_steps or spec.seq_len)))
    if spec.kind == "forecast" and predicted_channels(spec):
        return windows_fitted(spec, count)
    most_values = _NEIGHBOUR_VALUES
    if spec.kind == "forecast":
        most_values = _LINEAR_VALUES
    return min(count, _rows(spec, most_values))
