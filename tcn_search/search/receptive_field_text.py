"""Texts of required context, receptive fields and sequence length of a study."""

from __future__ import annotations

from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition


def context_text(definition: Definition) -> str:
    """Return the required context of a study, and for which readouts it holds.

    For example "required context 427 of sequence length 427".
    """
    seq_len = definition.spec.seq_len
    space = definition.task_space()
    free = [name for name in space.space.readout if space.limits.context_of(name) is None]
    if len(free) == len(space.space.readout):
        return (
            f"no context required of one step (sequence length {seq_len:,}): the output sees all "
            f"steps through readout {' and '.join(free)}"
        )
    text = (
        f"required context {definition.required_context:,} of sequence length "
        f"{seq_len:,}{definition.context_reason}"
    )
    if not free:
        return text
    return f"{text}; none for readout {' and '.join(free)}, through which the output sees all steps"


def receptive_field_text(definition: Definition, architecture: Architecture) -> str:
    """Return the receptive fields of a step and of the output, and the sequence length."""
    seq_len = architecture.steps_of(definition.spec.seq_len)
    context = definition.required_context_of(architecture)
    required = "none required of a step"
    if context is not None:
        required = f"required context {context:,}"
    return (
        f"receptive field {architecture.receptive_field:,} of a step, "
        f"{architecture.output_receptive_field(seq_len):,} of the output; "
        f"{required}, sequence length {seq_len:,}"
    )
