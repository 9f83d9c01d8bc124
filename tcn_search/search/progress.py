"""How far a study is, and how that is said in words."""

from __future__ import annotations

from typing import NamedTuple


class Progress(NamedTuple):
    """How far a study is, after a trial or an epoch.

    Attributes:
        finished, wanted: trials.
        running: trials in training now, with the epochs they have done.
        best: score of the best trial so far, or None.
        seconds_left: estimate, or None before the first trial has finished.
        trial: the trial that has just ended, or None after an epoch.
        text: that trial in words.
    """

    finished: int
    wanted: int
    running: dict[int, int]
    best: float | None
    seconds_left: float | None
    trial: int | None = None
    text: str = ""


def print_progress(progress: Progress) -> None:
    """A line a trial."""
    if progress.trial is not None:
        best = "" if progress.best is None else f"best {progress.best:.4g}, "
        left = "" if progress.seconds_left is None else f", {minutes(progress.seconds_left)} left"
        print(
            f"trial {progress.trial}: {progress.text}\n    {best}{progress.finished} of {progress.wanted} done{left}",
            flush=True,
        )


def minutes(seconds: float) -> str:
    """A time for people: "40 s", "3 min", "2 h 05 min"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    whole = round(seconds / 60)
    return f"{whole} min" if whole < 60 else f"{whole // 60} h {whole % 60:02d} min"
