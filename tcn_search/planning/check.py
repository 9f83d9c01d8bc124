"""`check`: report whether an architecture covers the required context of a task."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tcn_search.arguments import positive_integer
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.check_report import Report
from tcn_search.planning.coverage import seen_by_the_tcn


def check(
    arch: Any,
    seq_len: int | None = None,
    input_channels: int | None = None,
    required_context: int | None = None,
    readout: str | None = None,
) -> Report:
    """Report receptive field, blind spots and cost of a network without building it.

    Args:
        arch: an `Architecture`; a TCN layer of this package or of keras-tcn; a Keras model that
            contains such a layer; or the path of a saved .keras file.
        seq_len: steps of the sequences. Default: the fixed input length of the model.
        input_channels: channels of the TCN's input. Default: those of the built layer or model,
            else 1.
        required_context: number of steps that one step of the TCN must be able to see. Default:
            all steps of a sequence for readouts of one step, no bound for "average", "max" and
            "flatten", through which the output sees every step.
        readout: what the head gets of the TCN's output, as in `Architecture`. Default: that of
            `arch`; of a model, its pool over time if it has one.

    The TCN behind a stem of patches is checked in patches: the report's steps are patches then.

    Raises:
        InputError: names the argument, the rule and the value received.

    >>> architecture = Architecture(nb_filters=24, kernel_size=8, dilations=(1, 2, 4, 8))
    >>> report = check(architecture, seq_len=600)
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
        if seq_len is None:
            seq_len = found.seq_len
        if input_channels is None:
            input_channels = found.input_channels
    if input_channels is None:
        input_channels = 1
    if readout is not None:
        arch = replace(arch, readout=readout)
    tcn, steps, covered = seen_by_the_tcn(arch, seq_len, required_context)
    stem = None
    if arch.patch > 1:
        stem = arch
        arch = replace(tcn, look_back=None)
    return Report(
        architecture=arch,
        seq_len=steps,
        required_context=covered.required_context,
        input_channels=positive_integer("input_channels", input_channels),
        coverage=covered,
        stem=stem,
    )
