"""Figure and table of simulated studies; see simulate_workers.py."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from tcn_search.plots.style import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    SCREEN_WIDTH,
    axes_or_new,
    label_axes,
    legend_outside,
)

Result = dict[str, Any]
STORAGE = "sqlite"  # of a study by default
# Training times that are drawn: those of the replays, in words.
LENGTHS = {"10": "10 seconds", "60": "1 minute", "600": "10 minutes"}


def draw(results: Sequence[Result], file: Path) -> None:
    """Draw wall time, time of the study's process, and quality, by the number of workers."""
    figure = Figure(figsize=(SCREEN_WIDTH, 11.5), layout="constrained")
    panels = [axes_or_new(ax) for ax in figure.subplots(3)]
    figure.get_layout_engine().set(hspace=0.06)
    for panel, draw_panel in zip(panels, (_draw_wall, _draw_parts, _draw_loss), strict=True):
        draw_panel(panel, results)
        workers = sorted({result["workers"] for result in results})
        panel.set_xscale("log", base=2)
        panel.set_xticks(workers, [str(count) for count in workers])
        panel.xaxis.set_minor_locator(NullLocator())
        panel.set_xlim(workers[0] / 1.3, workers[-1] * 1.3)
        legend_outside(panel)
    figure.savefig(file, dpi=110)


def _draw_wall(ax: Axes, results: Sequence[Result]) -> None:
    stored = chosen(results, STORAGE, "tpe")
    for number, (length, words) in enumerate(LENGTHS.items()):
        minutes = medians(stored, lambda result, at=length: result["wall"][at]["seconds"] / 60)
        _plot(ax, number, minutes, f"trainings of {words}")
        least = medians(stored, lambda result, at=length: _without_waiting(result["wall"][at]))
        ax.plot(least.keys(), least.values(), color=COLOURS[number], linestyle=":")
    ax.plot([], [], color=INK, linestyle=":", label="if no worker ever waited")
    _plain_log_scale(ax)
    label_axes(
        ax,
        "Wall time of 1,000 trials (TPE, SQLite)",
        x="workers",
        y="minutes",
    )


def _plot(ax: Axes, number: int, points: dict[int, float], label: str) -> None:
    """Draw a line through points, in the colour and with the marker of its number."""
    style = {"color": COLOURS[number], "marker": MARKERS[number]}
    ax.plot(points.keys(), points.values(), label=label, **style)


def _plain_log_scale(ax: Axes) -> None:
    """Make the vertical axis logarithmic, with numbers in place of powers."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:,g}"))


def _without_waiting(wall: dict[str, float]) -> float:
    """Return the minutes that the trainings take if every worker trains all the time."""
    return wall["seconds"] * wall["workers_busy"] / 60


def _draw_parts(ax: Axes, results: Sequence[Result]) -> None:
    stored = chosen(results, STORAGE, "tpe")
    parts = {
        "storage (SQLite)": lambda result: result["milliseconds_a_trial"]["storage"],
        "sampler (TPE)": lambda result: result["milliseconds_a_trial"]["sampler"],
        "everything else": _else,
    }
    for number, (name, value) in enumerate(parts.items()):
        _plot(ax, number, medians(stored, value), name)
    _plain_log_scale(ax)
    label_axes(
        ax,
        "What a trial takes of the study's process",
        x="workers",
        y="milliseconds",
    )


def _else(result: Result) -> float:
    parts = result["milliseconds_a_trial"]
    return float(parts["loop"] + parts["pruner"])


def _draw_loss(ax: Axes, results: Sequence[Result]) -> None:
    for number, (sampler, name) in enumerate({"tpe": "TPE", "random": "random"}.items()):
        runs = chosen(results, "memory", sampler)
        _plot(ax, number, medians(runs, _last_loss), f"{name}: median")
        ax.scatter(
            [result["workers"] for result in runs],
            [_last_loss(result) for result in runs],
            color=COLOURS[number],
            alpha=0.4,
            s=18,
            label=f"{name}: a study each",
        )
    lowest = min(result["lowest_loss"] for result in results)
    ax.axhline(lowest, color=GREY, linewidth=1, linestyle="--", label="lowest loss of any trial")
    label_axes(
        ax,
        "Quality after 1,000 trials",
        x="workers",
        y="loss of the ten best",
    )


def _last_loss(result: Result) -> float:
    return float(result["loss_after"]["1000"])


def chosen(results: Sequence[Result], storage: str, sampler: str) -> list[Result]:
    """Return the results of a storage and a sampler."""
    return [
        result
        for result in results
        if result["storage"] == storage and result["sampler"] == sampler
    ]


def medians(results: Sequence[Result], value: Callable[[Result], float]) -> dict[int, float]:
    """Return the median of a value over the seeds, by the number of workers."""
    found: dict[int, list[float]] = {}
    for result in results:
        found.setdefault(result["workers"], []).append(value(result))
    return {workers: statistics.median(found[workers]) for workers in sorted(found)}


def tables(results: Sequence[Result]) -> list[str]:
    """Return the lines of two tables in Markdown, a row for each number of workers."""
    stored = chosen(results, STORAGE, "tpe")
    in_memory = chosen(results, "memory", "tpe")
    per_trial = {
        "storage, ms": medians(stored, lambda result: result["milliseconds_a_trial"]["storage"]),
        "sampler, ms": medians(stored, lambda result: result["milliseconds_a_trial"]["sampler"]),
        "the rest, ms": medians(stored, _else),
        "sampler without a database, ms": medians(
            in_memory, lambda result: result["milliseconds_a_trial"]["sampler"]
        ),
        "loss, TPE": medians(in_memory, _last_loss),
        "loss, random": medians(chosen(results, "memory", "random"), _last_loss),
    }
    wall = {}
    for length, words in LENGTHS.items():
        wall[f"minutes, {words}"] = medians(
            stored, lambda result, at=length: result["wall"][at]["seconds"] / 60
        )
        wall["process busy" + " " * len(wall)] = medians(
            stored, lambda result, at=length: 100 * result["wall"][at]["owner_busy"]
        )
    return [*_table(per_trial), "", *_table(wall)]


def _table(columns: dict[str, dict[int, float]]) -> list[str]:
    lines = [
        f"| workers | {' | '.join(name.strip() for name in columns)} |",
        "| --- |" + " --- |" * len(columns),
    ]
    for workers in sorted(set().union(*columns.values())):
        cells = [
            _cell(name, column[workers]) if workers in column else ""
            for name, column in columns.items()
        ]
        lines.append(f"| {workers} | {' | '.join(cells)} |")
    return lines


def _cell(name: str, value: float) -> str:
    if name.startswith("loss"):
        return f"{value:.3f}"
    if name.startswith("process busy"):
        return f"{value:.0f}%"
    if value < 10:
        return f"{value:.1f}"
    return f"{value:,.0f}"
