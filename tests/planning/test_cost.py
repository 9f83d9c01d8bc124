"""Costs in closed form against the plan that the layer executes, and the planner's shortcuts."""

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tcn_search.planning.architecture import NORMS, Architecture
from tcn_search.planning.cost import (
    cost,
    tcn_parameters,
    uniform_parameters,
)
from tcn_search.planning.last_step import full_plan, last_step_plan
from tcn_search.planning.multiply_adds import MultiplyAddCounter
from tests.planning.strategies import architectures


@settings(deadline=None)
@given(
    architectures(most_filters=4),
    st.integers(1, 4),
    st.integers(1, 150),
    st.booleans(),
    st.integers(1, 4),
)
def test_multiply_adds_equal_the_executed_plan_for_every_number_of_stacks(
    architecture: Architecture, channels: int, seq_len: int, last_step_only: bool, most_stacks: int
) -> None:
    assume(architecture.padding != "valid" or seq_len >= architecture.receptive_field * 3)
    filters, kernel_size, dilations = (
        architecture.nb_filters,
        architecture.kernel_size,
        architecture.dilations,
    )
    skips = architecture.use_skip_connections
    counter = MultiplyAddCounter(seq_len, architecture.padding, skips, last_step_only)
    stacks = range(1, architecture.nb_stacks + 1)
    found = dict(counter.counts(kernel_size, dilations, stacks))
    assert list(found) == list(stacks)
    for nb_stacks, counts in found.items():
        stacked = Architecture.from_dict({**architecture.to_dict(), "nb_stacks": nb_stacks})
        plan = last_step_plan(stacked, seq_len) if last_step_only else full_plan(stacked, seq_len)
        has_match = channels != filters and not (skips and len(stacked.blocks) == 1)
        assert counts.total(channels, filters, has_match) == plan.multiply_adds(channels)


@given(architectures(most_filters=5, norms=NORMS), st.integers(1, 5))
def test_parameters_in_closed_form_equal_the_count_over_blocks(
    architecture: Architecture, channels: int
) -> None:
    parameters = uniform_parameters(
        architecture.kernel_size,
        architecture.nb_filters,
        len(architecture.blocks),
        channels,
        architecture.norm,
        architecture.use_skip_connections,
    )
    assert parameters == tcn_parameters(architecture, channels)


def test_cost_of_a_small_network_counted_by_hand() -> None:
    """Kernel 2, dilations 1 and 2, 8 steps, 2 channels everywhere.

    All steps: 4 convolutions · 8 steps · 2 taps · 2 · 2. Last step: 6, 3, 2 and 1 steps of the convolutions.
    """
    costs = cost(
        Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2)), input_channels=2, seq_len=8
    )
    assert costs.multiply_adds == 4 * 8 * 2 * 4
    assert costs.multiply_adds_last_step == (6 + 3 + 2 + 1) * 2 * 4
    # Input, four convolutions, one residual sum (nothing reads the last one), 4 bytes each.
    assert costs.activation_bytes == 4 * (8 * 2 + 4 * 8 * 2 + 8 * 2)
    assert costs.activation_bytes_last_step == 4 * (8 * 2 + (6 + 3 + 2 + 1) * 2 + 3 * 2)
    assert costs.parameters == 4 * (2 * 2 * 2 + 2)
