"""Estimators whose search and final training take seconds."""

from __future__ import annotations

from typing import Any, TypeVar

import tcn_search as ts

_T = TypeVar("_T", ts.TCNClassifier, ts.TCNRegressor)


def small(kind: type[_T], **changed: Any) -> _T:
    """Return an estimator of one trial of a tiny network and one final training."""
    space = ts.SearchSpace(
        nb_filters=[8],
        kernel_size=[3],
        levels=[1, 2, 3],
        nb_stacks=[1],
        norm=["none"],
        readout=["last"],
        dropout_rate=[0.0],
        learning_rate=[0.02],
    )
    parameters = {
        "trials": 1,
        "seeds": 1,
        "space": space,
        "training": ts.TrainingSettings(epochs=20, batch_size=16),
        "search": ts.SearchSettings(final_epochs=30, warm_start=False),
        "random_state": 0,
        **changed,
    }
    return kind(**parameters)
