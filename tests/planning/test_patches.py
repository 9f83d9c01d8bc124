"""A stem of patches: receptive field, coverage and feasibility in steps of the sequence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tcn_search as ts
from tcn_search.errors import InputError
from tcn_search.models.build import build_model
from tcn_search.models.gradients import effective_receptive_field
from tcn_search.planning.model_size import ModelShape
from tcn_search.planning.multiply_adds import MultiplyAddCounter
from tcn_search.space.search_space import SearchSpace
from tcn_search.tasks.task_spec import TaskSpec

SEQ_LEN = 90


def architecture(patch: int, stride: int | None, readout: str = "last") -> ts.Architecture:
    return ts.Architecture(
        nb_filters=3,
        kernel_size=2,
        dilations=(1, 2),
        activation="linear",
        readout=readout,
        patch=patch,
        patch_stride=stride,
    )


def steps_with_a_gradient(network: ts.Architecture) -> np.ndarray:
    spec = TaskSpec("numbers", "regression", SEQ_LEN, 1, outputs=1)
    model = build_model(network, spec)
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.get_weights()])
    X = rng.normal(size=(20, SEQ_LEN, 1)).astype("float32")
    return np.flatnonzero(effective_receptive_field(model, X))


@pytest.mark.parametrize(("patch", "stride"), [(1, None), (6, None), (6, 3), (6, 1), (8, 2)])
def test_the_receptive_field_is_that_of_the_gradients(patch: int, stride: int | None) -> None:
    network = architecture(patch, stride)
    reached = steps_with_a_gradient(network)
    assert reached[-1] == SEQ_LEN - 1
    assert len(reached) == network.receptive_field
    assert reached[0] == SEQ_LEN - network.receptive_field


@pytest.mark.parametrize(("patch", "stride"), [(7, None), (8, 4)])
def test_every_step_reaches_a_flattened_output(patch: int, stride: int | None) -> None:
    network = architecture(patch, stride, "flatten")
    assert len(steps_with_a_gradient(network)) == SEQ_LEN
    assert network.output_receptive_field(SEQ_LEN) == SEQ_LEN


def test_a_space_counts_patches_where_it_asks_for_coverage() -> None:
    space = SearchSpace(
        kernel_size=3, levels=[1, 2, 3, 4, 5, 6], nb_stacks=1, readout="last", patch=[1, 8]
    ).for_task("regression", SEQ_LEN, 1, 1)
    feasible = [space.geometry.architecture(point) for point in space.geometry.feasible]
    fewest = {
        patch: min(network.levels for network in feasible if network.patch == patch)
        for patch in (1, 8)
    }
    # 1 + 4·(2 ** levels − 1) is at least 90 steps, or 12 patches.
    assert fewest == {1: 5, 8: 2}
    assert all(network.receptive_field >= SEQ_LEN for network in feasible)
    short = ts.Architecture(kernel_size=3, dilations=(1,), patch=8)
    assert "5 falls short of the required context 12 (readout last, sequence length 90, in " in (
        space.violations(short)[0].reason
    )


def test_strides_divide_their_patches_in_a_space_and_an_architecture() -> None:
    space = SearchSpace(patch=[4, 6], patch_stride=[2, 3], readout="flatten").for_task(
        "regression", SEQ_LEN, 1, 1
    )
    pairs = {(point[1], point[2]) for point in space.geometry.points}
    assert pairs == {(4, 2), (6, 2), (6, 3)}
    with pytest.raises(InputError, match=r"a divisor of patch = 6. Received: 4"):
        ts.Architecture(patch=6, patch_stride=4)
    assert ts.Architecture(patch=6, patch_stride=6) == ts.Architecture(patch=6)


def test_the_check_says_that_it_counts_patches() -> None:
    report = ts.check(architecture(6, 3), SEQ_LEN)
    assert report.seq_len == report.required_context == 29
    assert not report.covers
    assert "29 of 6 steps, 3 apart" in str(report)
    assert "depends on 24 steps of the sequence" in str(report)


def test_multiply_adds_are_those_of_the_stem_and_of_the_tcn_for_each_series() -> None:
    shape = ModelShape(seq_len=48, input_channels=5, outputs=12, targets=4)
    network = ts.Architecture(
        nb_filters=3, kernel_size=2, dilations=(1,), readout="flatten", channels="shared", patch=8
    )
    counter = MultiplyAddCounter(6, "causal", True, last_step_only=False)
    ((_, counts),) = counter.counts(2, (1,), (1,))
    tcn = counts.total(3, 3, has_match=False)
    # Each of the 6 patches holds 8 steps of a series and of the channel that is not predicted.
    assert shape.multiply_adds(network) == 4 * (6 * 8 * 2 * 3 + tcn)


@pytest.mark.parametrize("in_a_file", [False, True])
@pytest.mark.parametrize(("readout", "stride"), [("last", None), ("average", 8)])
def test_a_models_patches_are_found(
    readout: str, stride: int | None, in_a_file: bool, tmp_path: Path
) -> None:
    network = ts.Architecture(
        nb_filters=4, kernel_size=3, dilations=(1, 2, 4), readout=readout, patch=16,
        patch_stride=stride, activation="relu",
    )  # fmt: skip
    source = build_model(network, TaskSpec("numbers", "regression", 336, 1, outputs=1))
    if in_a_file:
        source.save(tmp_path / "model.keras")
        source = tmp_path / "model.keras"
    report, expected = ts.check(source), ts.check(network, 336)
    assert (report.verdict, report.seq_len) == (expected.verdict, expected.seq_len)
    assert report.stem is not None
    assert (report.stem.patch, report.stem.stride) == (16, stride or 16)
