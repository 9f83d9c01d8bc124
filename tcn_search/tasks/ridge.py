"""Ridge regression in closed form, from sums over rows, so that memory does not grow with them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

# Each is a share of the mean of the squared features. With the infinite one, the solution is zero.
PENALTIES = (*(10.0**power for power in range(-7, 5)), math.inf)


class Moments:
    """Sums of products of features and targets over all rows, from which ridge maps are solved.

    A last feature that is 1 stands for the bias; in rows that are weighted, it is their weight.

    Args:
        features: F.
        outputs: H.
    """

    def __init__(self, features: int, outputs: int) -> None:
        self.rows = 0
        self.products = np.zeros((features + 1, features + 1))
        self.answers = np.zeros((features + 1, outputs))
        self.squares = 0.0

    def add(self, features: np.ndarray, targets: np.ndarray) -> None:
        """Add rows of features (n, F + 1), with the ones or weights, and targets (n, H)."""
        self.rows += len(features)
        self.products += features.T @ features
        self.answers += features.T @ targets
        self.squares += float(np.square(targets).sum())

    def __add__(self, other: Moments) -> Moments:
        """Return the sums over the rows of both."""
        both = Moments(len(self.products) - 1, self.answers.shape[1])
        both.rows = self.rows + other.rows
        both.products = self.products + other.products
        both.answers = self.answers + other.answers
        both.squares = self.squares + other.squares
        return both

    def error(self, solution: np.ndarray) -> float:
        """Return the mean squared error of a solution (F + 1, H) over all rows and outputs."""
        total = self.squares - 2 * (solution * self.answers).sum()
        total += (solution * (self.products @ solution)).sum()
        return float(total / (self.rows * self.answers.shape[1]))


@dataclass(frozen=True, eq=False)
class Ridge:
    """A linear map from features (n, F) to outputs (n, H).

    Attributes:
        weights: (F, H).
        bias: (H,).
        penalty: the one that was chosen.
        error: mean squared error on the validation windows.
    """

    weights: np.ndarray
    bias: np.ndarray
    penalty: float
    error: float


def solve_ridge(
    train: Moments,
    validation: Moments,
    penalties: Sequence[float] = PENALTIES,
    earlier: Sequence[tuple[Moments, Moments]] = (),
) -> Ridge:
    """Return the ridge solution of the training rows, with the penalty of the least error.

    Args:
        train, validation: rows to fit, and rows on which the error is measured.
        penalties: to choose from.
        earlier: further pairs of rows to fit and to measure on: the penalty is the one with the
            least mean of the errors on all pairs.
    """
    errors = np.zeros(len(penalties))
    for fitted, measured in earlier:
        errors += [measured.error(one) for one in _solutions(fitted, penalties)]
    solutions = list(_solutions(train, penalties))
    last_errors = [validation.error(solution) for solution in solutions]
    chosen = int(np.argmin(errors + last_errors))
    return Ridge(
        weights=solutions[chosen][:-1],
        bias=solutions[chosen][-1],
        penalty=float(penalties[chosen]),
        error=last_errors[chosen],
    )


def _solutions(moments: Moments, penalties: Sequence[float]) -> Iterator[np.ndarray]:
    """Yield the ridge solution (F + 1, H) of some rows for each penalty, the bias in the last row.

    weights = (Xᵀ X + λ I)⁻¹ Xᵀ Y with centred X and Y, so that the bias is not penalised; λ is the
    penalty times the mean of the diagonal of Xᵀ X. An infinite penalty gives zeros, the bias
    included. One decomposition serves all penalties.
    """
    count = max(moments.products[-1, -1], np.finfo("float64").tiny)  # of rows, or of their weight
    mean = moments.products[-1, :-1] / count  # (F,)
    target_mean = moments.answers[-1] / count  # (H,)
    products = moments.products[:-1, :-1] - count * np.outer(mean, mean)
    answers = moments.answers[:-1] - count * np.outer(mean, target_mean)
    values, vectors = np.linalg.eigh(products)
    values = np.maximum(values, 0.0)
    projected = vectors.T @ answers
    unit = max(float(values.mean()), float(np.finfo("float64").tiny))
    for penalty in map(float, penalties):
        if math.isinf(penalty):
            yield np.zeros_like(moments.answers)
            continue
        weights = vectors @ (projected / (values + penalty * unit)[:, np.newaxis])
        yield np.vstack([weights, target_mean - mean @ weights])
