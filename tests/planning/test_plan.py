"""The planner against a walk over every architecture of small ranges."""

import itertools
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import cost
from tcn_search.planning.coverage import coverage
from tcn_search.planning.plan import plan_rows
from tcn_search.planning.ranges import integers

ranges = st.lists(st.integers(1, 6), min_size=1, max_size=3)


@settings(deadline=None, max_examples=60)
@given(
    ranges, ranges, ranges, ranges, st.integers(1, 60), st.integers(1, 60),
    st.sampled_from(["causal", "same", "valid"]), st.booleans(), st.sampled_from(["last", "sequence"]),
)  # fmt: skip
def test_plan_equals_a_walk_over_all_candidates(
    kernels: list, bases: list, levels: list, stacks: list, seq_len: int, required: int, padding: str,
    skips: bool, readout: str,
) -> None:  # fmt: skip
    required = min(required, seq_len)
    planned = plan_rows(
        seq_len, required_context=required, kernel_size=kernels, dilation_base=bases, levels=levels,
        nb_stacks=stacks, nb_filters=3, padding=padding, use_skip_connections=skips, readout=readout,
    )  # fmt: skip
    series = {
        tuple(base**level for level in range(count))
        for base, count in itertools.product(bases, levels)
    }
    expected = {}
    for kernel_size, dilations, nb_stacks in itertools.product(set(kernels), series, set(stacks)):
        architecture = Architecture(3, kernel_size, dilations, nb_stacks, padding, skips)
        seen = coverage(architecture, required, seq_len)
        runs = padding != "valid" or architecture.receptive_field <= seq_len
        if seen.covers and not seen.blind_spot_count and runs:
            costs = cost(architecture, 1, seq_len)
            adds = costs.multiply_adds_last_step if readout == "last" else costs.multiply_adds
            expected[kernel_size, dilations, nb_stacks] = (
                architecture.receptive_field, costs.parameters, adds, 2 * len(architecture.blocks)
            )  # fmt: skip
    rows = {
        (row.kernel_size, row.dilations, row.nb_stacks): (
            row.receptive_field, row.parameters, row.multiply_adds, row.depth
        )
        for row in planned.rows
    }  # fmt: skip
    assert rows == expected
    assert len(rows) == len(planned.rows)
    assert planned.candidates == len(set(kernels)) * len(series) * len(set(stacks))


@pytest.mark.parametrize("key", ["parameters", "multiply_adds", "depth"])
def test_cheapest_come_first(key: str) -> None:
    rows = plan_rows(784, nb_filters="8,16", sort_by=key).rows
    costs = [getattr(row, key) for row in rows]
    assert costs == sorted(costs)
    assert len(set(costs)) > 1


def test_the_smallest_sufficient_receptive_field_is_marked() -> None:
    rows = plan_rows(784).rows
    smallest = min(row.receptive_field for row in rows)
    assert {row.receptive_field for row in rows if row.smallest} == {smallest}
    assert all(row.receptive_field > smallest for row in rows if not row.smallest)


@pytest.mark.parametrize(
    ("limit", "key"),
    [("max_params", "parameters"), ("max_multiply_adds", "multiply_adds"), ("max_depth", "depth")],
)
def test_limits_leave_out_what_is_above(limit: str, key: str) -> None:
    unlimited = plan_rows(784).rows
    middle = sorted(getattr(row, key) for row in unlimited)[len(unlimited) // 2]
    limited = plan_rows(784, **{limit: middle}).rows
    assert {row[:9] for row in limited} == {
        row[:9] for row in unlimited if getattr(row, key) <= middle
    }
    assert 0 < len(limited) < len(unlimited)


def test_explicit_dilations_replace_base_and_levels() -> None:
    planned = plan_rows(29, kernel_size=[2, 3], nb_stacks=1, dilations=[[2, 4, 8], [8, 1, 4, 2]])
    assert {(row.kernel_size, row.dilations) for row in planned.rows} == {
        (2, (8, 1, 4, 2)),
        (3, (8, 1, 4, 2)),
    }
    assert {row.dilation_base for row in planned.rows} == {None}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"seq_len": 0}, r"seq_len must be an integer of at least 1\. Received: 0"),
        ({"kernel_size": 0}, r"kernel_size must be an integer of at least 1\. Received: 0"),
        ({"kernel_size": "0-3"}, r"kernel_size must be integers of at least 1\. Received: '0-3'"),
        ({"levels": "5-3"}, r"levels is an empty range, 5 to 3\. Write the smaller end first\."),
        ({"levels": range(4, 4)}, r"levels is an empty range\. Received: range\(4, 4\)"),
        ({"nb_stacks": []}, r"nb_stacks must have at least one entry"),
        (
            {"dilation_base": "two"},
            r"dilation_base must be integers of at least 1, such as .* Received: 'two'",
        ),
        ({"dilations": []}, "dilations must hold at least one list"),
        (
            {"dilations": [[1, -2]]},
            r"dilations must all be integers of at least 1\. Received: \[1, -2\]",
        ),
        ({"dilations": [[]]}, "dilations must have at least one entry"),
        (
            {"required_context": 101},
            "required_context must be at most the sequence length, 100 steps",
        ),
        ({"sort_by": "speed"}, "sort_by must be one of 'parameters', 'multiply_adds', 'depth'"),
        ({"max_params": 0}, r"max_params must be an integer of at least 1\. Received: 0"),
        ({"nb_filters": range(1, 10**6)}, "nb_filters must be at most 65,536. Received: 999999"),
        ({"nb_filters": "1-999999999"}, "nb_filters must be at most 65,536. Received: 999999999"),
        (
            {"nb_filters": range(1, 10**4)},
            r"at most 200,000 architectures\. Received: 1,679,832\. Narrow",
        ),
        ({"nb_stacks": "1" * 5000}, "nb_stacks must be at most 1,024. Received: 5,000 digits"),
        (
            {"levels": 63, "nb_stacks": 17},
            r"levels × nb_stacks, the residual blocks, must be at most 1,024\. Received: 63 × 17 = 1,071",
        ),
        (
            {"kernel_size": 4096, "levels": 33},
            r"kernel_size × levels × nb_stacks must be at most 131,072\. Received: 4096 × 33 × 2 = 270,336",
        ),
        (
            {"dilation_base": 10, "levels": 21},
            r"dilation_base \*\* \(levels − 1\), the longest dilation, must be at most "
            r"9,223,372,036,854,775,807\. Received: 10 \*\* 20",
        ),
        (
            {"padding": "same", "seq_len": 2**27},
            'With padding "same" the blocks of all architectures together',
        ),
    ],
)
def test_bad_input_is_named(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        plan_rows(**{"seq_len": 100, **arguments})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, (5,)),
        ([4, 2, 4], (2, 4)),
        (range(2, 5), (2, 3, 4)),
        ("2-4", (2, 3, 4)),
        (" 7 , 1-2", (1, 2, 7)),
    ],
)
def test_ranges_are_written_in_many_ways(value: object, expected: tuple[int, ...]) -> None:
    assert integers("levels", value) == expected


@pytest.mark.slow
def test_a_hundred_thousand_candidates_take_under_five_seconds() -> None:
    started = time.process_time()
    planned = plan_rows(
        10_000, kernel_size="2-50", dilation_base="2-10", levels="1-20", nb_stacks="1-12"
    )
    assert planned.candidates > 100_000
    assert time.process_time() - started < 5
