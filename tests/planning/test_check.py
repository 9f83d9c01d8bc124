"""The report on one architecture: verdicts in words, and the changes that they advise."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tcn_search as ts
from tcn_search.errors import InputError
from tcn_search.planning.advice import next_dilation, smallest_changes, spare_reduction
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.check import check
from tcn_search.planning.coverage import coverage
from tcn_search.planning.sufficiency import Requirements, suffices
from tests.planning.strategies import architectures


def powers(levels: int) -> tuple[int, ...]:
    return tuple(2**level for level in range(levels))


def first_line(architecture: Architecture, seq_len: int, **options: int) -> str:
    return str(check(architecture, seq_len, **options)).splitlines()[0]


def test_a_network_that_sees_everything() -> None:
    report = check(Architecture(nb_filters=24, kernel_size=8, dilations=powers(7)), seq_len=1700)
    assert report.covers
    assert report.verdict == (
        "Yes: it sees all 1,700 steps required (sequence length 1,700); its receptive field is 1,779."
    )


def test_a_network_that_falls_short_is_told_what_to_change() -> None:
    line = first_line(Architecture(kernel_size=6, dilations=powers(4)), 300)
    assert line == (
        "No: it sees 151 of the 300 steps required (sequence length 300). "
        "Add one level (dilation 16), or kernel 11, or 2 stacks."
    )


def test_blind_spots_are_told_apart_from_the_receptive_field() -> None:
    report = check(Architecture(kernel_size=2, dilations=(2, 4, 8)), seq_len=29)
    assert report.covers
    assert len(report.blind_spots) == 14
    assert (
        "14 steps among them reach no output (blind spots). Add one level (dilation 1)."
        in report.verdict
    )


def test_too_large_a_network_is_told_what_can_go() -> None:
    report = check(Architecture(kernel_size=8, dilations=powers(8)), seq_len=600)
    assert len(report.wasted_taps) == 6
    assert (
        "drop 2 levels (dilations 64, 128) and it still sees them (receptive field 883)"
        in report.verdict
    )


def test_valid_padding_needs_a_whole_receptive_field() -> None:
    report = check(Architecture(kernel_size=3, dilations=powers(4), padding="valid"), seq_len=60)
    assert not report.covers
    assert report.cost is None
    assert (
        'with padding "valid" it gives no output, because its receptive field of 61 steps'
        in str(report)
    )


def test_required_context_and_sequence_length_are_shown_together() -> None:
    report = check(
        Architecture(kernel_size=3, dilations=powers(4)), seq_len=784, required_context=50
    )
    assert "50 steps required (sequence length 784)" in report.verdict
    assert re.search(r"Required context +50 of a sequence length of 784", str(report))


@settings(deadline=None)
@given(architectures(), st.integers(1, 120), st.integers(1, 120))
def test_every_advised_change_suffices_and_the_kernel_and_the_stacks_are_the_smallest(
    architecture: Architecture, seq_len: int, required: int
) -> None:
    requirements = Requirements(
        seq_len, min(required, seq_len), architecture.padding, architecture.use_skip_connections
    )

    def good(candidate: Architecture) -> bool:
        seen = coverage(candidate, requirements.required_context, seq_len)
        runs = requirements.padding != "valid" or candidate.receptive_field <= seq_len
        return runs and seen.covers and not seen.blind_spot_count

    def changed(name: str, value: int) -> Architecture:
        return Architecture.from_dict({**architecture.to_dict(), name: value})

    for change in smallest_changes(architecture, requirements):
        assert good(change.architecture), change
        for name in ("kernel_size", "nb_stacks"):
            was, now = getattr(architecture, name), getattr(change.architecture, name)
            assert not any(good(changed(name, value)) for value in range(was + 1, now))
    spare = spare_reduction(architecture, requirements)
    if spare is not None and good(architecture):
        assert good(spare.architecture)


@given(architectures(), st.integers(1, 100), st.integers(1, 100))
def test_the_quick_answer_equals_the_exact_one(
    architecture: Architecture, seq_len: int, required: int
) -> None:
    requirements = Requirements(
        seq_len, min(required, seq_len), architecture.padding, architecture.use_skip_connections
    )
    seen = coverage(architecture, requirements.required_context, seq_len)
    runs = requirements.padding != "valid" or architecture.receptive_field <= seq_len
    expected = seen.covers and not seen.blind_spot_count and runs
    kernel_size, dilations = architecture.kernel_size, architecture.dilations
    assert (
        suffices(kernel_size, dilations, architecture.nb_stacks, architecture.span, requirements)
        == expected
    )


@pytest.mark.parametrize(
    ("dilations", "expected"),
    [((1, 2, 4), 8), ((1, 3, 9), 27), ((4, 2, 1), 8), ((5,), 10), ((2, 2), 4)],
)
def test_a_further_level_goes_on_with_the_series(dilations: tuple[int, ...], expected: int) -> None:
    assert next_dilation(dilations) == expected


@pytest.mark.parametrize("padding", ["causal", "same"])
def test_a_million_steps_take_under_a_second(padding: str) -> None:
    architecture = Architecture(
        nb_filters=8, kernel_size=4, dilations=(*powers(19), 3, 100_000), padding=padding
    )
    started = time.process_time()
    text = str(check(architecture, seq_len=1_000_000))
    assert time.process_time() - started < 1
    assert text.startswith("Yes")


def test_the_public_name_takes_keywords_and_a_pathless_object_is_refused() -> None:
    assert ts.check(
        Architecture(kernel_size=3, dilations=(1, 2)), seq_len=13, input_channels=2
    ).covers
    with pytest.raises(InputError, match="arch must be an Architecture, a TCN layer"):
        ts.check(5, seq_len=10)


@pytest.mark.parametrize(
    ("seq_len", "options", "text"),
    [
        (0, {}, r"seq_len must be an integer of at least 1\. Received: 0"),
        (None, {}, r"seq_len must be an integer of at least 1\. Received: None"),
        (
            10,
            {"required_context": 11},
            "required_context must be at most the sequence length, 10 steps",
        ),
        (
            10,
            {"required_context": 0},
            r"required_context must be an integer of at least 1\. Received: 0",
        ),
        (
            10,
            {"input_channels": 0},
            r"input_channels must be an integer of at least 1\. Received: 0",
        ),
    ],
)
def test_bad_input_is_named(seq_len: int | None, options: dict[str, int], text: str) -> None:
    with pytest.raises(InputError, match=text):
        check(Architecture(), seq_len, **options)
