"""The last-step plan against sets of positions that are computed one by one."""

from __future__ import annotations

import random

import pytest

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.last_step import full_plan, last_step, last_step_plan, window_plan
from tcn_search.planning.receptive_field import left_padding


def drawn_case(seed):
    """Draw an architecture and a sequence length."""
    draw = random.Random(seed)
    architecture = Architecture(
        nb_filters=draw.randint(1, 5),
        kernel_size=draw.randint(1, 5),
        dilations=[draw.choice([1, 2, 3, 4, 6, 8, 9]) for _ in range(draw.randint(1, 5))],
        nb_stacks=draw.randint(1, 3),
        padding=draw.choice(["causal", "same"]),
        use_skip_connections=draw.random() < 0.5,
    )
    return architecture, draw.randint(1, 80)


def needed_inputs(architecture, seq_len):
    """Return, for each block, the exact set of its input positions that reach the last step."""
    read = {last_step(seq_len, architecture.padding)}
    skips = architecture.use_skip_connections
    following = set() if skips else read
    inputs_of_blocks = []
    for dilation, _ in reversed(architecture.blocks):
        reach = (architecture.kernel_size - 1) * dilation
        left = left_padding(reach, architecture.padding)
        convolved = following | (read if skips else set())
        for _ in range(2):
            taps = range(-left, reach - left + 1, dilation)
            convolved = {position + tap for position in convolved for tap in taps}
            convolved = {position for position in convolved if 0 <= position < seq_len}
        following = following | convolved
        inputs_of_blocks.insert(0, following)
    return inputs_of_blocks


@pytest.mark.parametrize("seed", range(60))
def test_grids_hold_every_needed_position(seed):
    architecture, seq_len = drawn_case(seed)
    plan = last_step_plan(architecture, seq_len)
    for block, needed in zip(plan.blocks, needed_inputs(architecture, seq_len), strict=True):
        grid = block.inputs
        positions = set(range(grid.start, grid.last + 1, grid.stride))
        assert needed <= positions
        assert min(positions) >= 0
        assert max(positions) < seq_len


@pytest.mark.parametrize(("levels", "times"), [(4, 3.3), (6, 4.29), (8, 5.45)])
def test_positions_saved_at_the_receptive_field(levels, times):
    """Doubling dilations, kernel 3: positions of the full evaluation over the needed ones."""
    architecture = Architecture(
        nb_filters=1, kernel_size=3, dilations=[2**i for i in range(levels)]
    )
    steps = architecture.receptive_field
    full = full_plan(architecture, steps, use_phases=False)
    last = last_step_plan(architecture, steps)
    assert round(positions(full) / positions(last), 2) == times
    assert last.multiply_adds(1) < full.multiply_adds(1) / 2.9
    assert positions(full) == steps * levels * 2


def positions(plan):
    return sum(convolution.outputs for block in plan.blocks for convolution in block.convolutions)


def test_multiply_adds_count_the_matching_convolution_once():
    architecture = Architecture(
        nb_filters=4, kernel_size=3, dilations=[1, 2], use_skip_connections=False
    )
    plan = full_plan(architecture, 10, use_phases=False)
    assert plan.multiply_adds(2) == 10 * (3 * 2 * 4 + 3 * 4 * 4 + 2 * 4 + 2 * 3 * 4 * 4)


def test_cost_does_not_grow_beyond_the_receptive_field():
    architecture = Architecture(nb_filters=4, kernel_size=3, dilations=[1, 2, 4])
    steps = architecture.receptive_field
    costs = {
        last_step_plan(architecture, steps + more).multiply_adds(2) for more in (0, 1, 1000, 10**6)
    }
    assert len(costs) == 1


def test_taps_that_see_only_zeros_are_left_out():
    architecture = Architecture(nb_filters=1, kernel_size=8, dilations=[64])
    convolution = full_plan(architecture, 100).blocks[0].convolutions[0]
    assert (convolution.first_tap, convolution.taps) == (6, 2)


def test_window_plan_looks_as_far_as_the_receptive_field():
    architecture = Architecture(nb_filters=1, kernel_size=2, dilations=[1, 2, 4], padding="same")
    plan = window_plan(architecture)
    assert plan.wanted.start == architecture.span.look_back
    assert (plan.inputs.start, plan.inputs.last) == (0, architecture.receptive_field - 1)


def test_a_million_steps_are_planned_at_once():
    architecture = Architecture(kernel_size=3, dilations=[2**i for i in range(18)])
    assert last_step_plan(architecture, 1_000_000).inputs.count == 1_000_000


@pytest.mark.parametrize("plan", [full_plan, last_step_plan])
def test_errors(plan):
    valid = Architecture(kernel_size=3, dilations=[1, 2], padding="valid")
    with pytest.raises(
        InputError, match=r"receptive field, 13 steps\. Received: 12 steps\. Use longer"
    ):
        plan(valid, 12)
    with pytest.raises(InputError, match=r"at least one time step\. Received: 0"):
        plan(Architecture(), 0)
    with pytest.raises(InputError, match="known sequence length"):
        full_plan(Architecture(), None).multiply_adds(1)
