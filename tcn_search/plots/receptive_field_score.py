"""Receptive field against score, with what the task needs and what was left out."""

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
    ORANGE,
    RED,
    axes_or_new,
    legend_outside,
    log_scale_if_wide,
    smaller,
)

_BAD = ("diverged", "failed", "out_of_memory", "over_time", "unbuildable", "too_large")


def plot_receptive_field_score(
    trials: pd.DataFrame,
    objective: str,
    required_context: int,
    seq_len: int,
    excluded: Sequence[int] = (),
    ax: Axes | None = None,
) -> Axes:
    """Each trial's receptive field and score; the required context and the sequence length as lines.

    Args:
        trials: columns ended, score, receptive_field; infeasible trials (pruned unbuilt) have no score.
        objective: what the score is, for the label.
        required_context, seq_len: in steps.
        excluded: receptive fields of the architectures of the space that were never sampled.
        ax: where to draw; default a new figure.

    Where trials were given look-backs of different length (column required_context), a receptive field is shown as
    a multiple of what its own trial needs, and `excluded` is not.
    """
    ax = axes_or_new(ax)
    ax.set_xscale("log", base=2)
    unit = "in steps"
    own = trials.get("required_context", pd.Series(dtype=float)).dropna()
    if own.nunique() > 1:
        trials = trials.assign(
            receptive_field=trials["receptive_field"] / trials["required_context"]
        )
        required_context = 1
        seq_len = 1
        excluded = ()
        unit = "as a multiple of the look-back that it must cover"
    scored = trials.dropna(subset="score")
    scale = smaller(len(scored))
    for ended, face, edge, label in (
        ("pruned", "none", GREY, "pruned early"),
        ("complete", BLUE, BLUE, "complete"),
    ):
        rows = scored[scored["ended"] == ended]
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
    _draw_left_out(ax, trials, excluded)
    steps = [*trials["receptive_field"].dropna(), *excluded, required_context, seq_len]
    ax.set_xlim(min(steps) / 1.3, max(steps) * 1.3)
    _draw_needs(ax, required_context, seq_len)
    ax.xaxis.set_major_locator(LogLocator(base=2, numticks=12))
    ax.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:,.3g}" if value < 1000 else f"{value:,.0f}")
    )
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlabel(f"receptive field {unit} (logarithmic)")
    ax.set_ylabel(f"{objective} (best epoch)")
    ax.set_title("Receptive field and score", loc="left", fontsize=11, color=INK)
    legend_outside(ax)
    return ax


def _draw_left_out(ax: Axes, trials: pd.DataFrame, excluded: Sequence[int]) -> None:
    """What has no score that counts, in a strip below the scores."""
    by_ending = trials.dropna(subset="receptive_field").groupby("ended")["receptive_field"]
    found = {str(ending): list(fields) for ending, fields in by_ending}
    bad = [field for ending in _BAD for field in found.get(ending, [])]
    rows = (
        (0.03, excluded, "|", GREY, "excluded, never sampled"),
        (0.075, found.get("infeasible", []), "x", RED, "pruned, unbuilt"),
        (0.12, bad, "+", RED, "diverged, failed or over a limit"),
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
        low, high = ax.get_ylim()
        is_log = ax.get_yscale() == "log"
        ax.set_ylim(low * (low / high) ** 0.17 if is_log else low - 0.17 * (high - low), high)


def _draw_needs(ax: Axes, required_context: int, seq_len: int) -> None:
    """The required context and the sequence length; what lies left of the former is too little."""
    ax.axvspan(ax.get_xlim()[0], required_context, color=FAINT, alpha=0.5, zorder=0, linewidth=0)
    same = required_context == seq_len
    label = (
        "required context = the trial's own look-back"
        if seq_len == 1
        else f"required context = sequence length, {seq_len:,}"
        if same
        else f"required context, {required_context:,}"
    )
    ax.axvline(required_context, color=ORANGE, linewidth=1.6, label=label)
    if not same:
        ax.axvline(
            seq_len, color=INK, linewidth=1.2, linestyle="--", label=f"sequence length, {seq_len:,}"
        )
