"""Which time steps each convolution must compute so that the wanted output steps are exact.

For `return_sequences=False` a single output step is read. Going back from it, every convolution needs its
input at certain positions only; a regular grid that holds them is found here from integers, and the layer
follows it. The same plan with all steps wanted is the full evaluation, so that both run the same code.

Positions before and after the sequence are zeros at the input of *every* convolution, so grids end at the
sequence's edges and a convolution's `before` and `after` say how many zeros stand there instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.planning.architecture import CONVOLUTIONS_PER_BLOCK, Architecture
from tcn_search.planning.grids import ConvolutionPlan, Grid, inputs_of, plan_convolution, union
from tcn_search.planning.receptive_field import left_padding


class BlockPlan(NamedTuple):
    """One residual block: its convolutions, and where its outputs stand in its inputs.

    Output i adds up with input `residual_start + i · residual_stride`; the outputs `read_start`,
    `read_start + read_stride`, ... are the wanted steps of the whole network.

    With `phases` above 1 the block's input, with `before` and `after` zeros around it, is split into that
    many interleaved parts, on which the dilated convolutions are dense ones; their plans count in steps of a
    part, and the parts' outputs, woven together again, hold at least `outputs` steps.
    """

    inputs: Grid | None
    hidden: Grid | None
    convolutions: tuple[ConvolutionPlan, ...]
    phases: int
    before: int
    after: int
    residual_start: int
    residual_stride: int
    read_start: int
    read_stride: int
    outputs: int | None


@dataclass(frozen=True)
class EvaluationPlan:
    """The wanted output steps, the grid of the input to take for them, and the plan of each block."""

    architecture: Architecture
    wanted: Grid | None
    inputs: Grid | None
    blocks: tuple[BlockPlan, ...]

    def multiply_adds(self, input_channels: int) -> int:
        """Multiply-adds of one forward pass over one sequence, without the head.

        Raises:
            InputError: the plan is for a sequence of unknown length.
        """
        total = 0
        channels = input_channels
        last = len(self.blocks) - 1
        blocks = zip(self.blocks, self.architecture.blocks, strict=True)
        for index, (block, (_, filters)) in enumerate(blocks):
            into = channels
            for convolution in block.convolutions:
                total += convolution.products * block.phases * into * filters
                into = filters
            if channels != filters and not (
                self.architecture.use_skip_connections and index == last
            ):
                total += (block.outputs or 0) * channels * filters
            channels = filters
        return total


def last_step(seq_len: int, padding: str) -> int:
    """The step that `return_sequences=False` reads: the last one, with "same" the one at T // 2."""
    return seq_len // 2 if padding == "same" else seq_len - 1


@lru_cache(maxsize=256)
def last_step_plan(architecture: Architecture, seq_len: int) -> EvaluationPlan:
    """Only what reaches the last step of a sequence of `seq_len` steps.

    Raises:
        InputError: padding "valid" and a sequence shorter than the receptive field.

    >>> plan = last_step_plan(Architecture(nb_filters=1, kernel_size=2, dilations=(1, 2, 4)), seq_len=100)
    >>> [(block.inputs.start, block.inputs.stride, block.inputs.count) for block in plan.blocks]
    [(85, 1, 15), (87, 2, 7), (91, 4, 3)]
    >>> plan.multiply_adds(input_channels=1), full_plan(plan.architecture, 100).multiply_adds(1)
    (66, 1200)
    """
    _check_length(architecture, seq_len)
    return _plan(architecture, seq_len, Grid(last_step(seq_len, architecture.padding), 1, 1))


@lru_cache(maxsize=256)
def window_plan(architecture: Architecture) -> EvaluationPlan:
    """The last step of a sequence of unknown length: everything that the step can see, and no edge.

    Its positions count from the farthest step that the last one looks back to.
    """
    span = architecture.span
    return _plan(architecture, span.receptive_field, Grid(span.look_back, 1, 1))


