"""Plot receptive field against score, the required context, and trials without a score."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tcn_search.plots.style import (
    BLUE,
    FAINT,
    GREY,
    INK,
    LIMITS,
    MOST_DRAWN,
    ORANGE,
    RED,
    axes_or_new,
    figure_of,
    label_axes,
    legend_outside,
    log_scale_if_wide,
    marker_scale,
    nothing_to_show,
)

_TITLE = "Receptive field and score"
_FAILED_OR_OVER_LIMIT = ("diverged", "failed", *LIMITS)


def plot_receptive_field_score(
    trials: pd.DataFrame,
    objective: str,
    required_context: int,
    seq_len: int,
    excluded: Sequence[int] = (),
    ax: Axes | None = None,
) -> Axes:
    """Plot receptive field and score of each trial, and required context and sequence length.

    Trials whose output sees every step through a pool (nothing in column required_context) are
    diamonds: the required context does not hold for them, and is not drawn where all are such. If
    trials have different look-backs, receptive fields are multiples of what their own trial must
    cover, or of its look-back, and `excluded` is not shown.

    Args:
        trials: columns ended, score and receptive_field (of one step of the TCN, in steps), and
            perhaps required_context and output_receptive_field, as in `Study.trials` or trials.csv;
            infeasible trials have no score.
        objective: name of the score, for the label.
        required_context: in steps.
        seq_len: in steps.
        excluded: receptive fields of the architectures of the space that were never sampled.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    if trials["receptive_field"].isna().all():
        return nothing_to_show(ax, _TITLE, "No trial has an architecture yet")
    ax.set_xscale("log", base=2)
    unit = "in steps"
    trials = trials.assign(is_free=_is_free(trials))
    own_context = _own_context(trials)
    if own_context is not None:
        trials = trials.assign(receptive_field=trials["receptive_field"] / own_context)
        required_context = 1
        seq_len = 1
        excluded = ()
        unit = "as a multiple of the look-back that it must cover"
    scored = trials.dropna(subset="score")
    _draw_scored(ax, scored)
    log_scale_if_wide(ax, scored["score"])
    low, high = _drawn_steps(trials, (required_context, seq_len))
    _draw_without_score(ax, trials, *_in_view(excluded, low, high))
    ax.set_xlim(low, high)
    is_free = trials["is_free"][trials["receptive_field"].notna()]
    if len(is_free) and is_free.all() and not len(excluded):
        label = "the trial's own look-back" if seq_len == 1 else f"sequence length, {seq_len:,}"
        _draw_sequence_length(ax, seq_len, label)
    else:
        _draw_required_context(ax, required_context, seq_len, is_free.any())
    ax.xaxis.set_major_locator(LogLocator(base=2, numticks=int(1.4 * figure_of(ax).get_figwidth())))
    ax.xaxis.set_major_formatter(FuncFormatter(_tick_label))
    ax.xaxis.set_minor_formatter(NullFormatter())
    label_axes(
        ax,
        _TITLE,
        f"receptive field of one step {unit} (logarithmic)",
        f"{objective} (best epoch)",
    )
    legend_outside(ax)
    return ax


def _drawn_steps(trials: pd.DataFrame, lines: tuple[int, int]) -> tuple[float, float]:
    """Return the ends of the horizontal axis: what was tried and both lines, and some room.

    Fields that were never tried have no score: an axis that holds all of them is empty there.
    """
    steps = [*trials["receptive_field"].dropna(), *lines]
    room = max(1.15, (max(steps) / min(steps)) ** 0.1)
    return min(steps) / room, max(steps) * room


def _in_view(excluded: Sequence[int], low: float, high: float) -> tuple[str, list[int]]:
    """Return a label that says how many excluded fields are not drawn, and those that are."""
    shown = [field for field in excluded if low <= field <= high]
    hidden = len(excluded) - len(shown)
    if not len(excluded):
        return "", []
    label = "excluded, never sampled"
    if hidden:
        label += f" ({hidden:,} of {len(excluded):,} lie beyond the axis, from {min(excluded):,})"
    return label, shown


def _is_free(trials: pd.DataFrame) -> pd.Series:
    """Return which trials have a receptive field, but no required context for it."""
    if "required_context" not in trials:
        return pd.Series(False, index=trials.index)
    return trials["required_context"].isna() & trials["receptive_field"].notna()


