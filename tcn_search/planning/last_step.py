"""Plan the steps that each convolution must compute for exact output steps.

For `return_sequences=False` a single output step is read. Going back from it, every convolution
needs its input at certain positions only. This module computes a regular grid that holds these
positions from integers, and the layer follows it. The same plan with all steps wanted is the full
evaluation, so that both run the same code.

Positions before and after the sequence are zeros at the input of *every* convolution. So grids end
at the sequence's edges, and `before` and `after` of a convolution's plan say how many zeros stand
beyond them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.grids import ConvolutionPlan, Grid, input_grid, plan_convolution, union
from tcn_search.planning.receptive_field import left_padding


class BlockPlan(NamedTuple):
    """One residual block: its convolutions, and where its outputs stand in its inputs.

    Output i adds up with input `residual_start + i · residual_stride`; the outputs `read_start`,
    `read_start + read_stride`, ... are the wanted steps of the whole network.

    With `phases` above 1 the block's input, with `before` and `after` zeros around it, is split
    into that many interleaved phases, on which the dilated convolutions are dense; their plans
    count in steps of a phase, and the outputs of all phases, woven together again, hold at least
    `outputs` steps. `inputs`, `hidden` (between the convolutions) and `outputs` are None where the
    sequence's length is unknown.
    """

    convolutions: tuple[ConvolutionPlan, ...] = ()
    inputs: Grid | None = None
    hidden: Grid | None = None
    phases: int = 1
    before: int = 0
    after: int = 0
    residual_start: int = 0
    residual_stride: int = 1
    read_start: int = 0
    read_stride: int = 1
    outputs: int | None = None

    @property
    def output_grid(self) -> Grid | None:
        """The steps of the block's outputs; None where the sequence's length is unknown."""
        if self.inputs is None or self.outputs is None:
            return None
        start = self.inputs.start + self.residual_start * self.inputs.stride
        return Grid(start, self.residual_stride * self.inputs.stride, self.outputs)

    @classmethod
    def of_all_steps(cls, kernel_size: int, dilation: int, padding: str) -> BlockPlan:
        """Plan every step of a sequence of unknown length, with the zeros that `padding` adds."""
        convolution = ConvolutionPlan.of_all_steps(kernel_size, dilation, padding)
        dropped = (kernel_size - 1) * dilation - convolution.before - convolution.after
        return cls(
            convolutions=(convolution,) * CONVOLUTIONS_PER_BLOCK,
            residual_start=CONVOLUTIONS_PER_BLOCK * dropped,
        )


@dataclass(frozen=True)
class EvaluationPlan:
    """The wanted output steps, the input grid that they need, and the plan of each block."""

    architecture: Architecture
    wanted: Grid | None
    inputs: Grid | None
    blocks: tuple[BlockPlan, ...]

    def multiply_adds(self, input_channels: int) -> int:
        """Return the multiply-adds of one forward pass over one sequence, without the head.

        Raises:
            InputError: the plan is for a sequence of unknown length.
        """
        total = 0
        channels = input_channels
        blocks = zip(self.blocks, self.architecture.blocks, strict=True)
        for index, (block, (_, filters)) in enumerate(blocks):
            channels_in = channels
            for convolution in block.convolutions:
                count = convolution.multiply_adds_per_channel_pair * block.phases
                total += count * channels_in * filters
                channels_in = filters
            if channels != filters and self.architecture.uses_residual_output(index):
                total += (block.outputs or 0) * channels * filters
            channels = filters
        return total


def last_step(seq_len: int, padding: str) -> int:
    """Return the number of the step that is read: the last, or seq_len // 2 with padding "same"."""
    if padding == "same":
        return seq_len // 2
    return seq_len - 1


@lru_cache(maxsize=256)
def last_step_plan(
    architecture: Architecture, seq_len: int, *, use_phases: bool = True
) -> EvaluationPlan:
    """Plan only the steps that reach the step read from a sequence of `seq_len` steps.

    Args:
        use_phases: as in `full_plan`.

    Raises:
        InputError: padding "valid" and a sequence shorter than the receptive field.

    >>> architecture = Architecture(nb_filters=1, kernel_size=2, dilations=(1, 2, 4))
    >>> plan = last_step_plan(architecture, seq_len=100)
    >>> [(block.inputs.start, block.inputs.stride, block.inputs.count) for block in plan.blocks]
    [(85, 1, 15), (87, 2, 7), (91, 4, 3)]
    >>> plan.multiply_adds(input_channels=1), full_plan(architecture, 100).multiply_adds(1)
    (66, 1200)
    """
    _check_length(architecture, seq_len)
    wanted = Grid(last_step(seq_len, architecture.padding), 1, 1)
    return _plan(architecture, seq_len, wanted, use_phases)


@lru_cache(maxsize=256)
def window_plan(architecture: Architecture, *, use_phases: bool = True) -> EvaluationPlan:
    """Plan the last step of a sequence of unknown length: all steps that it can see.

    Positions count from the farthest step that the last one looks back to.

    Args:
        use_phases: as in `full_plan`.
    """
    span = architecture.span
    return _plan(architecture, span.receptive_field, Grid(span.look_back, 1, 1), use_phases)


@lru_cache(maxsize=256)
def full_plan(
    architecture: Architecture, seq_len: int | None, *, use_phases: bool = True
) -> EvaluationPlan:
    """Plan all steps of a sequence; with "valid" those whose whole receptive field lies inside.

    Args:
        seq_len: steps of the sequence; None for an unknown length.
        use_phases: whether steps beyond the sequence may be computed to fill a row of phases. They
            would spoil statistics over steps.

    Raises:
        InputError: padding "valid" and a sequence shorter than the receptive field.
    """
    if seq_len is None:
        return _plan_of_unknown_length(architecture)
    _check_length(architecture, seq_len)
    dropped = 0
    if architecture.padding == "valid":
        dropped = architecture.receptive_field - 1
    return _plan(architecture, seq_len, Grid(dropped, 1, seq_len - dropped), use_phases)


