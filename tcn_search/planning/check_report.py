"""`Report`, the result of `check`: figures of one architecture, and their text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tcn_search.html_templates import facts_html
from tcn_search.planning.advice import Change, smallest_changes, spare_reduction
from tcn_search.planning.architecture import Architecture, pool_in_words
from tcn_search.planning.cost import Cost, cost, cost_rows
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
    wasted_taps_of_pooled,
)
from tcn_search.planning.sufficiency import Requirements, gives_output
from tcn_search.planning.units import lags_as_text
from tcn_search.text import counted, sentence

_MOST_RUNS_SHOWN = 6


@dataclass(frozen=True)
class Report:
    """Figures of one architecture at one sequence length. `str(report)` is their text.

    `cost` is None if the network gives no output: padding "valid" and a sequence shorter than the
    receptive field. `required_context` is None if the output sees the sequence through a pool and
    nothing else is required of one step. With a `stem`, the architecture with its patches, all
    steps are patches, and `architecture` is the TCN behind it.
    """

    architecture: Architecture
    seq_len: int
    required_context: int | None
    input_channels: int
    coverage: Coverage
    stem: Architecture | None = None

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
        """Number of steps that one step of the TCN can depend on, from first to last."""
        return self.coverage.receptive_field

    @property
    def output_receptive_field(self) -> int:
        """Number of steps that the output can depend on: through a pool, the whole sequence."""
        return self.architecture.output_receptive_field(self.seq_len)

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
        """Blind spots of the required context as offsets from the output step: −3 is 3 back.

        Without a required context, steps that the output does not see, counted from the last step.
        """
        return self.coverage.blind_spots

    @cached_property
    def wasted_taps(self) -> tuple[WastedTap, ...]:
        """Taps that read only padding while the output is computed at this length."""
        if self.architecture.is_pooled:
            return wasted_taps_of_pooled(self.architecture, self.seq_len)
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
        if self.suffices or self.required_context is None:
            return []
        return smallest_changes(self.architecture, self._requirements)

    @cached_property
    def smaller(self) -> Change | None:
        """A smaller network that suffices, if some taps read only padding or there is no output."""
        if self.required_context is None or (self.runs and not self.covers):
            return None
        if self.runs and (self.coverage.blind_spot_count or not self.wasted_taps):
            return None
        return spare_reduction(self.architecture, self._requirements)

    @property
    def verdict(self) -> str:
        """One line: whether the network covers the required context, and what to change if not."""
        return f"{_finding(self)}{_advice(self)}"

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
        rows = _rows(self)
        width = max(len(name) for name, _ in rows)
        return "\n".join([self.verdict, "", *(f"{name:<{width}}  {text}" for name, text in rows)])

    def _repr_html_(self) -> str:
        return facts_html(self.verdict, _rows(self))


def _rows(report: Report) -> list[tuple[str, str]]:
    """Return name and text of each figure."""
    rows = [
        ("Architecture", str(report.stem or report.architecture)),
        *_stem_rows(report),
        *_reach_rows(report),
        *_influence_rows(report),
    ]
    if report.cost is not None:
        rows += cost_rows(report.cost, every_step=report.architecture.is_pooled)
    return rows


def _finding(report: Report) -> str:
    """Return whether the network covers the required context, as a sentence."""
    length = f"sequence length {report.seq_len:,}"
    unit = "steps"
    if report.stem is not None:
        unit = "patches"
        length += f" patches of {report.stem.patch} steps"
    if not report.runs:
        return (
            'No: with padding "valid" it gives no output, because its receptive field of '
            f"{report.receptive_field:,} steps is longer than the sequence ({length})."
        )
    blind = report.coverage.blind_spot_count
    if report.required_context is None:
        return _finding_through_pool(report, blind, unit)
    needed = report.required_context
    if not report.covers:
        return (
            f"No: {_subject(report)} sees {_seen(report):,} of the {needed:,} {unit} "
            f"required ({length})."
        )
    if blind:
        return (
            f"Not all of it: {_subject(report)} spans the {needed:,} {unit} required "
            f"({length}), but {counted(blind, 'step')} among them reach no output (blind spots)."
        )
    text = (
        f"Yes: {_subject(report)} sees all {needed:,} {unit} required ({length}); "
        f"its receptive field is {report.receptive_field:,}."
    )
    if report.architecture.is_pooled:
        text += f" The output sees all {report.seq_len:,} {unit} {_through_pool(report)}."
    return text


def _finding_through_pool(report: Report, blind: int, unit: str) -> str:
    """Return how much of the sequence an output sees through its pool, as a sentence."""
    seq_len = report.seq_len
    step = f"the receptive field of one step of the TCN is {report.receptive_field:,}"
    through = f"(sequence length {seq_len:,}) {_through_pool(report)}"
    if blind:
        return (
            f"Not all of it: the output sees {seq_len - blind:,} of {seq_len:,} {unit} {through}; "
            f"{step}."
        )
    return f"Yes: the output sees all {seq_len:,} {unit} {through}; {step}."


def _through_pool(report: Report) -> str:
    return f"through {pool_in_words(report.architecture.readout)}"


def _subject(report: Report) -> str:
    """Return what sees the required context: the network, or one step of it before a pool."""
    if report.architecture.is_pooled:
        return "one step of the TCN"
    return "it"


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
    return f" {sentence(_as_instruction(report.smaller.text))}"


def _advice_to_suffice(report: Report) -> str:
    """Return what to change so that the network covers the required context."""
    texts = [change.text for change in report.changes]
    if report.required_context is None and report.architecture.padding == "valid":
        return " Use causal padding, or dilations without gaps."
    if report.required_context is None:
        return " Use a level with dilation 1, or an odd kernel."
    if texts:
        return f" {sentence(_as_instruction(', or '.join(texts)))}"
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


def _stem_rows(report: Report) -> Iterable[tuple[str, str]]:
    if report.stem is not None:
        yield (
            "Patches",
            f"{report.seq_len:,} of {report.stem.patch} steps, {report.stem.stride} apart; all "
            f"steps here are patches. One output step depends on {report.stem.receptive_field:,} "
            "steps of the sequence",
        )


def _reach_rows(report: Report) -> Iterable[tuple[str, str]]:
    field = f"{counted(report.receptive_field, 'step')}: {report.look_back:,} back"
    if report.look_ahead:
        field += f", {report.look_ahead:,} ahead"
    itself = "the output step itself"
    if report.architecture.is_pooled:
        itself = "the step itself (of one step of the TCN)"
    yield "Receptive field", f"{field}, and {itself}"
    yield "Output", _output_text(report)
    if report.required_context is None:
        context = "no bound for one step of the TCN, as the output sees every step"
    else:
        context = f"{report.required_context:,} of a sequence length of {report.seq_len:,}"
    yield "Required context", context
    blind_spots = "none"
    if report.coverage.blind_spot_count:
        runs = report.coverage.blind_runs(_MOST_RUNS_SHOWN + 1)
        blind_spots = (
            f"{report.coverage.blind_spot_count:,}, at {lags_as_text(runs, _MOST_RUNS_SHOWN)}"
        )
    yield "Blind spots", blind_spots
    wasted = "none"
    if report.wasted_taps:
        wasted = f"{len(report.wasted_taps):,} only ever see padding at this length"
    yield "Wasted taps", wasted


def _output_text(report: Report) -> str:
    """Return how many steps the output sees, and why."""
    of_length = f"of a sequence length of {report.seq_len:,}"
    readout = report.architecture.readout
    if report.architecture.is_pooled:
        return f"sees {report.output_receptive_field:,} {of_length}, {_through_pool(report)}"
    field = report.output_receptive_field
    if readout == "sequence":
        return f"one for each step, with a receptive field of {field:,}, {of_length}"
    return f"reads one step, so its receptive field is {field:,}, {of_length}"


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