def _own_context(trials: pd.DataFrame) -> pd.Series | None:
    """Return the steps that each trial must cover, or pools; None if all trials have the same."""
    if "required_context" not in trials:
        return None
    contexts = trials["required_context"].astype(float)
    pooled = pd.Series(dtype=float)
    if "output_receptive_field" in trials:
        pooled = trials.loc[trials["is_free"], "output_receptive_field"].astype(float)
    if max(contexts.nunique(), pooled.nunique()) < 2:
        return None
    return contexts.fillna(pooled)


def _draw_scored(ax: Axes, scored: pd.DataFrame) -> None:
    """Draw trials with a score: circles, and diamonds where the output sees every step."""
    scale = marker_scale(len(scored))
    through = "its pool"
    if "readout" in scored and (scored["readout"] == "flatten").any():
        through = "its pool or head"
    for is_free, marker, suffix in (
        (False, "o", ""),
        (True, "D", f", the output sees all steps through {through}"),
    ):
        of_kind = scored[scored["is_free"] == is_free]
        for status, face, edge, label in (
            ("pruned", "none", GREY, "pruned early"),
            ("complete", BLUE, BLUE, "complete"),
        ):
            rows = of_kind[of_kind["ended"] == status]
            if rows.empty:
                continue
            ax.scatter(
                rows["receptive_field"],
                rows["score"],
                s=32 * scale,
                marker=marker,
                facecolors=face,
                edgecolors=edge,
                linewidths=1.5 * scale**0.5,
                rasterized=len(scored) > MOST_DRAWN,
                label=f"{label}{suffix}",
                zorder=3,
            )


def _tick_label(value: float, _: int) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def _draw_without_score(
    ax: Axes, trials: pd.DataFrame, excluded_label: str, excluded: Sequence[int]
) -> None:
    """Draw the receptive fields of trials without a valid score, in a strip below the scores."""
    with_field = trials.dropna(subset="receptive_field")
    infeasible = with_field[with_field["ended"] == "infeasible"]
    over_limit = with_field[with_field["ended"].isin(_FAILED_OR_OVER_LIMIT)]
    if trials["is_free"].any():
        excluded_label = excluded_label.replace("sampled", "sampled with readouts of one step")
    rows = (
        (0.03, excluded, "|", GREY, excluded_label),
        (0.075, infeasible["receptive_field"], "x", RED, "infeasible, never built"),
        (0.12, over_limit["receptive_field"], "+", RED, "diverged, failed or over a limit"),
    )
    for height, fields, marker, colour, label in rows:
        if len(fields) or (fields is excluded and label):
            ax.scatter(
                fields,
                [height] * len(fields),
                marker=marker,
                s=32,
                color=colour,
                alpha=0.7,
                transform=ax.get_xaxis_transform(),
                label=label,
            )
    if any(len(fields) for _, fields, *_ in rows):
        _make_room_below(ax)


def _make_room_below(ax: Axes) -> None:
    """Extend the vertical axis by 17% downwards."""
    low, high = ax.get_ylim()
    if ax.get_yscale() == "log":
        ax.set_ylim(low * (low / high) ** 0.17, high)
    else:
        ax.set_ylim(low - 0.17 * (high - low), high)


def _draw_required_context(
    ax: Axes, required_context: int, seq_len: int, some_are_free: bool
) -> None:
    """Draw required context and sequence length as lines; shade the fields that are too small.

    Nothing is shaded where these fields are too small for some readouts only.
    """
    name = "required context"
    if some_are_free:
        name += " of readouts of one step"
    else:
        too_small = (ax.get_xlim()[0], required_context)
        ax.axvspan(*too_small, color=FAINT, alpha=0.5, zorder=0, linewidth=0)
    if seq_len == 1:
        label = f"{name} = the trial's own look-back"
    elif required_context == seq_len:
        label = f"{name} = sequence length, {seq_len:,}"
    else:
        label = f"{name}, {required_context:,}"
    ax.axvline(required_context, color=ORANGE, linewidth=1.6, label=label)
    if required_context != seq_len:
        _draw_sequence_length(ax, seq_len, f"sequence length, {seq_len:,}")


def _draw_sequence_length(ax: Axes, seq_len: int, label: str) -> None:
    ax.axvline(seq_len, color=INK, linewidth=1.2, linestyle="--", label=label)