def _check_length(architecture: Architecture, seq_len: int) -> None:
    if seq_len < 1:
        raise InputError(f"A sequence must have at least one time step. Received: {seq_len}")
    if architecture.padding == "valid" and seq_len < architecture.receptive_field:
        raise InputError(
            f"padding='valid' needs a sequence at least as long as the receptive field, "
            f"{architecture.receptive_field} steps. Received: {seq_len} steps. "
            "Use longer sequences, a smaller receptive field, or padding='causal'."
        )


def _plan(
    architecture: Architecture, seq_len: int, wanted: Grid, use_phases: bool = True
) -> EvaluationPlan:
    """Find the grids from the last block to the first, then the convolutions between them."""
    kernel_size = architecture.kernel_size
    skips = architecture.use_skip_connections
    paths: list[list[Grid]] = []
    following = wanted
    for dilation, _ in reversed(architecture.blocks):
        outputs = union(following, wanted) if skips else following
        path = [outputs]
        left = left_padding((kernel_size - 1) * dilation, architecture.padding)
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            path.insert(0, input_grid(path[0], kernel_size, dilation, left, seq_len))
        following = path[0]
        is_last = not paths
        if not (skips and is_last):  # the residual path reads the outputs' positions, too
            following = union(outputs, path[0])
        paths.insert(0, path)
    blocks = []
    current = following
    for (dilation, _), path in zip(architecture.blocks, paths, strict=True):
        left = left_padding((kernel_size - 1) * dilation, architecture.padding)
        path[0] = current
        convolutions = tuple(
            plan_convolution(source, target, kernel_size, dilation, left)
            for source, target in pairwise(path)
        )
        blocks.append(plan_block(convolutions, path, wanted, use_phases))
        current = path[-1]
    return EvaluationPlan(
        architecture=architecture, wanted=wanted, inputs=following, blocks=tuple(blocks)
    )


def plan_block(
    convolutions: tuple[ConvolutionPlan, ...], path: list[Grid], wanted: Grid, use_phases: bool
) -> BlockPlan:
    """Plan a residual block around its convolutions.

    Args:
        path: the grids of the block's input, between its convolutions, and of its output.
        wanted: the wanted output steps of the whole network.
        use_phases: whether steps beyond the sequence may be computed to fill a row of phases.
    """
    inputs, hidden, outputs = path
    phases = 1
    before = 0
    after = 0
    if use_phases and _can_share_phases(convolutions, hidden):
        phases = convolutions[0].dilation
        before, after, convolutions = _in_phases(convolutions, inputs.count, hidden.count, phases)
    return BlockPlan(
        convolutions=convolutions,
        inputs=inputs,
        hidden=hidden,
        phases=phases,
        before=before,
        after=after,
        residual_start=(outputs.start - inputs.start) // inputs.stride,
        residual_stride=outputs.stride_in(inputs.stride),
        read_start=(wanted.start - outputs.start) // outputs.stride,
        read_stride=wanted.stride_in(outputs.stride),
        outputs=outputs.count,
    )


def _can_share_phases(convolutions: tuple[ConvolutionPlan, ...], hidden: Grid) -> bool:
    """Return whether the block's convolutions can run on the same phases of the sequence.

    They must have one dilation, the second must start at a whole row of that many steps, and must
    not look past the end of the first one's output, whose last row may hold steps beyond the
    sequence.
    """
    first, second = convolutions
    phases = first.dilation
    same_dilation = phases > 1 and phases == second.dilation
    dense = first.stride == second.stride == 1
    starts_at_row = second.before % phases == 0
    stays_inside = second.after <= 0 or hidden.count % phases == 0
    return same_dilation and dense and starts_at_row and stays_inside


def _in_phases(
    convolutions: tuple[ConvolutionPlan, ...], inputs: int, hidden: int, phases: int
) -> tuple[int, int, tuple[ConvolutionPlan, ...]]:
    """Return the zeros around the input that fill whole rows, and the plans in rows."""
    first, second = convolutions
    rows = -(-hidden // phases)
    outputs = -(-(second.outputs or 0) // phases)
    # Whole rows of zeros need not be split into phases with the rest.
    first_before = max(first.before, 0) // phases
    before = first.before - first_before * phases
    needed_rows = rows + first.taps - 1 - first_before
    input_rows = min(needed_rows, -(-(before + inputs) // phases))
    first_after = needed_rows - input_rows
    second_before = second.before // phases
    second_after = outputs + second.taps - 1 - second_before - rows
    in_rows = (
        first._replace(before=first_before, after=first_after, dilation=1, outputs=rows),
        second._replace(before=second_before, after=second_after, dilation=1, outputs=outputs),
    )
    return before, input_rows * phases - before - inputs, in_rows


def _plan_of_unknown_length(architecture: Architecture) -> EvaluationPlan:
    """Plan every step that `full_plan` does, with the zeros of the padding at every convolution."""
    blocks = []
    read_start = 0
    if architecture.padding == "valid":
        read_start = architecture.receptive_field - 1
    for dilation, _ in architecture.blocks:
        block = BlockPlan.of_all_steps(architecture.kernel_size, dilation, architecture.padding)
        read_start -= block.residual_start
        blocks.append(block._replace(read_start=read_start))
    return EvaluationPlan(architecture=architecture, wanted=None, inputs=None, blocks=tuple(blocks))
