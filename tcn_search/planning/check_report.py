"""The report of `check`: findings about one architecture as numbers and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tcn_search.planning.advice import Change, changes, smaller
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import Cost, cost
from tcn_search.planning.coverage import Coverage
from tcn_search.planning.effective_receptive_field import Effective, effective
from tcn_search.planning.reach import (
    WastedTap,
    near_window,
    reach,
    wasted_taps,
    wasted_taps_of_causal,
)
from tcn_search.planning.sufficiency import Need, fits

_MOST_RUNS = 6


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
        return _verdict(self)

    @property
    def _need(self) -> Need:
        return Need(
            self.seq_len,
            self.required_context,
            self.architecture.padding,
            self.architecture.use_skip_connections,
        )

    def __str__(self) -> str:
        return "\n".join(_report_lines(self))


def _verdict(report: Report) -> str:
    """One line: whether the network sees what it must, and what to change when not."""
    return f"{_finding(report)}{_advice(report)}"


def _report_lines(report: Report) -> list[str]:
    """The verdict, then one line for each number."""
    rows = [
        ("Architecture", str(report.architecture)),
        *_reach_rows(report),
        *_influence_rows(report),
    ]
    rows += _cost_rows(report)
    width = max(len(name) for name, _ in rows)
    return [_verdict(report), "", *(f"{name:<{width}}  {text}" for name, text in rows)]


def _finding(report: Report) -> str:
    needed = report.required_context
    length = f"sequence length {report.seq_len:,}"
    if not report.runs:
        return (
            f'No: with padding "valid" it gives no output, because its receptive field of '
            f"{report.receptive_field:,} steps is longer than the sequence ({length})."
        )
    if not report.covers:
        return f"No: it sees {_seen(report):,} of the {needed:,} steps required ({length})."
    blind = report.coverage.blind_spot_count
    if blind:
        return (
            f"Not all of it: it spans the {needed:,} steps required ({length}), but {_steps(blind)} among "
            "them reach no output (blind spots)."
        )
    field = report.receptive_field
    return (
        f"Yes: it sees all {needed:,} steps required ({length}); its receptive field is {field:,}."
    )


def _seen(report: Report) -> int:
    """Steps of the required context that are reached."""
    return (report.coverage.wanted & report.coverage.mask).bit_count()


def _advice(report: Report) -> str:
    if report.runs and not (report.covers and not report.coverage.blind_spot_count):
        texts = [change.text for change in report.changes]
        if texts:
            verb = "" if texts[0].startswith("add") else "use "
            return " " + _sentence(verb + ", or ".join(texts))
        if report.architecture.padding == "valid":
            return f" No further level, kernel or stack fits into {report.seq_len:,} steps: use causal padding."
        return " No single change suffices: use a larger kernel and more levels; `tcn-search plan` lists them."
    spare = report.smaller
    if spare is None:
        return "" if report.runs else " Use a smaller kernel or fewer levels, or causal padding."
    change = spare.text if spare.text.startswith("drop") else f"use {spare.text}"
    if not report.runs:
        return " " + _sentence(change)
    field = spare.architecture.receptive_field
    return f" It is larger than it must be: {change} and it still sees them (receptive field {field:,})."


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _reach_rows(report: Report) -> Iterable[tuple[str, str]]:
    field = f"{_steps(report.receptive_field)}: {report.look_back:,} back"
    if report.look_ahead:
        field += f", {report.look_ahead:,} ahead"
    yield "Receptive field", field + ", and the output step itself"
    yield (
        "Required context",
        f"{report.required_context:,} of a sequence length of {report.seq_len:,}",
    )
    blind = report.coverage.blind_spot_count
    where = (
        f"{blind:,}, at {_runs(report.coverage.blind_runs(_MOST_RUNS + 1))}" if blind else "none"
    )
    yield "Blind spots", where
    wasted = report.wasted_taps
    yield (
        "Wasted taps",
        f"{len(wasted):,} only ever see padding at this length" if wasted else "none",
    )


def _influence_rows(report: Report) -> Iterable[tuple[str, str]]:
    field = report.effective
    which = (
        "around the output step"
        if report.architecture.padding == "same"
        else "counted from the newest"
    )
    about = "" if field.paths.cell == 1 else "about "
    yield (
        "Effective field",
        f"{about}{_steps(field.steps)}, {which}, hold 95% of the paths before training "
        f"({field.steps_without_residuals:,} without residual paths)",
    )
    resolved = field.paths.cell * 20 <= report.seq_len or field.paths.cell == 1
    if resolved and field.share_inside < 0.9995:
        yield (
            "",
            f"{1 - field.share_inside:.1%} of the paths start in padding, outside the sequence",
        )


def _cost_rows(report: Report) -> Iterable[tuple[str, str]]:
    found = report.cost
    if found is None:
        return
    yield "Parameters", f"{found.parameters:,} (the TCN, its head apart)"
    yield (
        "Multiply-adds",
        f"{found.multiply_adds_last_step:,} a sequence for the last step only, "
        f"{found.multiply_adds:,} for all",
    )
    yield (
        "Activations",
        f"{_bytes(found.activation_bytes_last_step)} a sequence for the last step only, "
        f"{_bytes(found.activation_bytes)} for all",
    )


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"


def _runs(runs: Sequence[tuple[int, int]]) -> str:
    """Runs of offsets, nearest first: "lags 1, 3, 5 to 8, …"; steps ahead have a plus.

    >>> _runs([(-1, -1), (-3, -3), (-6, -8)])
    'lags 1, 3, 6 to 8'
    """
    shown = [
        _lag(near) if near == far else f"{_lag(near)} to {_lag(far)}"
        for near, far in runs[:_MOST_RUNS]
    ]
    return "lags " + ", ".join(shown) + (", …" if len(runs) > _MOST_RUNS else "")


def _lag(offset: int) -> str:
    return f"+{offset}" if offset > 0 else str(-offset)


def _bytes(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