@lru_cache(maxsize=256)
def full_plan(
    architecture: Architecture, seq_len: int | None, *, use_phases: bool = True
) -> EvaluationPlan:
    """All steps of a sequence; with padding "valid" those whose whole receptive field lies inside.

    `seq_len=None` stands for an unknown length. Without `use_phases` no step is computed that does not
    exist, as statistics over steps need it.

    Raises:
        InputError: padding "valid" and a sequence shorter than the receptive field.
    """
    if seq_len is None:
        return _plan_of_unknown_length(architecture)
    _check_length(architecture, seq_len)
    lost = architecture.receptive_field - 1 if architecture.padding == "valid" else 0
    return _plan(architecture, seq_len, Grid(lost, 1, seq_len - lost), use_phases)


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
    """Back from the last block to find the grids, then forth to say how to get from one to the next."""
    kernel_size = architecture.kernel_size
    skips = architecture.use_skip_connections
    paths: list[list[Grid]] = []
    following = wanted
    for dilation, _ in reversed(architecture.blocks):
        outputs = union(following, wanted) if skips else following
        path = [outputs]
        left = left_padding((kernel_size - 1) * dilation, architecture.padding)
        for _ in range(CONVOLUTIONS_PER_BLOCK):
            path.insert(0, inputs_of(path[0], kernel_size, dilation, left, seq_len))
        dead = skips and not paths  # nothing reads the last block's residual sum
        following = path[0] if dead else union(outputs, path[0])
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
    return EvaluationPlan(architecture, wanted, following, tuple(blocks))


def plan_block(
    convolutions: tuple[ConvolutionPlan, ...], path: list[Grid], wanted: Grid, use_phases: bool
) -> BlockPlan:
    inputs, hidden, outputs = path
    phases = 1
    before = 0
    after = 0
    if use_phases and _can_share_phases(convolutions, hidden):
        phases = convolutions[0].dilation
        before, after, convolutions = _in_rows(convolutions, inputs.count, hidden.count, phases)
    return BlockPlan(
        inputs,
        hidden,
        convolutions,
        phases,
        before,
        after,
        residual_start=(outputs.start - inputs.start) // inputs.stride,
        residual_stride=outputs.stride // inputs.stride if outputs.count > 1 else 1,
        read_start=(wanted.start - outputs.start) // outputs.stride,
        read_stride=wanted.stride // outputs.stride if wanted.count > 1 else 1,
        outputs=outputs.count,
    )


def _can_share_phases(convolutions: tuple[ConvolutionPlan, ...], hidden: Grid) -> bool:
    """Whether the block's convolutions can run on the same interleaved parts of the sequence.

    They must have one dilation, the second must start at a whole row of that many steps, and must not look
    past the end of what the first computed, where the last row may hold steps that do not exist.
    """
    first, second = convolutions
    phases = first.dilation
    whole = second.before % phases == 0 and (second.after <= 0 or hidden.count % phases == 0)
    return phases > 1 and phases == second.dilation and first.stride == second.stride == 1 and whole


def _in_rows(
    convolutions: tuple[ConvolutionPlan, ...], inputs: int, hidden: int, phases: int
) -> tuple[int, int, tuple[ConvolutionPlan, ...]]:
    """Zeros before and after the block's input so that its parts are whole rows, and the plans in rows."""
    first, second = convolutions
    rows = -(-hidden // phases)
    outputs = -(-(second.outputs or 0) // phases)
    first_before = (
        max(first.before, 0) // phases
    )  # whole rows of zeros need not be split with the rest
    before = first.before - first_before * phases
    wanted = rows + first.taps - 1 - first_before
    found = min(wanted, -(-(before + inputs) // phases))
    second_before = second.before // phases
    second_after = outputs + second.taps - 1 - second_before - rows
    in_rows = (
        first._replace(before=first_before, after=wanted - found, dilation=1, outputs=rows),
        second._replace(before=second_before, after=second_after, dilation=1, outputs=outputs),
    )
    return before, found * phases - before - inputs, in_rows


def _plan_of_unknown_length(architecture: Architecture) -> EvaluationPlan:
    """Whole zeros around every convolution; with "valid" none, and what is read is cropped at the front."""
    kernel_size = architecture.kernel_size
    blocks = []
    left_over = architecture.receptive_field - 1 if architecture.padding == "valid" else 0
    for dilation, _ in architecture.blocks:
        reach = (kernel_size - 1) * dilation
        left = left_padding(reach, architecture.padding)
        before, after = (0, 0) if architecture.padding == "valid" else (left, reach - left)
        convolution = ConvolutionPlan(before, after, 0, kernel_size, 0, dilation, 1, None)
        lost = CONVOLUTIONS_PER_BLOCK * (reach - before - after)
        left_over -= lost
        convolutions = (convolution,) * CONVOLUTIONS_PER_BLOCK
        blocks.append(BlockPlan(None, None, convolutions, 1, 0, 0, lost, 1, left_over, 1, None))
    return EvaluationPlan(architecture, None, None, tuple(blocks))
