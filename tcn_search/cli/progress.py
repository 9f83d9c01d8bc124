"""Show the progress of trainings: a line for each and, on a terminal, a live bar below."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from tcn_search.evaluation.final_progress import FinalProgress, log_final_progress, run_in_words
from tcn_search.search.progress import Progress, log_progress, minutes


@contextmanager
def show_progress() -> Iterator[Callable[[Progress], None]]:
    """Yield the progress callback for `Study.run`; plain lines if the output is no terminal."""
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
        row = bar.add_task("starting, the first trial takes some seconds longer", total=None)

        def update(progress: Progress) -> None:
            if progress.trial is not None:
                bar.console.print(f"trial {progress.trial}: {progress.text}", markup=False)
            bar.update(
                row,
                completed=progress.finished,
                total=progress.wanted,
                description=_description(progress),
            )

        yield update


def _description(progress: Progress) -> str:
    """Return best score, running trials and time left as the text beside the bar."""
    parts = [f"trial {number} at epoch {epoch}" for number, epoch in progress.running.items()]
    if progress.best is not None:
        parts.insert(0, f"best {progress.best:.4g}")
    if progress.seconds_left is not None:
        parts.append(f"{minutes(progress.seconds_left)} left")
    return ", ".join(parts)


@contextmanager
def show_final_progress() -> Iterator[Callable[[FinalProgress], None]]:
    """Yield the progress callback for `best` and `compare`; plain lines without a terminal."""
    console = Console(highlight=False)
    if not console.is_terminal:
        yield log_final_progress
        return
    columns = (
        TextColumn("{task.fields[stage]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    with Bar(*columns, console=console, transient=True) as bar:
        row = bar.add_task("starting", total=None, stage="trainings")

        def update(progress: FinalProgress) -> None:
            if progress.run is not None:
                bar.console.print(run_in_words(progress), markup=False)
            parts = [
                f"{name} at epoch {epoch} of {epochs}"
                for name, (epoch, epochs) in progress.running.items()
            ]
            if progress.seconds_left is not None:
                parts.append(f"about {minutes(progress.seconds_left)} left")
            bar.update(
                row,
                stage=progress.stage,
                completed=progress.finished,
                total=progress.wanted,
                description=", ".join(parts),
            )

        yield update
