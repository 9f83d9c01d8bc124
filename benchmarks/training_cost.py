"""Predict what a training step costs from an architecture's integers; see cost_model.py."""

from __future__ import annotations

from typing import NamedTuple

from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import activations
from tcn_search.planning.last_step import full_plan, last_step_plan

FORWARD_AND_BACKWARD = 3
# Time of a value and of a normalised value, in multiply-adds: the fit of seed 0 in
# docs/benchmarks.md, rounded. Seed 1 tests it on other architectures.
VALUE_WEIGHT = 250
NORMALISED_VALUE_WEIGHT = 450


class TrainingWork(NamedTuple):
    """Work of a training step for one sequence in its forward pass.

    `values` are the numbers that `activations` counts. `normalised_values` are the outputs of
    convolutions that a batch or layer norm normalises.
    """

    multiply_adds: int
    values: int
    normalised_values: int


def training_work(architecture: Architecture, input_channels: int, seq_len: int) -> TrainingWork:
    """Return the work of a training step over the steps that training evaluates.

    That is the last step only, unless the readout or the statistics of a batch norm need all. Those
    of a batch norm do by the layer's default, `batch_norm_statistics="all"`.
    """
    seq_len = architecture.steps_of(seq_len)
    if architecture.readout != "last" or architecture.norm == "batch":
        plan = full_plan(architecture, seq_len)
    else:
        plan = last_step_plan(architecture, seq_len)
    normalised = 0
    if architecture.norm in ("batch", "layer"):
        for block, (_, filters) in zip(plan.blocks, architecture.blocks, strict=True):
            normalised += (block.hidden.count + block.outputs) * filters
    return TrainingWork(
        multiply_adds=plan.multiply_adds(input_channels),
        values=activations(plan, input_channels, seq_len),
        normalised_values=normalised,
    )


def training_cost(architecture: Architecture, input_channels: int, seq_len: int) -> int:
    """Return the predicted cost of a training step for one sequence, in multiply-adds.

    Multiply-adds alone rank networks less well: with few filters, or a norm, much of the time is
    spent on moving numbers. So each value and each normalised value counts as a number of
    multiply-adds.
    """
    work = training_work(architecture, input_channels, seq_len)
    moved = VALUE_WEIGHT * work.values + NORMALISED_VALUE_WEIGHT * work.normalised_values
    return FORWARD_AND_BACKWARD * work.multiply_adds + moved
