"""Objectives of a study: a validation number, which ranks the trials, and costs."""

from __future__ import annotations

from collections.abc import Sequence

from tcn_search.errors import InputError
from tcn_search.tasks.kinds import Kind, Metric, objectives

# Parameters of the whole model; multiply-adds of the convolutions for one sequence at inference;
# milliseconds for one sequence on the device that trained it.
COSTS = ("params", "multiply_adds", "latency")


def known_objectives(kind: Kind) -> dict[str, str]:
    """Return every objective of a study of this kind, with its direction."""
    return {**objectives(kind), **dict.fromkeys(COSTS, "minimize")}


def read_objectives(names: Sequence[str], kind: Kind) -> tuple[Metric, ...]:
    """Return the objectives with their directions.

    Raises:
        InputError: an objective is unknown, or the first one is a cost.
    """
    known = known_objectives(kind)
    listed = ", ".join(f"{name} ({direction})" for name, direction in known.items())
    for name in names:
        if name not in known:
            raise InputError(
                f"objective must be one of {listed} for {kind.name}. Received: {name!r}"
            )
    if names[0] in COSTS:
        raise InputError(
            f"The first objective must be a validation number, because it ranks the trials: one of "
            f"{', '.join(objectives(kind))}. Received: {names[0]!r}"
        )
    return tuple(Metric(name, known[name]) for name in names)


def check_names(names: object) -> tuple[str, ...]:
    """Return the names of objectives as a tuple; a single name is a tuple of length 1.

    Raises:
        InputError: there is no name, a name is no text, or a name is there twice.
    """
    if isinstance(names, str):
        names = (names,)
    if not isinstance(names, list | tuple) or not names:
        raise InputError(f"objectives must be at least one name. Received: {names!r}")
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"objectives must be at least one name. Received: {names!r}")
    if len(set(names)) < len(names):
        raise InputError(f"objectives must not name one twice. Received: {list(names)}")
    return tuple(names)


def dominates(values: Sequence[float], others: Sequence[float], metrics: Sequence[Metric]) -> bool:
    """Return whether values are at least as good as others in every objective, better in one."""
    pairs = list(zip(metrics, values, others, strict=True))
    is_worse = any(metric.better(other, value) for metric, value, other in pairs)
    is_better = any(metric.better(value, other) for metric, value, other in pairs)
    return is_better and not is_worse


class Front:
    """Pareto front: the values that no others dominate. Equal values are kept once.

    Args:
        metrics: the objectives with their directions.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics
        self.values: list[Sequence[float]] = []

    def add(self, values: Sequence[float]) -> bool:
        """Add values unless others on the front equal or dominate them. Return whether it did."""
        for old in self.values:
            if list(old) == list(values) or dominates(old, values, self.metrics):
                return False
        self.values = [old for old in self.values if not dominates(values, old, self.metrics)]
        self.values.append(values)
        return True
