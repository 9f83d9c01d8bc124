"""Execute an evaluation plan on the residual blocks of a TCN.

Common arguments: `blocks`, the residual blocks of the plan's architecture; `x` (B, n, C), the
input; `factors`, the dropout factors of each block; `valid`, the validity of each grid, or None
where all steps are valid.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import ops

from tcn_search.layers.dropout import Factors
from tcn_search.layers.masks import Validity, align_rows
from tcn_search.layers.residual_block import ResidualBlock
from tcn_search.layers.slicing import regroup_phases, take_every
from tcn_search.layers.tensor import Tensor
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.last_step import (
    BlockPlan,
    EvaluationPlan,
    last_step_plan,
    window_plan,
)


def plan_of_read_step(
    architecture: Architecture, steps: int | None, use_phases: bool
) -> EvaluationPlan:
    """Plan the step that is read of a sequence; `steps` is None where its length is unknown."""
    if steps is None:
        return window_plan(architecture, use_phases=use_phases)
    return last_step_plan(architecture, steps, use_phases=use_phases)


def take_inputs(
    x: Tensor, mask: Tensor | None, plan: EvaluationPlan, dtype: str
) -> tuple[Tensor, Validity | None]:
    """Return the input steps of a plan of the read step, and the validity of each grid.

    Args:
        x: (B, T, C).
        mask: (B, T), the steps of each row; None where all steps are valid.
        dtype: of the validity.
    """
    inputs = plan.inputs
    wanted = plan.wanted
    assert inputs is not None
    assert wanted is not None
    if x.shape[1] is None and mask is None:
        # The length is known only when the graph runs; then all steps are valid.
        mask = ops.ones((1, ops.shape(x)[1]), "bool")
    if mask is None:
        return take_every(x, inputs.start, inputs.stride, inputs.count), None
    return align_rows(x, mask, inputs, wanted.start, plan.architecture.padding, dtype)


def run_plan(
    blocks: Sequence[ResidualBlock],
    x: Tensor,
    plan: EvaluationPlan,
    training: bool | None,
    factors: Sequence[Factors],
    valid: Validity | None,
) -> Tensor:
    """Return the wanted steps of a plan, (B, n, filters), for x on the plan's input grid."""
    total = None
    for index, (block, block_plan) in enumerate(zip(blocks, plan.blocks, strict=True)):
        x, skip = block.evaluate(
            x, block_plan, training, factors[index], valid, from_block=index > 0
        )
        if plan.architecture.use_skip_connections:
            wanted = _wanted_steps(skip, block_plan, plan)
            total = wanted if total is None else total + wanted
    if total is None:
        return x
    return total


def _wanted_steps(skip: Tensor, block_plan: BlockPlan, plan: EvaluationPlan) -> Tensor:
    """Return the steps of a block's skip output that are wanted of the whole network."""
    if plan.wanted is not None:
        return take_every(skip, block_plan.read_start, block_plan.read_stride, plan.wanted.count)
    if block_plan.read_start:
        return skip[:, block_plan.read_start :]
    return skip


def can_run_all_steps(blocks: Sequence[ResidualBlock], architecture: Architecture) -> bool:
    """Return whether `run_all_steps` can compute all steps, from block outputs alone."""
    if architecture.padding == "valid":  # each block drops other steps
        return False
    if not architecture.use_skip_connections:
        return True
    # With relu a block's output is its input + its skip output, from the second block on. Half
    # precision would lose digits of the skip outputs in these longer sums.
    is_relu = blocks[0].activation is keras.activations.relu
    is_precise = blocks[0].compute_dtype in ("float32", "float64")
    return is_precise and is_relu and len(blocks) > 1


def run_all_steps(
    blocks: Sequence[ResidualBlock],
    x: Tensor,
    plan: EvaluationPlan,
    training: bool | None,
    factors: Sequence[Factors],
    valid: Validity | None,
) -> Tensor:
    """Return every step, (B, T, filters), of x (B, T, C), if `can_run_all_steps` allows it.

    The sequence stays in phases from one block to the next where their dilations allow it. The sum
    of the skip outputs s₁ + ... + sₙ is yₙ + (s₁ − y₁), because the block outputs are
    yᵢ = yᵢ₋₁ + sᵢ. For this to hold at masked steps, too, only the convolutions see zeros there.
    """
    steps = x.shape[1]
    phases = 1
    skips = plan.architecture.use_skip_connections
    correction = None  # s₁ − y₁
    valid_steps = None if valid is None else valid(plan.inputs)
    for index, (block, block_plan) in enumerate(zip(blocks, plan.blocks, strict=True)):
        from_block = index > 0
        # The input of the first block is zero at masked steps already.
        must_mask = from_block and valid_steps is not None
        if block.match is not None:
            # In the order of time, no step has to be added to fill a row of phases.
            x = regroup_phases(x, phases, 1, steps)
            phases = 1
            if must_mask:
                x = x * valid_steps
            matched = regroup_phases(block.matched(x), 1, block_plan.phases, steps)
        x = regroup_phases(x, phases, block_plan.phases, steps)
        phases = block_plan.phases
        valid_in_phases = None
        if valid_steps is not None:
            valid_in_phases = regroup_phases(valid_steps, 1, phases, steps)
        convolved = x * valid_in_phases if must_mask else x
        skip = block.convolve_twice(
            convolved, block_plan, training, factors[index], valid_in_phases, valid_in_phases
        )
        if block.match is None:
            matched = x if skips else convolved
        x = block.add_skip(matched, skip, from_block)
        if skips and not from_block:
            correction = regroup_phases(skip - x, phases, 1, steps)
    x = regroup_phases(x, phases, 1, steps)
    if correction is None:
        return x
    return x + correction
