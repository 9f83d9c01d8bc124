"""Scores of predicted classes, labels and numbers, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn import metrics

from tcn_search.errors import InputError
from tcn_search.evaluation.class_table import class_table
from tcn_search.tasks.target_kinds import are_one_hot, first_values

_LARGEST_CLASS = 2**53  # integers that floats tell apart


class Scores(NamedTuple):
    """Scores over everything, and the tables behind them."""

    overall: dict[str, float]
    tables: dict[str, pd.DataFrame]


def class_scores(truth: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> Scores:
    """Score predicted classes.

    Balanced accuracy is the mean recall of the classes that occur; `f1` is the mean over the
    classes that occur or are predicted.

    Args:
        truth: (n,) numbers of classes.
        probabilities: (n, K).
        names: of the K classes.
    """
    classes = np.arange(len(names))
    predicted = probabilities.argmax(axis=1)
    shares = probabilities.astype("float64")
    shares /= shares.sum(axis=1, keepdims=True)
    overall = {
        "accuracy": metrics.accuracy_score(truth, predicted),
        "balanced_accuracy": metrics.recall_score(
            truth, predicted, labels=np.unique(truth), average="macro", zero_division=0
        ),
        "f1": metrics.f1_score(truth, predicted, average="macro", zero_division=0),
        "log_loss": metrics.log_loss(truth, shares, labels=classes),
    }
    counts = metrics.confusion_matrix(truth, predicted, labels=classes)
    by_class = class_table(names, np.diag(counts), counts.sum(axis=0), counts.sum(axis=1))
    confusion = pd.DataFrame(counts, index=names, columns=names)
    overall = {name: float(value) for name, value in overall.items()}
    return Scores(overall, {"by_class": by_class, "confusion": confusion})


def label_scores(truth: np.ndarray, probabilities: np.ndarray, names: Sequence[str]) -> Scores:
    """Score predicted labels (n, K), of which any number may be true of a sequence."""
    predicted = (probabilities > 0.5).astype(int)
    right = (truth & predicted).sum(axis=0)
    by_class = class_table(names, right, predicted.sum(axis=0), truth.sum(axis=0))
    overall = {
        "binary_accuracy": float((truth == predicted).mean()),
        "f1": float(by_class["f1"].mean()),
        "all_labels_right": float(metrics.accuracy_score(truth, predicted)),
    }
    return Scores(overall, {"by_class": by_class})


def number_scores(truth: np.ndarray, predicted: np.ndarray, names: Sequence[str]) -> Scores:
    """Score predicted numbers (n, K), in their own units. R² needs two sequences at least."""
    with np.errstate(over="ignore", invalid="ignore"):  # of squares of very large numbers
        by_number = {
            "mse": metrics.mean_squared_error(truth, predicted, multioutput="raw_values"),
            "mae": metrics.mean_absolute_error(truth, predicted, multioutput="raw_values"),
            "r2": np.full(len(names), np.nan),
        }
        if len(truth) > 1:
            by_number["r2"] = metrics.r2_score(truth, predicted, multioutput="raw_values")
    overall = {name: float(np.mean(values)) for name, values in by_number.items()}
    tables = {}
    if len(names) > 1:
        tables["by_number"] = pd.DataFrame({"number": list(names), **by_number})
    return Scores(overall, tables)


def class_numbers(y: np.ndarray, names: Sequence[str], where: str) -> np.ndarray:
    """Return the numbers of classes that are given by name, or as numbers 0 .. K−1.

    Args:
        y: (n,) text or numbers, or (n, K) one-hot rows.
        names: of a model's classes.
        where: what `y` is, for errors.

    Raises:
        InputError: a class that the model does not know.
    """
    if y.ndim == 2 and are_one_hot({"train": y}) and y.shape[1] == len(names):
        return np.asarray(y.argmax(axis=1))
    if y.ndim != 1:
        raise InputError(
            f"{where} must hold one class for each sequence. Received: shape {y.shape}"
        )
    number_of = {name: number for number, name in enumerate(names)}
    values = y
    if y.dtype.kind == "f" and (y == np.round(y)).all() and np.abs(y).max() < _LARGEST_CLASS:
        values = y.astype("int64")
    texts = np.array([str(value) for value in values])
    unknown = np.unique(texts[~np.isin(texts, list(number_of))])
    if not len(unknown):
        return np.array([number_of[text] for text in texts])
    if values.dtype.kind in "iub" and values.min() >= 0 and values.max() < len(names):
        return values.astype("int64")
    raise InputError(
        f"{where} must hold classes that the model knows: {first_values(np.array(names))}. "
        f"Received: {first_values(unknown)}"
    )
