"""`TCNRegressor`: one number or several, in the shape and the units of y."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

import tcn_search as ts
from tcn_search.errors import InputError
from tests.estimators.small_estimators import small


def levels(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise (n, T, C) around two levels, and these levels (n, 2) in other units."""
    generator = np.random.default_rng(seed)
    means = generator.normal(size=(count, 2))
    X = means[:, None, :] + generator.normal(0, 0.3, (count, 12, 2))
    return X, 50 + 10 * means


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> ts.TCNRegressor:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("regressor"))
        return small(ts.TCNRegressor).fit(*levels())


def test_it_predicts_several_numbers_in_their_units(fitted: ts.TCNRegressor) -> None:
    X, y = levels(30, seed=1)
    predicted = fitted.predict(X)
    assert predicted.shape == (30, 2)
    assert predicted.dtype == "float64"
    assert fitted.score(X, y) > 0.7
    assert fitted.n_features_in_ == 2
    np.testing.assert_allclose(fitted.predict(list(X[:3])), predicted[:3], rtol=1e-6)


def test_scores_are_errors_on_the_validation_split(fitted: ts.TCNRegressor) -> None:
    scores = fitted.scores_.set_index("model")["mse"]
    assert list(scores.index) == ["winner", "mean", "1-nearest-neighbour", "linear model"]
    assert scores["winner"] < scores["mean"]


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(60,), (60, 1)])
def test_predictions_have_the_shape_of_the_targets(
    shape: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = levels()
    regressor = small(ts.TCNRegressor, search=ts.SearchSettings(folds=3)).fit(
        X, y[:, 0].reshape(shape)
    )
    assert regressor.predict(X).shape == shape
    assert regressor.scores_.loc[0, "mse"] > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (None, "^TCNRegressor requires y to be passed, but the target y is None.$"),
        (np.full(60, np.nan), "Input y contains NaN"),
        (np.zeros(60), "^y must hold different numbers to predict"),
        (np.zeros((60, 2, 2)), "dim 3"),
        (np.arange(59.0), "inconsistent numbers of samples: .60, 59"),
        (np.full(60, "a"), "dtype='numeric' is not compatible with arrays of bytes/strings"),
    ],
)
def test_targets_that_cannot_be_used_are_refused(y: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        small(ts.TCNRegressor).fit(levels()[0], y)


def test_it_can_be_cloned_and_says_what_it_is() -> None:
    regressor = clone(ts.TCNRegressor(trials=4)).set_params(seeds=2)
    assert (regressor.trials, regressor.seeds) == (4, 2)
    assert regressor.__sklearn_tags__().target_tags.multi_output
    with pytest.raises(InputError, match="^trials must be"):
        ts.TCNRegressor(trials=0).fit(*levels())
