"""Costs and settings of a trial, and the objective values that Optuna is told."""

from __future__ import annotations

from dataclasses import replace

from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.model_shape import model_shape_of
from tcn_search.search.ranking import in_best_epoch
from tcn_search.search.trial_record import TrialRecord
from tcn_search.settings import TrainingSettings
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
    return definition.model_shape.parameters(architecture)


def multiply_adds(architecture: Architecture, spec: TaskSpec) -> int:
    """Count the multiply-adds of the convolutions for one sequence at inference.

    With the readout "last", only those that the last step needs.
    """
    return model_shape_of(spec).multiply_adds(architecture)


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


def settings_of(record: TrialRecord, definition: Definition) -> TrainingSettings:
    """Return the training settings of a trial, which studies of early versions did not store."""
    if record.settings is not None:
        return record.settings
    searched = definition.space.settings_of(record.suggested)
    return replace(definition.training, **searched)
