"""Input steps that reach the output: bit sets against a slow walk over single steps."""

from functools import reduce
from operator import or_

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search.planning.architecture import Architecture
from tcn_search.planning.coverage import coverage, unbroken_reach
from tcn_search.planning.reach import (
    Window,
    reach,
    visible_window,
    wasted_taps,
    wasted_taps_of_causal,
    window_of,
)
from tcn_search.planning.receptive_field import left_padding
from tests.planning.strategies import architectures


def slow_reach(architecture: Architecture, window: Window) -> tuple[set[int], list[set[int]]]:
    """Step by step: the steps of each convolution's output, and of the input, that the output needs."""
    inside = range(-window.back, window.ahead + 1)
    needed: list[set[int]] = []
    wanted_later = set() if architecture.use_skip_connections else {0}
    for dilation, _ in reversed(architecture.blocks):
        wanted = wanted_later | ({0} if architecture.use_skip_connections else set())
        for _ in range(2):
            needed.append(wanted)
            left = left_padding((architecture.kernel_size - 1) * dilation, architecture.padding)
            taps = [tap * dilation - left for tap in range(architecture.kernel_size)]
            wanted = {step + tap for step in wanted for tap in taps if step + tap in inside}
        wanted_later = wanted_later | wanted
    return wanted_later, needed[::-1]


def steps_of(mask: int, window: Window) -> set[int]:
    return {bit - window.back for bit in range(window.steps) if mask >> bit & 1}


@given(architectures(), st.integers(1, 60))
def test_bit_sets_equal_a_walk_over_single_steps(architecture: Architecture, seq_len: int) -> None:
    window = window_of(seq_len, architecture.padding)
    traced = reach(architecture, window)
    inputs, needed = slow_reach(architecture, window)
    assert steps_of(traced.inputs, window) == inputs
    assert [steps_of(mask, window) for mask in traced.convolutions] == needed


def forward_offsets_mask(architecture: Architecture) -> int:
    """Return the input steps that reach an output step as a bit set: bit i is offset i − look_back.

    The union over all paths through convolutions, residuals and skip connections, traced forward.
    """
    block_input = 1 << architecture.span.look_back
    outputs = 0
    for dilation, _ in architecture.blocks:
        left = left_padding((architecture.kernel_size - 1) * dilation, architecture.padding)
        convolved = block_input
        for _ in range(2):
            shifted = [convolved << (tap * dilation) for tap in range(architecture.kernel_size)]
            convolved = reduce(or_, shifted) >> left
        outputs |= convolved
        block_input |= convolved
    return outputs if architecture.use_skip_connections else block_input


@given(architectures())
def test_in_a_long_sequence_the_reach_is_the_whole_set_of_offsets(
    architecture: Architecture,
) -> None:
    span = architecture.span
    traced = reach(architecture, Window(span.look_back, span.look_ahead)).inputs
    assert traced == forward_offsets_mask(architecture)


@given(architectures(), st.integers(1, 60))
def test_a_tap_is_wasted_when_it_reads_no_step_of_the_sequence(
    architecture: Architecture, seq_len: int
) -> None:
    window = window_of(seq_len, architecture.padding)
    _, needed = slow_reach(architecture, window)
    expected = set()
    for index, steps in enumerate(needed):
        dilation = architecture.blocks[index // 2][0]
        left = left_padding((architecture.kernel_size - 1) * dilation, architecture.padding)
        for tap in range(architecture.kernel_size):
            read = {step + tap * dilation - left for step in steps}
            if not read & set(range(-window.back, window.ahead + 1)):
                expected.add((index, dilation, tap))
    masks = reach(architecture, window).convolutions
    assert set(wasted_taps(architecture, window, masks)) == expected


@given(architectures(paddings=("causal", "valid")))
def test_closed_form_finds_the_first_lag_that_is_not_reached(architecture: Architecture) -> None:
    reached = set(coverage(architecture, architecture.receptive_field).reached)
    lag = 0
    while -lag in reached:
        lag += 1
    repeats = 2 * architecture.nb_stacks
    assert unbroken_reach(architecture.kernel_size, architecture.dilations, repeats) == lag


@pytest.mark.parametrize(
    ("kernel_size", "dilations", "reached", "span"), [(2, (2, 4, 8), 15, 29), (3, (1, 9), 25, 41)]
)
def test_known_blind_spots(
    kernel_size: int, dilations: tuple[int, ...], reached: int, span: int
) -> None:
    architecture = Architecture(kernel_size=kernel_size, dilations=dilations)
    covered = coverage(architecture, required_context=span)
    assert architecture.receptive_field == span
    assert len(covered.reached) == reached
    assert covered.blind_spot_count == len(covered.blind_spots) == span - reached


@pytest.mark.parametrize("required_context", [1, 5, 10, 41])
def test_blind_spots_are_counted_within_the_required_context_only(required_context: int) -> None:
    covered = coverage(Architecture(kernel_size=3, dilations=(1, 9)), required_context, seq_len=100)
    assert covered.blind_spots == tuple(
        lag for lag in range(-required_context + 1, 1) if -lag % 9 in (5, 6, 7, 8)
    )


@given(architectures(), st.integers(1, 60))
def test_no_path_leads_further_than_the_network_sees(
    architecture: Architecture, seq_len: int
) -> None:
    window = window_of(seq_len, architecture.padding)
    near = visible_window(architecture, seq_len)
    whole, cut = reach(architecture, window), reach(architecture, near)
    assert whole.inputs == cut.inputs << (window.back - near.back)
    wasted = wasted_taps(architecture, window, whole.convolutions)
    assert wasted_taps(architecture, near, cut.convolutions) == wasted
    if architecture.padding != "same":
        assert wasted_taps_of_causal(architecture, near) == wasted


@given(architectures(), st.integers(1, 60))
def test_runs_of_blind_spots_are_those_of_the_list(
    architecture: Architecture, seq_len: int
) -> None:
    covered = coverage(architecture, seq_len)
    runs = covered.blind_runs(seq_len)
    listed = [step for near, far in runs for step in range(min(near, far), max(near, far) + 1)]
    assert sorted(listed) == list(covered.blind_spots)
    assert [abs(near) for near, _ in runs] == sorted(abs(near) for near, _ in runs)
