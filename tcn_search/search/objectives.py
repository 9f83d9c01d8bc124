"""What trials are judged by: one validation number, which ranks them, and what a network may cost beside it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import body_channels, cost, model_parameters
from tcn_search.tasks.kinds import Kind, Metric, objectives

if TYPE_CHECKING:
    from tcn_search.search.definition import Definition
    from tcn_search.tasks.task_spec import TaskSpec

# Parameters of the whole model; multiply-adds of the convolutions for one sequence at inference; milliseconds
# for one sequence on the device that trained it.
COSTS = ("params", "multiply_adds", "latency")


def known_objectives(kind: Kind) -> dict[str, str]:
    """Every objective of a study of this kind, with its direction."""
    return {**objectives(kind), **dict.fromkeys(COSTS, "minimize")}


def read_objectives(names: Sequence[str], kind: Kind) -> tuple[Metric, ...]:
    """The objectives with their directions.

    Raises:
        InputError: lists those there are; or the first is no validation number.
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
    """Objectives as a tuple; a single name is one of them."""
    listed = (
        (names,)
        if isinstance(names, str)
        else tuple(names)
        if isinstance(names, list | tuple)
        else ()
    )
    if not listed or not all(isinstance(name, str) for name in listed):
        raise InputError(f"objectives must be at least one name. Received: {names!r}")
    if len(set(listed)) < len(listed):
        raise InputError(f"objectives must not name one twice. Received: {list(listed)}")
    return listed


def parameters_of(
    architecture: Architecture, definition: Definition, result: dict[str, Any]
) -> int | None:
    """Parameters of the whole model, head included; of a user's own model only once it was built, else None."""
    if definition.model is not None:
        return result.get("parameters")
    spec = definition.spec
    return model_parameters(architecture, spec.input_channels, spec.outputs, spec.vocabulary)


def multiply_adds_of(architecture: Architecture, spec: TaskSpec) -> int:
    """Multiply-adds of the convolutions for one sequence; only those that a readout of the last step needs."""
    channels = body_channels(architecture, spec.input_channels, spec.vocabulary)
    found = cost(architecture, channels, spec.seq_len)
    return found.multiply_adds_last_step if architecture.readout == "last" else found.multiply_adds


def objective_values(
    definition: Definition, result: dict[str, Any], architecture: Architecture
) -> list[float]:
    """The values of a complete trial, in the order of the objectives.

    Args:
        result: score, best_epoch, curve, folds, parameters and latency as in `TrialOutcome`.
    """
    metrics = definition.objectives
    values = [float(result["score"])]
    for metric in metrics[1:]:
        if metric.name == "params":
            values.append(float(parameters_of(architecture, definition, result) or 0))
        elif metric.name == "multiply_adds":
            values.append(float(multiply_adds_of(architecture, definition.spec)))
        else:
            values.append(
                float(
                    result["latency"] if metric.name == "latency" else _at_best(result, metric.name)
                )
            )
    return values


def _at_best(result: dict[str, Any], name: str) -> float:
    """A number of the best epoch; of several folds, the mean."""
    if not result.get("folds"):
        return float(result["curve"][result["best_epoch"] - 1][name])
    curves = [
        [row for row in result["curve"] if row["fold"] == fold]
        for fold in range(1, len(result["folds"]) + 1)
    ]
    return fmean(
        curve[fold["best_epoch"] - 1][name]
        for curve, fold in zip(curves, result["folds"], strict=True)
    )


def dominates(one: Sequence[float], other: Sequence[float], metrics: Sequence[Metric]) -> bool:
    """Whether `one` is nowhere worse than `other` and somewhere better."""
    triples = list(zip(metrics, one, other, strict=True))
    worse = any(metric.better(theirs, ours) for metric, ours, theirs in triples)
    return not worse and any(metric.better(ours, theirs) for metric, ours, theirs in triples)


class Front:
    """The values that no others dominate; equal ones are kept once."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = metrics
        self.values: list[Sequence[float]] = []

    def add(self, values: Sequence[float]) -> bool:
        """Take values in if nothing there is as good everywhere; says whether it did."""
        if any(
            list(old) == list(values) or dominates(old, values, self.metrics) for old in self.values
        ):
            return False
        self.values = [old for old in self.values if not dominates(values, old, self.metrics)]
        self.values.append(values)
        return True
