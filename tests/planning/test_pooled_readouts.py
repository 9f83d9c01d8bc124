"""Pooled readouts: the output sees every step, whatever the receptive field of one step."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tcn_search as ts
from tcn_search.planning.coverage import coverage_through_pool
from tcn_search.planning.plan import plan_rows
from tcn_search.planning.sufficiency import Requirements, suffices
from tests.planning.strategies import architectures

SMALL = ts.Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2), activation="linear")


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("readout", ["average", "max", "last"])
def test_the_gradient_of_a_model_reaches_the_steps_that_are_reported(
    readout: str, padding: str
) -> None:
    from tcn_search.models.build import build_model
    from tcn_search.models.gradients import effective_receptive_field

    seq_len = 60
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, seq_len, 1)).astype("float32")
    task = ts.Task.from_arrays(X, np.arange(40) / 7)  # regression: no softmax hides a gradient
    architecture = ts.Architecture.from_dict(
        {**SMALL.to_dict(), "padding": padding, "readout": readout}
    )
    model = build_model(architecture, task)
    model.set_weights([rng.normal(0, 0.4, w.shape) for w in model.get_weights()])
    # With "max" one example leads to the steps around its largest values: take many.
    X = rng.normal(size=(400, seq_len, 1)).astype("float32")
    reached = np.flatnonzero(effective_receptive_field(model, X))
    report = ts.check(architecture, seq_len)
    assert report.receptive_field == 13
    assert len(reached) == report.output_receptive_field
    assert report.covers == (readout != "last")


def _reached_by_any_output(network: ts.Architecture, seq_len: int) -> set[int]:
    """Follow every output step back to the input, step by step and tap by tap."""
    reach = [(network.kernel_size - 1) * dilation for dilation in network.dilations]
    steps = [{step} for step in range(seq_len)]
    outputs: list[set[int]] = [set() for _ in range(seq_len)]
    for dilation, length in list(zip(network.dilations, reach, strict=True)) * network.nb_stacks:
        back = length // 2 if network.padding == "same" else length
        convolved = steps
        for _ in range(2):
            convolved = [
                set().union(
                    *(
                        convolved[step + offset]
                        for offset in range(-back, length - back + 1, dilation)
                        if 0 <= step + offset < seq_len
                    )
                )
                for step in range(seq_len)
            ]
        outputs = [one | other for one, other in zip(outputs, convolved, strict=True)]
        steps = [one | other for one, other in zip(steps, convolved, strict=True)]
    if not network.use_skip_connections:
        outputs = steps
    if network.padding == "valid":
        outputs = outputs[network.receptive_field - 1 :]
    return set().union(*outputs)


@settings(deadline=None, max_examples=200)
@given(architectures(), st.integers(1, 40))
def test_the_steps_seen_through_the_pool_are_those_found_tap_by_tap(
    network: ts.Architecture, seq_len: int
) -> None:
    seen = _reached_by_any_output(network, seq_len)
    covered = coverage_through_pool(network, seq_len)
    unseen = {seq_len - 1 + offset for offset in covered.blind_spots}
    assert unseen == set(range(seq_len)) - seen
    requirements = Requirements(seq_len, None, network.padding, network.use_skip_connections)
    gives_output = network.padding != "valid" or network.receptive_field <= seq_len
    assert suffices(
        network.kernel_size, network.dilations, network.nb_stacks, network.span, requirements
    ) == (gives_output and not unseen)


def test_the_report_shows_the_receptive_fields_of_a_step_and_of_the_output() -> None:
    report = ts.check(SMALL, seq_len=600, readout="max")
    assert report.verdict == (
        "Yes: the output sees all 600 steps (sequence length 600) through the max over time; the "
        "receptive field of one step of the TCN is 13."
    )
    assert (report.receptive_field, report.output_receptive_field, report.required_context) == (
        13,
        600,
        None,
    )
    lines = dict(line.split("  ", 1) for line in str(report).splitlines()[2:] if line[0] != " ")
    assert lines["Receptive field"].strip().startswith("13 steps")
    assert "600 of a sequence length of 600" in lines["Output"]
    assert "no bound" in lines["Required context"]
    assert report.changes == []


def test_a_required_context_binds_one_step_of_a_pooled_readout_too() -> None:
    report = ts.check(SMALL, seq_len=600, readout="average", required_context=14)
    assert not report.covers
    assert report.verdict.startswith(
        "No: one step of the TCN sees 13 of the 14 steps required (sequence length 600). Add one"
    )
    report = ts.check(SMALL, seq_len=600, readout="average", required_context=13)
    assert report.verdict == (
        "Yes: one step of the TCN sees all 13 steps required (sequence length 600); its receptive "
        "field is 13. The output sees all 600 steps through the average over time."
    )


def test_an_even_kernel_with_long_dilations_can_miss_steps_of_a_short_sequence() -> None:
    network = ts.Architecture(kernel_size=4, dilations=(3,), padding="same", readout="max")
    report = ts.check(network, seq_len=2)
    assert report.verdict.startswith("Not all of it: the output sees 0 of 2 steps")
    assert report.verdict.endswith("Use a level with dilation 1, or an odd kernel.")


def test_a_plan_for_a_pooled_readout_has_every_architecture() -> None:
    plan = plan_rows(784, readout="average", levels="1-9")
    assert len(plan.rows) == plan.candidates
    assert min(row.receptive_field for row in plan.rows) == 3
    assert {(row.required_context, row.output_receptive_field) for row in plan.rows} == {
        (None, 784)
    }
    bounded = plan_rows(784, readout="average", levels="1-9", required_context=50)
    assert min(row.receptive_field for row in bounded.rows) >= 50
    of_one_step = plan_rows(784, levels="1-9")
    assert all(row.output_receptive_field == row.receptive_field for row in of_one_step.rows)


@pytest.mark.parametrize("in_a_file", [False, True])
@pytest.mark.parametrize("pool", ["GlobalAveragePooling1D", "GlobalMaxPooling1D", None])
def test_the_pool_of_a_model_is_found(pool: str | None, in_a_file: bool, tmp_path) -> None:
    import keras

    inputs = keras.Input((60, 1))
    x = ts.TCN(4, 3, dilations=[1, 2], return_sequences=pool is not None)(inputs)
    if pool is not None:
        x = getattr(keras.layers, pool)()(x)
    source = keras.Model(inputs, x)
    if in_a_file:
        source.save(tmp_path / "model.keras")
        source = tmp_path / "model.keras"
    report = ts.check(source)
    expected = {"GlobalAveragePooling1D": "average", "GlobalMaxPooling1D": "max", None: "last"}
    assert report.architecture.readout == expected[pool]
    assert report.covers == (pool is not None)


def test_a_plan_without_padding_lists_what_the_check_accepts() -> None:
    gaps = {"kernel_size": 3, "padding": "valid", "readout": "average", "nb_stacks": 1}
    assert plan_rows(41, dilations=[[1, 9]], **gaps).rows == []
    report = ts.check(
        ts.Architecture(kernel_size=3, dilations=(1, 9), padding="valid", readout="average"), 41
    )
    assert report.verdict.endswith("Use causal padding, or dilations without gaps.")
    assert len(plan_rows(41, dilations=[[1, 2]], **gaps).rows) == 1
    # Where twice the look-back of 40 fits in, the farthest tap of a late step sees an early one.
    assert len(plan_rows(80, dilations=[[1, 9]], **gaps).rows) == 1
    assert len(plan_rows(10**7, dilations=[[1, 9]], **gaps).rows) == 1


@given(architectures(paddings=("valid",), most_levels=3), st.integers(1, 200))
def test_without_padding_a_pool_sees_what_the_bit_sets_say(
    network: ts.Architecture, seq_len: int
) -> None:
    requirements = Requirements(seq_len, None, "valid", network.use_skip_connections)
    found = suffices(
        network.kernel_size, network.dilations, network.nb_stacks, network.span, requirements
    )
    outputs = seq_len > network.span.look_back
    expected = outputs and not coverage_through_pool(network, seq_len).blind_spot_count
    assert found == expected
