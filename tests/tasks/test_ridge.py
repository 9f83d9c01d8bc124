"""Ridge regression in closed form."""

import math

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from tcn_search.tasks.ridge import Moments, solve_ridge


def test_the_solution_is_that_of_scikit_learn():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 5)) + 2.0
    Y = X @ rng.normal(size=(5, 2)) + rng.normal(size=(80, 2)) - 1.0
    moments = Moments(5, 2)
    for start in (0, 50):
        rows = X[start : start + 50]
        moments.add(np.hstack([rows, np.ones((len(rows), 1))]), Y[start : start + 50])
    penalty = 0.3
    ridge = solve_ridge(moments, moments, (penalty,))
    unit = np.square(X - X.mean(axis=0)).sum(axis=0).mean()
    expected = Ridge(alpha=penalty * unit).fit(X, Y)
    np.testing.assert_allclose(ridge.weights, expected.coef_.T, rtol=1e-6)
    np.testing.assert_allclose(ridge.bias, expected.intercept_, rtol=1e-6)
    assert ridge.error == pytest.approx(np.square(expected.predict(X) - Y).mean())


def test_the_solution_of_weighted_rows_is_that_of_scikit_learn():
    rng = np.random.default_rng(5)
    X = rng.normal(size=(80, 5)) + 2.0
    Y = X @ rng.normal(size=(5, 2)) + rng.normal(size=(80, 2)) - 1.0
    weights = rng.uniform(0.1, 3.0, (80, 1))
    moments = Moments(5, 2)
    moments.add(np.hstack([X, np.ones((80, 1))]) * weights, Y * weights)
    penalty = 0.3
    ridge = solve_ridge(moments, moments, (penalty,))
    shares = np.square(weights[:, 0])
    centred = X - np.average(X, axis=0, weights=shares)
    unit = (shares[:, np.newaxis] * np.square(centred)).sum(axis=0).mean()
    expected = Ridge(alpha=penalty * unit).fit(X, Y, sample_weight=shares)
    np.testing.assert_allclose(ridge.weights, expected.coef_.T, rtol=1e-6)
    np.testing.assert_allclose(ridge.bias, expected.intercept_, rtol=1e-6)


def test_the_penalty_with_the_least_validation_error_is_chosen():
    rng = np.random.default_rng(2)
    weights = rng.normal(size=(30, 1))
    moments = []
    for rows in (40, 1_000):
        X = rng.normal(size=(rows, 30))
        sums = Moments(30, 1)
        sums.add(np.hstack([X, np.ones((rows, 1))]), X @ weights + 3 * rng.normal(size=(rows, 1)))
        moments.append(sums)
    penalties = (1e-6, 1e-2, 1.0, 1e3)
    errors = [solve_ridge(*moments, (penalty,)).error for penalty in penalties]
    chosen = solve_ridge(*moments, penalties)
    assert chosen.penalty == penalties[int(np.argmin(errors))] not in (1e-6, 1e3)
    assert chosen.error == min(errors)


def moments_of(X: np.ndarray, Y: np.ndarray) -> Moments:
    sums = Moments(X.shape[1], Y.shape[1])
    sums.add(np.hstack([X, np.ones((len(X), 1))]), Y)
    return sums


def test_an_infinite_penalty_gives_zeros():
    rng = np.random.default_rng(3)
    sums = moments_of(rng.normal(size=(50, 4)), rng.normal(size=(50, 2)) + 5)
    ridge = solve_ridge(sums, sums, (math.inf,))
    assert not ridge.weights.any()
    assert not ridge.bias.any()


def test_further_pairs_of_rows_decide_for_the_penalty_too():
    rng = np.random.default_rng(4)
    weights = rng.normal(size=(3, 1))

    def rows(noise: float) -> Moments:
        X = rng.normal(size=(40, 3))
        return moments_of(X, X @ weights * (noise == 0) + noise * rng.normal(size=(40, 1)))

    signal, noise = rows(0), rows(5.0)
    penalties = (1e-4, math.inf)
    assert solve_ridge(signal, signal, penalties).penalty == 1e-4
    assert solve_ridge(signal, signal, penalties, [(signal, noise)] * 20).penalty == math.inf
