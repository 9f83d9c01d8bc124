"""`Report`, the result of `check`: figures of one architecture, and their text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tcn_search.planning.advice import Change, smallest_changes, spare_reduction
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import Cost, cost
from tcn_search.planning.coverage import Coverage
from tcn_search.planning.effective_receptive_field import (
    EffectiveReceptiveField,
    effective_before_training,
)
from tcn_search.planning.reach import (
    WastedTap,
    reach,
    visible_window,
    wasted_taps,
    wasted_taps_of_causal,
)
from tcn_search.planning.sufficiency import Requirements, gives_output
from tcn_search.text import counted

_MOST_RUNS_SHOWN = 6


@dataclass(frozen=True)
class Report:
    """Figures of one architecture at one sequence length. `str(report)` is their text.

    `cost` is None if the network gives no output: padding "valid" and a sequence shorter than the
    receptive field.
    """

    architecture: Architecture
    seq_len: int
    required_context: int
    input_channels: int
    coverage: Coverage

    @property
    def runs(self) -> bool:
        """Whether the network gives any output at this sequence length."""
        return gives_output(self.architecture.span, self._requirements)

    @property
    def covers(self) -> bool:
        """Whether the receptive field spans the required context, with or without blind spots."""
        return self.runs and self.coverage.covers

    @property
    def receptive_field(self) -> int:
        """Number of steps that one output step can depend on, from first to last."""
        return self.coverage.receptive_field

    @property
    def look_back(self) -> int:
        """Number of steps before the output step that it can depend on."""
        return self.coverage.look_back

    @property
    def look_ahead(self) -> int:
        """Number of steps after the output step that it can depend on."""
        return self.coverage.look_ahead

    @cached_property
    def blind_spots(self) -> tuple[int, ...]:
        """Blind spots of the required context as offsets from the output step: −3 is 3 back."""
        return self.coverage.blind_spots

    @cached_property
    def wasted_taps(self) -> tuple[WastedTap, ...]:
        """Taps that read only padding while the output step is computed at this length."""
        window = visible_window(self.architecture, self.seq_len)
        if self.architecture.padding != "same":
            return wasted_taps_of_causal(self.architecture, window)
        return wasted_taps(self.architecture, window, reach(self.architecture, window).convolutions)

    @cached_property
    def effective(self) -> EffectiveReceptiveField:
        """The effective receptive field before training."""
        return effective_before_training(self.architecture, self.seq_len)

    @cached_property
    def cost(self) -> Cost | None:
        """Parameters of the TCN; multiply-adds and activation memory per sequence."""
        if not self.runs:
            return None
        return cost(self.architecture, self.input_channels, self.seq_len)

    @cached_property
    def changes(self) -> list[Change]:
        """The smallest single changes with which the network suffices; [] if it does already."""
        if self.suffices:
            return []
        return smallest_changes(self.architecture, self._requirements)

    @cached_property
    def smaller(self) -> Change | None:
        """A smaller network that suffices, if some taps read only padding or there is no output."""
        if not self.covers and self.runs:
            return None
        if self.runs and (self.coverage.blind_spot_count or not self.wasted_taps):
            return None
        return spare_reduction(self.architecture, self._requirements)

    @property
    def verdict(self) -> str:
        """One line: whether the network covers the required context, and what to change if not."""
        return _verdict(self)

    @property
    def suffices(self) -> bool:
        """Whether the network covers the required context without blind spots."""
        return self.covers and not self.coverage.blind_spot_count

    @property
    def _requirements(self) -> Requirements:
        return Requirements(
            seq_len=self.seq_len,
            required_context=self.required_context,
            padding=self.architecture.padding,
            use_skip_connections=self.architecture.use_skip_connections,
        )

    def __str__(self) -> str:
        return "\n".join(_report_lines(self))


def _verdict(report: Report) -> str:
    """Return the finding and the advice in one line."""
    return f"{_finding(report)}{_advice(report)}"


def _report_lines(report: Report) -> list[str]:
    """Return the verdict, an empty line, and a line for each figure."""
    rows = [
        ("Architecture", str(report.architecture)),
        *_reach_rows(report),
        *_influence_rows(report),
        *_cost_rows(report),
    ]
    width = max(len(name) for name, _ in rows)
    return [_verdict(report), "", *(f"{name:<{width}}  {text}" for name, text in rows)]


def _finding(report: Report) -> str:
    """Return whether the network covers the required context, as a sentence."""
    needed = report.required_context
    length = f"sequence length {report.seq_len:,}"
    if not report.runs:
        return (
            'No: with padding "valid" it gives no output, because its receptive field of '
            f"{report.receptive_field:,} steps is longer than the sequence ({length})."
        )
    if not report.covers:
        return f"No: it sees {_seen(report):,} of the {needed:,} steps required ({length})."
    blind = report.coverage.blind_spot_count
    if blind:
        return (
            f"Not all of it: it spans the {needed:,} steps required ({length}), "
            f"but {counted(blind, 'step')} among them reach no output (blind spots)."
        )
    field = report.receptive_field
    return (
        f"Yes: it sees all {needed:,} steps required ({length}); its receptive field is {field:,}."
    )


def _seen(report: Report) -> int:
    """Return the number of steps of the required context that the output step depends on."""
    return (report.coverage.required & report.coverage.mask).bit_count()


def _advice(report: Report) -> str:
    """Return what to change, as a sentence after a space; "" if there is nothing to change."""
    if not report.runs:
        return _advice_to_give_output(report)
    if not report.suffices:
        return _advice_to_suffice(report)
    spare = report.smaller
    if spare is None:
        return ""
    field = spare.architecture.receptive_field
    return (
        f" It is larger than it must be: {_as_instruction(spare.text)} and it still sees them "
        f"(receptive field {field:,})."
    )


def _advice_to_give_output(report: Report) -> str:
    """Return what to change so that the network gives an output."""
    if report.smaller is None:
        return " Use a smaller kernel or fewer levels, or causal padding."
    return f" {_sentence(_as_instruction(report.smaller.text))}"


def _advice_to_suffice(report: Report) -> str:
    """Return what to change so that the network covers the required context."""
    texts = [change.text for change in report.changes]
    if texts:
        return f" {_sentence(_as_instruction(', or '.join(texts)))}"
    if report.architecture.padding == "valid":
        return (
            f" No further level, kernel or stack fits into {report.seq_len:,} steps: "
            "use causal padding."
        )
    return (
        " No single change suffices: use a larger kernel and more levels; "
        "`tcn-search plan` lists them."
    )


def _as_instruction(change: str) -> str:
    """Return the text of a change with a verb: "kernel 3" becomes "use kernel 3"."""
    if change.startswith(("add", "drop")):
        return change
    return f"use {change}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _reach_rows(report: Report) -> Iterable[tuple[str, str]]:
    field = f"{counted(report.receptive_field, 'step')}: {report.look_back:,} back"
    if report.look_ahead:
        field += f", {report.look_ahead:,} ahead"
    yield "Receptive field", field + ", and the output step itself"
    yield (
        "Required context",
        f"{report.required_context:,} of a sequence length of {report.seq_len:,}",
    )
    blind_spots = "none"
    if report.coverage.blind_spot_count:
        runs = report.coverage.blind_runs(_MOST_RUNS_SHOWN + 1)
        blind_spots = f"{report.coverage.blind_spot_count:,}, at {_lags(runs)}"
    yield "Blind spots", blind_spots
    wasted = "none"
    if report.wasted_taps:
        wasted = f"{len(report.wasted_taps):,} only ever see padding at this length"
    yield "Wasted taps", wasted


def _influence_rows(report: Report) -> Iterable[tuple[str, str]]:
    field = report.effective
    is_exact = field.paths.cell == 1
    count = counted(field.steps, "step")
    if not is_exact:
        count = f"about {count}"
    position = "counted from the newest"
    if report.architecture.padding == "same":
        position = "around the output step"
    yield (
        "Effective field",
        f"{count}, {position}, hold 95% of the paths before training "
        f"({field.steps_without_residuals:,} without residual paths)",
    )
    has_resolution = is_exact or field.paths.cell * 20 <= report.seq_len
    if has_resolution and field.share_inside < 0.9995:
        yield (
            "",
            f"{1 - field.share_inside:.1%} of the paths start in padding, outside the sequence",
        )


def _cost_rows(report: Report) -> Iterable[tuple[str, str]]:
    cost = report.cost
    if cost is None:
        return
    yield "Parameters", f"{cost.parameters:,} (the TCN, its head apart)"
    yield (
        "Multiply-adds",
        f"{cost.multiply_adds_last_step:,} a sequence for the last step only, "
        f"{cost.multiply_adds:,} for all",
    )
    yield (
        "Activations",
        f"{_bytes(cost.activation_bytes_last_step)} a sequence for the last step only, "
        f"{_bytes(cost.activation_bytes)} for all",
    )


def _lags(runs: Sequence[tuple[int, int]]) -> str:
    """Return runs of (nearest, farthest) offsets as text. Lags ahead of the output have a plus.

    >>> _lags([(-1, -1), (-3, -3), (-6, -8)])
    'lags 1, 3, 6 to 8'
    """
    shown = [_lag_run(nearest, farthest) for nearest, farthest in runs[:_MOST_RUNS_SHOWN]]
    if len(runs) > _MOST_RUNS_SHOWN:
        shown.append("…")
    return "lags " + ", ".join(shown)


def _lag_run(nearest: int, farthest: int) -> str:
    if nearest == farthest:
        return _lag(nearest)
    return f"{_lag(nearest)} to {_lag(farthest)}"


def _lag(offset: int) -> str:
    if offset > 0:
        return f"+{offset}"
    return str(-offset)


def _bytes(number: float) -> str:
    if number < 1000:
        return f"{number:.0f} B"
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 1000:
            return f"{number:.1f} {unit}"
    return f"{number / 1000:.1f} TB"
