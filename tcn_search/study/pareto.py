"""The Pareto front of the complete trials, and the trials within limits on their cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tcn_search.errors import InputError
from tcn_search.search.definition import Definition
from tcn_search.search.trial_record import TrialRecord
from tcn_search.search.trial_values import multiply_adds, parameter_count


def values_frame(records: Sequence[TrialRecord], definition: Definition) -> pd.DataFrame:
    """Return one row a complete trial: trial, each objective's value, and `on_front`.

    A trial is on the front if no other is at least as good in every objective and better in one.
    """
    metrics = definition.objectives
    complete = [record for record in records if record.values is not None]
    values = np.array([record.values for record in complete], dtype=float)
    values = values.reshape(-1, len(metrics))
    signs = [-1 if metric.direction == "maximize" else 1 for metric in metrics]
    losses = values * signs
    frame = pd.DataFrame(values, columns=[metric.name for metric in metrics])
    frame.insert(0, "trial", [record.number for record in complete])
    frame["on_front"] = [not _is_dominated(row, losses) for row in losses]
    return frame


def _is_dominated(row: np.ndarray, losses: np.ndarray) -> bool:
    no_worse = (losses <= row).all(axis=1)
    better = (losses < row).any(axis=1)
    return bool((no_worse & better).any())


def within(
    records: Sequence[TrialRecord], definition: Definition, limits: Mapping[str, float]
) -> set[int]:
    """Return the numbers of the trials whose costs are within the limits.

    A trial whose latency was not measured is within no limit on it.

    Args:
        records: complete trials, or those that the time limit of trials has ended.
        limits: largest cost by name: "params", "multiply_adds", or "latency" where the study
            measures it.

    Raises:
        InputError: a limit is no number above 0, or on a cost that the trials do not have.
    """
    names = [metric.name for metric in definition.objectives]
    known = ["params", "multiply_adds"]
    if "latency" in names:
        known.append("latency")
    for name, limit in limits.items():
        if name not in known:
            raise InputError(f"A limit must be on one of {', '.join(known)}. Received: {name!r}")
        if isinstance(limit, bool) or not isinstance(limit, int | float) or not limit > 0:
            raise InputError(f"The limit on {name} must be a number above 0. Received: {limit!r}")
    kept = set()
    for record in records:
        architecture = record.built
        costs: dict[str, float | None] = {
            "params": parameter_count(architecture, definition, record.outcome),
            "multiply_adds": multiply_adds(architecture, definition.spec),
        }
        if record.values is not None:
            costs |= dict(zip(names, record.values, strict=True))
        if all(name in costs and (costs[name] or 0) <= limit for name, limit in limits.items()):
            kept.add(record.number)
    return kept
