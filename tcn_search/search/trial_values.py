"""Costs of a trial's network, and the objective values that Optuna is told."""

from __future__ import annotations

from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import body_channels, cost, model_parameters
from tcn_search.search.definition import Definition
from tcn_search.search.ranking import in_best_epoch
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.workers.trial import TrialOutcome


def parameter_count(
    architecture: Architecture, definition: Definition, outcome: TrialOutcome | None
) -> int | None:
    """Count the parameters of the whole model, head included.

    Those of a custom model are known only once it was built: None before.
    """
    if definition.model is not None:
        return None if outcome is None else outcome.parameters
    spec = definition.spec
    return model_parameters(architecture, spec.input_channels, spec.outputs, spec.vocabulary)


def multiply_adds(architecture: Architecture, spec: TaskSpec) -> int:
    """Count the multiply-adds of the convolutions for one sequence at inference.

    With the readout "last", only those that the last step needs.
    """
    channels = body_channels(architecture, spec.input_channels, spec.vocabulary)
    counted = cost(architecture, channels, spec.seq_len)
    if architecture.readout == "last":
        return counted.multiply_adds_last_step
    return counted.multiply_adds


def objective_values(
    definition: Definition, outcome: TrialOutcome, architecture: Architecture
) -> list[float]:
    """Return the values of a complete trial, in the order of the objectives."""
    assert outcome.score is not None
    values = [float(outcome.score)]
    for metric in definition.objectives[1:]:
        value: float
        if metric.name == "params":
            value = parameter_count(architecture, definition, outcome) or 0
        elif metric.name == "multiply_adds":
            value = multiply_adds(architecture, definition.spec)
        elif metric.name == "latency":
            assert outcome.latency is not None
            value = outcome.latency
        else:
            value = in_best_epoch(outcome, metric.name)
        values.append(float(value))
    return values
