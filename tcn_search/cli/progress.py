"""Progress on a terminal: a line for each trial, and under it a bar that lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from tcn_search.search.progress import Progress, log_progress, minutes


@contextmanager
def show_progress() -> Iterator[Callable[[Progress], None]]:
    """What `Study.run` shall call. Where the output is no terminal it prints plain lines."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield log_progress
        return
    columns = (
        TextColumn("trials"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        shown = bar.add_task("starting, the first trial takes some seconds longer", total=None)

        def update(progress: Progress) -> None:
            if progress.trial is not None:
                bar.console.print(f"trial {progress.trial}: {progress.text}", markup=False)
            bar.update(
                shown,
                completed=progress.finished,
                total=progress.wanted,
                description=describe(progress),
            )

        yield update


def describe(progress: Progress) -> str:
    """Best so far, what runs, time left."""
    parts = [] if progress.best is None else [f"best {progress.best:.4g}"]
    parts += [f"trial {number} at epoch {epoch}" for number, epoch in progress.running.items()]
    if progress.seconds_left is not None:
        parts.append(f"{minutes(progress.seconds_left)} left")
    return ", ".join(parts)
