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
    ORANGE,
    RED,
    axes_or_new,
    legend_outside,
    log_scale_if_wide,
    marker_scale,
)

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

    If trials have different look-backs (column required_context), receptive fields are multiples of
    the required context of their own trial, and `excluded` is not shown.

    Args:
        trials: columns ended, score and receptive_field (in steps), as in `Study.trials` or
            trials.csv; infeasible trials have no score.
        objective: name of the score, for the label.
        required_context: in steps.
        seq_len: in steps.
        excluded: receptive fields of the architectures of the space that were never sampled.
        ax: where to draw; default: a new figure.
    """
    ax = axes_or_new(ax)
    ax.set_xscale("log", base=2)
    unit = "in steps"
    if "required_context" in trials and trials["required_context"].nunique() > 1:
        multiples = trials["receptive_field"] / trials["required_context"]
        trials = trials.assign(receptive_field=multiples)
        required_context = 1
        seq_len = 1
        excluded = ()
        unit = "as a multiple of the look-back that it must cover"
    scored = trials.dropna(subset="score")
    scale = marker_scale(len(scored))
    for status, face, edge, label in (
        ("pruned", "none", GREY, "pruned early"),
        ("complete", BLUE, BLUE, "complete"),
    ):
        rows = scored[scored["ended"] == status]
        ax.scatter(
            rows["receptive_field"],
            rows["score"],
            s=32 * scale,
            facecolors=face,
            edgecolors=edge,
            linewidths=1.5 * scale**0.5,
            label=label,
            zorder=3,
        )
    log_scale_if_wide(ax, scored["score"])
    _draw_without_score(ax, trials, excluded)
    steps = [*trials["receptive_field"].dropna(), *excluded, required_context, seq_len]
    ax.set_xlim(min(steps) / 1.3, max(steps) * 1.3)
    _draw_required_context(ax, required_context, seq_len)
    ax.xaxis.set_major_locator(LogLocator(base=2, numticks=12))
    ax.xaxis.set_major_formatter(FuncFormatter(_tick_label))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(f"receptive field {unit} (logarithmic)")
    ax.set_ylabel(f"{objective} (best epoch)")
    ax.set_title("Receptive field and score", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax


def _tick_label(value: float, _: int) -> str:
    return f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


def _draw_without_score(ax: Axes, trials: pd.DataFrame, excluded: Sequence[int]) -> None:
    """Draw the receptive fields of trials without a valid score, in a strip below the scores."""
    with_field = trials.dropna(subset="receptive_field")
    infeasible = with_field[with_field["ended"] == "infeasible"]
    over_limit = with_field[with_field["ended"].isin(_FAILED_OR_OVER_LIMIT)]
    rows = (
        (0.03, excluded, "|", GREY, "excluded, never sampled"),
        (0.075, infeasible["receptive_field"], "x", RED, "infeasible, never built"),
        (0.12, over_limit["receptive_field"], "+", RED, "diverged, failed or over a limit"),
    )
    for height, fields, marker, colour, label in rows:
        if len(fields):
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


def _draw_required_context(ax: Axes, required_context: int, seq_len: int) -> None:
    """Draw required context and sequence length as lines; shade the fields that are too small."""
    ax.axvspan(ax.get_xlim()[0], required_context, color=FAINT, alpha=0.5, zorder=0, linewidth=0)
    if seq_len == 1:
        label = "required context = the trial's own look-back"
    elif required_context == seq_len:
        label = f"required context = sequence length, {seq_len:,}"
    else:
        label = f"required context, {required_context:,}"
    ax.axvline(required_context, color=ORANGE, linewidth=1.6, label=label)
    if required_context != seq_len:
        label = f"sequence length, {seq_len:,}"
        ax.axvline(seq_len, color=INK, linewidth=1.2, linestyle="--", label=label)
