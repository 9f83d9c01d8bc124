"""The distribution of paths over lags, against a slow count of paths."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search.planning import effective_receptive_field as module
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.effective_receptive_field import (
    PathDistribution,
    effective_before_training,
    path_distribution,
)
from tcn_search.planning.receptive_field import left_padding
from tests.planning.strategies import architectures

Lags = dict[int, Fraction]


def mean_lag(paths: PathDistribution) -> float:
    cells = sum(index * share for index, share in enumerate(paths.shares))
    return paths.first_lag + paths.cell * cells


def slow_distribution(architecture: Architecture, residual_paths: bool) -> Lags:
    """Exact fractions: an average over the taps of each convolution, a plain sum where paths meet."""

    def through(block_input: Lags, dilation: int) -> Lags:
        for _ in range(2):
            oldest = left_padding((architecture.kernel_size - 1) * dilation, architecture.padding)
            moved: Lags = {}
            for lag, weight in block_input.items():
                for tap in range(architecture.kernel_size):
                    at = lag + oldest - tap * dilation
                    moved[at] = moved.get(at, Fraction(0)) + weight / architecture.kernel_size
            block_input = moved
        return block_input

    def plus(first: Lags, second: Lags) -> Lags:
        return {
            lag: first.get(lag, Fraction(0)) + second.get(lag, Fraction(0))
            for lag in {*first, *second}
        }

    x: Lags = {0: Fraction(1)}
    outputs: Lags = {}
    for dilation, _ in architecture.blocks:
        convolved = through(x, dilation)
        outputs = plus(outputs, convolved)
        x = plus(x, convolved) if residual_paths else convolved
    weights = outputs if residual_paths and architecture.use_skip_connections else x
    return {lag: weight / sum(weights.values()) for lag, weight in weights.items()}


@settings(deadline=None, max_examples=50)
@given(architectures(most_levels=3, longest_dilation=6), st.booleans())
def test_short_fields_are_counted_exactly(architecture: Architecture, residual_paths: bool) -> None:
    paths = path_distribution(architecture, residual_paths)
    expected = slow_distribution(architecture, residual_paths)
    assert paths.cell == 1
    shares = {paths.first_lag + index: share for index, share in enumerate(paths.shares) if share}
    assert shares.keys() == expected.keys()
    assert all(math.isclose(share, expected[lag], abs_tol=1e-12) for lag, share in shares.items())


@settings(deadline=None, max_examples=30)
@given(architectures(paddings=("causal", "same"), most_levels=6, longest_dilation=300))
def test_cells_keep_the_mean_and_nearly_the_95_percent_point(architecture: Architecture) -> None:
    exact = path_distribution(architecture)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_CELLS", 256)
        coarse = path_distribution(architecture)
    assert mean_lag(coarse) == pytest.approx(mean_lag(exact), abs=coarse.cell)
    slack = 3 * coarse.cell
    assert exact.quantile(0.94) - slack <= coarse.quantile(0.95) <= exact.quantile(0.96) + slack


def test_many_short_steps_follow_the_normal_distribution() -> None:
    architecture = Architecture(kernel_size=2, dilations=(1,) * 400, use_skip_connections=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MOST_CELLS", 256)
        field = effective_before_training(architecture, seq_len=2000)
    assert field.paths_without_residuals.cell > 1
    normal = 400 + 1.6449 * math.sqrt(800 / 4)
    assert field.steps_without_residuals == pytest.approx(normal, abs=3 * field.paths.cell)


def test_residual_paths_pull_the_influence_towards_the_output() -> None:
    """Kernel 3, two convolutions a block: 79% of the lags hold 95%, with residual paths about 62%."""
    field = effective_before_training(
        Architecture(kernel_size=3, dilations=(1, 2, 4, 8, 16, 32)), seq_len=253
    )
    assert field.steps_without_residuals / 253 == pytest.approx(0.79, abs=0.01)
    assert field.steps / 253 == pytest.approx(0.62, abs=0.02)


def test_paths_that_start_in_padding_are_told() -> None:
    architecture = Architecture(kernel_size=3, dilations=(1, 2, 4, 8))
    whole, half = (
        effective_before_training(architecture, seq_len=61),
        effective_before_training(architecture, seq_len=20),
    )
    assert whole.share_inside == pytest.approx(1)
    assert half.share_inside == pytest.approx(sum(half.paths.shares[:20]))


def test_same_padding_is_measured_around_the_output_step() -> None:
    field = effective_before_training(
        Architecture(kernel_size=3, dilations=(1, 2, 4), padding="same"), seq_len=100
    )
    assert mean_lag(field.paths) == pytest.approx(0)
    assert field.steps % 2 == 1


def test_the_effective_field_is_never_longer_than_the_nominal_one() -> None:
    architecture = Architecture(kernel_size=3, dilations=(1, 10**9))
    field = effective_before_training(architecture, seq_len=10)
    assert field.paths.cell > 1
    assert field.steps <= field.steps_without_residuals <= architecture.receptive_field


@pytest.mark.parametrize("skips", [True, False])
def test_cells_stay_inside_the_receptive_field(skips: bool) -> None:
    architecture = Architecture(
        kernel_size=3, dilations=tuple(2**level for level in range(14)), use_skip_connections=skips
    )
    field = effective_before_training(architecture, seq_len=architecture.receptive_field)
    assert field.paths.cell > 1
    assert field.paths.first_lag >= 0
    assert field.share_inside == pytest.approx(1)
