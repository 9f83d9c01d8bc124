"""Precision, recall and F1 of each class from counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def class_table(
    names: Sequence[str], right: np.ndarray, given: np.ndarray, examples: np.ndarray
) -> pd.DataFrame:
    """Return precision, recall and F1 of each class or label, and its number of examples.

    A class that was never predicted has precision 0; one without examples has recall 0.

    Args:
        names: of K classes or labels.
        right: (K,) how often each was rightly predicted.
        given: (K,) how often each was predicted.
        examples: (K,) how often each is true.
    """
    return pd.DataFrame(
        {
            "class": list(names),
            "precision": right / np.maximum(given, 1),
            "recall": right / np.maximum(examples, 1),
            "f1": 2 * right / np.maximum(given + examples, 1),
            "examples": examples,
        }
    )
