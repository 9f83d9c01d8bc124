"""Trials that no other beats in every objective, and trials within limits on what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import optuna
import pandas as pd
from optuna.trial import TrialState

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.objectives import multiply_adds_of, parameters_of


def values_frame(
    trials: Sequence[optuna.trial.FrozenTrial], definition: Definition
) -> pd.DataFrame:
    """One row a complete trial: trial, a column for each objective, and `on_front`, whether none dominates it."""
    metrics = definition.objectives
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    values = np.array([trial.values for trial in complete], dtype=float).reshape(-1, len(metrics))
    losses = values * [-1 if metric.direction == "maximize" else 1 for metric in metrics]
    frame = pd.DataFrame(values, columns=[metric.name for metric in metrics])
    frame.insert(0, "trial", [trial.number for trial in complete])
    frame["on_front"] = [
        not bool(((losses <= own).all(axis=1) & (losses < own).any(axis=1)).any()) for own in losses
    ]
    return frame


def within(
    trials: Sequence[optuna.trial.FrozenTrial], definition: Definition, limits: Mapping[str, float]
) -> set[int]:
    """Numbers of the complete trials that cost at most what the limits say.

    Raises:
        InputError: a limit on something that is not known of the trials.
    """
    names = [metric.name for metric in definition.objectives]
    known = ["params", "multiply_adds", *(["latency"] if "latency" in names else [])]
    for name, limit in limits.items():
        if name not in known:
            raise InputError(f"A limit must be on one of {', '.join(known)}. Received: {name!r}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
            raise InputError(f"The limit on {name} must be a number above 0. Received: {limit!r}")
    kept = set()
    for trial in trials:
        if trial.state is not TrialState.COMPLETE:
            continue
        architecture = Architecture.from_dict(trial.user_attrs["architecture"])
        costs: dict[str, float | None] = {
            "params": parameters_of(architecture, definition, trial.user_attrs.get("result", {})),
            "multiply_adds": multiply_adds_of(architecture, definition.spec),
            **dict(zip(names, trial.values, strict=True)),
        }
        if all((costs[name] or 0) <= limit for name, limit in limits.items()):
            kept.add(trial.number)
    return kept
