"""Does this network see what the task needs, and what else is wrong with it? Integers only."""

from __future__ import annotations

from typing import Any

from tcn_search.arguments import positive_integer, required_within
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.check_report import Report
from tcn_search.planning.coverage import coverage


def check(
    arch: Any,
    seq_len: int | None = None,
    input_channels: int | None = None,
    required_context: int | None = None,
) -> Report:
    """Say whether a network sees the required context, and what else is wrong, without building anything.

    Args:
        arch: an `Architecture`; or a TCN layer of ours or of keras-tcn, a Keras model with one, or the path
            of a saved .keras file.
        seq_len: steps of the sequences. A model with a fixed input length says it itself.
        input_channels: channels of the TCN's input; a built layer or model says it itself. Default: 1.
        required_context: steps that the task needs to see. Default: all of them.

    Raises:
        InputError: names the argument, the rule and the value received.

    >>> report = check(Architecture(nb_filters=24, kernel_size=8, dilations=(1, 2, 4, 8)), seq_len=600)
    >>> report.covers, report.receptive_field
    (False, 211)
    >>> print(report.verdict)
    No: it sees 211 of the 600 steps required (sequence length 600). \
Add 2 levels (dilations 16, 32), or kernel 21, or 3 stacks.
    """
    if not isinstance(arch, Architecture):
        from tcn_search.planning.saved_model import find_tcn

        found = find_tcn(arch)
        arch = found.architecture
        seq_len = found.seq_len if seq_len is None else seq_len
        input_channels = found.input_channels if input_channels is None else input_channels
    seq_len, required_context = map(arch.steps_of, required_within(seq_len, required_context))
    channels = positive_integer("input_channels", 1 if input_channels is None else input_channels)
    return Report(
        arch, seq_len, required_context, channels, coverage(arch, required_context, seq_len)
    )
