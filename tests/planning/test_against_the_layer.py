"""Computed figures against the layer: its gradient, its weights and the plan that it executes."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tcn_search.errors import InputError
from tcn_search.planning.architecture import NORMS, Architecture
from tcn_search.planning.cost import cost, tcn_parameters
from tcn_search.planning.coverage import coverage
from tests.planning.strategies import architectures


def built(architecture: Architecture, seq_len: int, channels: int = 1, **options: object):
    from tcn_search.layers.tcn import TCN

    layer = TCN(
        architecture.nb_filters,
        architecture.kernel_size,
        architecture.nb_stacks,
        architecture.dilations,
        architecture.padding,
        architecture.use_skip_connections,
        activation="linear",
        norm=architecture.norm,
        **options,
    )
    layer.build((None, seq_len, channels))
    return layer


def supported_paddings() -> tuple[str, ...]:
    from tcn_search.layers.tcn import TCN

    try:
        TCN(padding="valid")
    except InputError:
        return ("causal", "same")
    return ("causal", "same", "valid")


def measured_offsets(architecture: Architecture, seq_len: int) -> set[int]:
    """Offsets of the input steps with a gradient, for the step that the layer reads out."""
    from tcn_search.models.gradients import effective_receptive_field

    layer = built(architecture, seq_len)
    # Positive and of one size, so that nothing cancels, overflows or vanishes.
    layer.set_weights(
        [
            np.full(w.shape, 1 / max(w.shape[0], 1) if w.ndim > 1 else 0.0)
            for w in layer.get_weights()
        ]
    )
    gradient = effective_receptive_field(layer, np.ones((1, seq_len, 1), dtype="float32"))
    step = seq_len // 2 if architecture.padding == "same" else seq_len - 1
    return {int(position) - step for position in np.flatnonzero(gradient)}


def check_reach(architecture: Architecture, seq_len: int) -> None:
    assume(architecture.padding in supported_paddings())
    assume(architecture.padding != "valid" or seq_len >= architecture.receptive_field)
    assert measured_offsets(architecture, seq_len) == set(coverage(architecture, seq_len).reached)


@settings(deadline=None, max_examples=8)
@given(architectures(most_levels=3), st.integers(1, 90))
def test_reached_offsets_are_the_support_of_the_gradient(
    architecture: Architecture, seq_len: int
) -> None:
    check_reach(architecture, seq_len)


@settings(deadline=None, max_examples=10)
@given(architectures(most_levels=3, longest_dilation=6), st.integers(0, 1))
def test_in_a_sequence_longer_than_the_field_too(architecture: Architecture, more: int) -> None:
    check_reach(architecture, 2 * architecture.receptive_field + more)


@pytest.mark.slow
@settings(deadline=None, max_examples=150, derandomize=False)
@given(architectures(), st.integers(1, 400))
def test_reached_offsets_are_the_support_of_many_gradients(
    architecture: Architecture, seq_len: int
) -> None:
    check_reach(architecture, seq_len)


@pytest.mark.parametrize("padding", ["causal", "same", "valid"])
@pytest.mark.parametrize(
    ("kernel_size", "dilations"), [(2, (2, 4, 8)), (3, (9, 1)), (4, (3, 3)), (1, (5,))]
)
def test_reach_of_awkward_networks(
    padding: str, kernel_size: int, dilations: tuple[int, ...]
) -> None:
    if padding not in supported_paddings():
        pytest.skip("the layer has no such padding")
    architecture = Architecture(1, kernel_size, dilations, padding=padding, activation="linear")
    seq_len = architecture.receptive_field + 3
    assert measured_offsets(architecture, seq_len) == set(coverage(architecture, seq_len).reached)


@settings(deadline=None, max_examples=8)
@given(architectures(most_filters=3, norms=NORMS, most_levels=3), st.integers(1, 3))
def test_parameters_are_those_that_keras_counts(architecture: Architecture, channels: int) -> None:
    assume(architecture.padding in supported_paddings())
    seq_len = architecture.receptive_field
    assert (
        tcn_parameters(architecture, channels)
        == built(architecture, seq_len, channels).count_params()
    )


def test_parameters_of_filters_that_differ_by_level() -> None:
    architecture = Architecture(
        (2, 3, 3), 3, (1, 2, 4), nb_stacks=2, use_skip_connections=False, norm="weight"
    )
    assert tcn_parameters(architecture, 2) == built(architecture, 20, 2).count_params()


def executed_multiply_adds(
    architecture: Architecture, seq_len: int, channels: int, **options: bool
) -> int:
    """Multiply-adds of the convolutions that the layer really calls for one sequence."""
    from tcn_search.layers.convolution import DilatedConvolution

    if not hasattr(DilatedConvolution, "convolve"):
        pytest.skip("this layer does not follow a plan yet")
    layer = built(architecture, seq_len, channels, **options)
    total = 0
    plain = DilatedConvolution.convolve

    def counted(self: DilatedConvolution, x, plan):
        nonlocal total
        is_1x1 = plan.outputs is None
        count = x.shape[1] if is_1x1 else plan.multiply_adds_per_channel_pair
        total += x.shape[0] * count * x.shape[2] * self.filters
        return plain(self, x, plan)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DilatedConvolution, "convolve", counted)
        layer(np.zeros((1, seq_len, channels), dtype="float32"))
    return total


@example(
    Architecture(1, 2, (2,), use_skip_connections=False, activation="linear"), 3
)  # phases with a row to fill
@example(Architecture(3, 2, (4, 2, 8), use_skip_connections=False, activation="linear"), 13)
@settings(deadline=None, max_examples=8)
@given(architectures(most_filters=3, most_levels=3), st.integers(1, 60))
def test_multiply_adds_are_those_that_the_layer_executes(
    architecture: Architecture, seq_len: int
) -> None:
    assume(architecture.padding != "valid" or seq_len >= architecture.receptive_field)
    costs = cost(architecture, input_channels=2, seq_len=seq_len)
    assert executed_multiply_adds(architecture, seq_len, 2) == costs.multiply_adds_last_step
    assert (
        executed_multiply_adds(architecture, seq_len, 2, return_sequences=True)
        == costs.multiply_adds
    )
