"""Does this network see what the task needs, and what else is wrong with it? Integers only."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tcn_search.planning.advice import Change, changes, smaller
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.arguments import positive_integer, required_within
from tcn_search.planning.cost import Cost, cost
from tcn_search.planning.coverage import Coverage, coverage
from tcn_search.planning.effective import Effective, effective
from tcn_search.planning.reach import (
    WastedTap,
    near_window,
    reach,
    wasted_taps,
    wasted_taps_of_causal,
)
from tcn_search.planning.shape import Need, fits
from tcn_search.planning.wording import report_lines, verdict


@dataclass(frozen=True)
class Report:
    """What `check` found about one architecture at one sequence length. `str(report)` is for people.

    `cost` is None where the network gives no output at all: padding "valid" and too short a sequence.
    """

    architecture: Architecture
    seq_len: int
    required_context: int
    input_channels: int
    coverage: Coverage

    @property
    def runs(self) -> bool:
        """Whether the network gives any output at this sequence length."""
        return fits(self.architecture.span, self._need)

    @property
    def covers(self) -> bool:
        """Whether the receptive field spans the required context; blind spots are reported apart."""
        return self.runs and self.coverage.covers

    @property
    def receptive_field(self) -> int:
        """Steps from the farthest back to the farthest ahead that one output step can depend on."""
        return self.coverage.receptive_field

    @property
    def look_back(self) -> int:
        """Steps before the output step that it can depend on."""
        return self.coverage.look_back

    @property
    def look_ahead(self) -> int:
        """Steps after the output step that it can depend on."""
        return self.coverage.look_ahead

    @cached_property
    def blind_spots(self) -> tuple[int, ...]:
        """Steps that the task needs and no path reaches, as offsets from the output step: −3 is 3 back."""
        return self.coverage.blind_spots

    @cached_property
    def wasted_taps(self) -> tuple[WastedTap, ...]:
        """Taps that only ever see padding when the last step is computed at this length."""
        window = near_window(self.architecture, self.seq_len)
        if self.architecture.padding != "same":
            return wasted_taps_of_causal(self.architecture, window)
        return wasted_taps(self.architecture, window, reach(self.architecture, window).convolutions)

    @cached_property
    def effective(self) -> Effective:
        """The effective receptive field before training."""
        return effective(self.architecture, self.seq_len)

    @cached_property
    def cost(self) -> Cost | None:
        """Parameters of the TCN, multiply-adds and activation memory for each sequence."""
        return cost(self.architecture, self.input_channels, self.seq_len) if self.runs else None

    @cached_property
    def changes(self) -> list[Change]:
        """The smallest single changes that make it suffice; nothing where it does."""
        if self.covers and not self.coverage.blind_spot_count:
            return []
        return changes(self.architecture, self._need)

    @cached_property
    def smaller(self) -> Change | None:
        """What can go while it still suffices, where some taps only ever see padding."""
        if not self.covers and self.runs:
            return None
        if self.runs and (self.coverage.blind_spot_count or not self.wasted_taps):
            return None
        return smaller(self.architecture, self._need)

    @property
    def verdict(self) -> str:
        """One line: whether to go on, and what to change when not."""
        return verdict(self)

    @property
    def _need(self) -> Need:
        return Need(
            self.seq_len,
            self.required_context,
            self.architecture.padding,
            self.architecture.use_skip_connections,
        )

    def __str__(self) -> str:
        return "\n".join(report_lines(self))


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
        from tcn_search.planning.saved_model import found_in

        found = found_in(arch)
        arch = found.architecture
        seq_len = found.seq_len if seq_len is None else seq_len
        input_channels = found.input_channels if input_channels is None else input_channels
    seq_len, required_context = map(arch.steps_of, required_within(seq_len, required_context))
    channels = positive_integer("input_channels", 1 if input_channels is None else input_channels)
    return Report(
        arch, seq_len, required_context, channels, coverage(arch, required_context, seq_len)
    )
