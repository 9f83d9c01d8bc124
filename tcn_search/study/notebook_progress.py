"""Show the progress of trainings in a notebook: a bar, the best so far, and learning curves.

The output of the cell is replaced in place, at most once a second. The last state stays there, and
is saved with the notebook.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from io import BytesIO
from typing import Any, ParamSpec, TypeVar

from tcn_search.evaluation.final_progress import FinalProgress, log_final_progress
from tcn_search.html_templates import render
from tcn_search.logs import LOGGER, show_messages
from tcn_search.search.callbacks import TrialCallback, TrialProgress
from tcn_search.search.progress import Progress
from tcn_search.study.frame import frame_of_curves
from tcn_search.text import minutes, time_left

_P = ParamSpec("_P")
_R = TypeVar("_R")
_SECONDS = 1.0  # between two updates
_SHARE = 0.1  # of the time, which drawing takes at most
_MOST_RUNNING = 8  # trainings with a line of their own
_MOST_CURVES = 30  # trials whose learning curves are drawn


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")  # a kernel has imported it
    if ipython is None:
        return False
    kinds = type(ipython.get_ipython()).__mro__
    return any(kind.__name__ == "ZMQInteractiveShell" for kind in kinds)


def short_interrupt(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Decorate a function of trainings: in a notebook, Ctrl-C shows no frames from inside of it."""

    @wraps(function)
    def interruptible(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except KeyboardInterrupt:
            if not in_notebook():
                raise
            raise KeyboardInterrupt("The same call continues") from None

    return interruptible


@contextmanager
def notebook_display(study: str, on_progress: object = None) -> Iterator[NotebookProgress | None]:
    """Give the display of a run and close it at the end, also after Ctrl-C or an error.

    There is none outside of notebooks, where a callback shows the progress, or where the level of
    the logger of the package hides its messages.

    Args:
        study: name of the study, for the title.
        on_progress: the callback of the user, or None.
    """
    show_messages()
    if on_progress is not None or not in_notebook() or not LOGGER.isEnabledFor(logging.INFO):
        yield None
        return
    from IPython.display import display

    shown = NotebookProgress(study, display)
    try:
        yield shown
    finally:
        shown.close()


@contextmanager
def trainings_shown(
    study: str, on_progress: Callable[[FinalProgress], None] | None
) -> Iterator[Callable[[FinalProgress], None]]:
    """Give what shows final trainings: the user's callback, else a display in a notebook, or a log.

    Args:
        study: name of the study, for the title.
        on_progress: the callback of the user, or None.
    """
    with notebook_display(study, on_progress) as shown:
        if shown is not None:
            yield shown.show_trainings
        else:
            yield on_progress or log_final_progress


@dataclass(frozen=True)
class _State:
    """What is known of the trainings at one moment.

    Attributes:
        stage: what is trained, such as "trials".
        finished, wanted: their numbers.
        seconds_left: estimate, or None.
        best: the best so far, in words.
        running: what each training has reached, by its name.
        step: what is done in place of trainings; "" where there are some.
    """

    stage: str = ""
    finished: int = 0
    wanted: int = 0
    seconds_left: float | None = None
    best: str = ""
    running: Mapping[str, str] = field(default_factory=dict)
    step: str = ""


class NotebookProgress(TrialCallback):
    """Shows trials or final trainings in the output of a notebook's cell.

    As a callback of the run it collects the learning curves.

    Args:
        study: name of the study.
        display: `IPython.display.display`.

    Attributes:
        stop_reason: why a run has ended before its last trial, in words; "" if it has not.
    """

    def __init__(self, study: str, display: Callable[..., Any]) -> None:
        self.stop_reason = ""
        self._study = study
        self._started = time.monotonic()
        self._words = _Output(display)
        self._figure = _Output(display)
        self._stages: dict[str, _State] = {}  # the last state of each
        self._state: _State | None = None
        self._is_closed = False
        self._curves: dict[int, list[Mapping[str, float]]] = {}
        self._running: Sequence[int] = ()  # trials
        self._best_trial: int | None = None
        self._objective = ""
        self._has_failed = False

    def show_start(self, finished: int, wanted: int) -> None:
        """Show the numbers of trials before the first epoch."""
        self._show(_State(stage="trials", finished=finished, wanted=wanted))

    def show_run(self, progress: Progress) -> None:
        """Show the progress of a run, after an epoch or a trial."""
        self._running = list(progress.running)
        best = ""
        if progress.best_trial is not None:
            self._best_trial = progress.best_trial.trial
            best = f"trial {self._best_trial}: {progress.best_trial.numbers}"
            best += f"\n{progress.best_trial.configuration}"
        running = {f"trial {number}": text for number, text in progress.running_texts.items()}
        self._show(
            _State(
                stage="trials",
                finished=progress.finished,
                wanted=progress.wanted,
                seconds_left=progress.seconds_left,
                best=best,
                running=running,
            )
        )

    def show_trainings(self, progress: FinalProgress) -> None:
        """Show the progress of final trainings, or of a step beside them."""
        self._show(
            _State(
                stage=progress.stage,
                finished=progress.finished,
                wanted=progress.wanted,
                seconds_left=progress.seconds_left,
                best=progress.best_text,
                running=progress.running_texts,
                step=progress.step,
            )
        )

    def on_epoch(self, progress: TrialProgress) -> None:
        """Add an epoch to the curve of a trial."""
        self._objective = progress.objective
        if progress.objective in progress.numbers:  # after a fold there are no numbers
            fold = (progress.epoch - 1) // progress.settings.epochs + 1
            curve = self._curves.setdefault(progress.trial, [])
            curve.append({"fold": fold, **progress.numbers})

    def on_trial(self, progress: TrialProgress) -> None:
        """Keep the whole curve of a trial that has ended, and drop the oldest of many."""
        self._objective = progress.objective
        if progress.outcome is not None and progress.trial in self._curves:
            self._curves[progress.trial] = [*progress.outcome.curve]
        needed = {*self._running, self._best_trial, progress.trial}
        others = [trial for trial in self._curves if trial not in needed]
        if len(self._curves) > _MOST_CURVES and others:
            del self._curves[others[0]]

    def close(self) -> None:
        """Show the last state, in which nothing is running."""
        if self._state is None:
            return
        self._is_closed = True
        self._running = ()
        self._update()

    def _show(self, state: _State) -> None:
        self._state = state
        if state.stage:
            self._stages[state.stage] = state
        self._update()

    def _update(self) -> None:
        """Replace what is shown. An error in that does not end the run."""
        if self._has_failed:
            return
        try:
            self._words.show(self._in_words, at_once=self._is_closed)
            if self._curves:
                self._figure.show(self._drawn, at_once=self._is_closed)
        except Exception as error:  # of matplotlib, or of the front end
            self._has_failed = True
            LOGGER.warning("progress is not shown any more: %s: %s", type(error).__name__, error)

    def _in_words(self) -> _Words:
        state = self._state
        stages = list(self._stages.values())
        if self._is_closed and stages:
            state = replace(stages[-1], running={}, seconds_left=None, step="")
        assert state is not None
        facts = []
        for stage in stages:
            if stage.best:
                name = "Best" if len(stages) == 1 else f"Best of {stage.stage}"
                facts.append((name, stage.best))
        if state.running:
            lines = [f"{name}: {text}" for name, text in state.running.items()]
            if len(lines) > _MOST_RUNNING:
                lines[_MOST_RUNNING:] = [f"and {len(lines) - _MOST_RUNNING} more"]
            facts.append(("In training", "\n".join(lines)))
        return _Words(
            title=f"{self._study}: {self._title(state)}",
            finished=state.finished,
            wanted=max(1, state.wanted),
            facts=facts,
        )

    def _title(self, state: _State) -> str:
        elapsed = minutes(time.monotonic() - self._started)
        title = f"{state.finished:,} of {state.wanted:,} {state.stage}"
        if state.step:
            title = state.step
        if not self._is_closed:
            title += f", {elapsed} so far"
        elif self.stop_reason:
            title += f", {elapsed}; {self.stop_reason}"
        elif state.finished < state.wanted:
            title += f", stopped after {elapsed}. The same call continues"
        else:
            title += f", {elapsed}"
        if state.seconds_left is not None:
            left = time_left(state.seconds_left, is_last=state.finished >= state.wanted)
            if left:
                title += f", about {left}"
        return title

    def _drawn(self) -> _Picture:
        from tcn_search.plots.learning_curves import plot_learning_curves
        from tcn_search.plots.style import axes_without_window, figure_of

        ax = axes_without_window(height=2.8)
        curves = frame_of_curves(self._curves).replace([math.inf, -math.inf], math.nan)
        plot_learning_curves(
            curves, self._objective, best_trial=self._best_trial, ax=ax, running=self._running
        )
        file = BytesIO()
        figure_of(ax).savefig(file, format="png", dpi=100)
        return _Picture(file.getvalue())


class _Output:
    """A part of a cell's output, which is replaced in place and not too often.

    Args:
        display: `IPython.display.display`.
    """

    def __init__(self, display: Callable[..., Any]) -> None:
        self._display = display
        self._handle: Any = None
        self._next = 0.0  # time of the next update

    def show(self, make: Callable[[], object], *, at_once: bool = False) -> None:
        """Show what `make` returns, unless the last update was too short a time ago."""
        started = time.monotonic()
        if started < self._next and not at_once:
            return
        shown = make()
        if self._handle is None:
            self._handle = self._display(shown, display_id=True)
        else:
            self._handle.update(shown)
        ended = time.monotonic()
        self._next = ended + max(_SECONDS, (ended - started) / _SHARE)


@dataclass(frozen=True)
class _Words:
    """A title, a bar and a table, as HTML and as text."""

    title: str
    finished: int
    wanted: int
    facts: Sequence[tuple[str, str]]

    def _repr_html_(self) -> str:
        return render(
            "progress.html",
            title=self.title,
            finished=self.finished,
            wanted=self.wanted,
            facts=self.facts,
        )

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"{name}: {text}" for name, text in self.facts)])


@dataclass(frozen=True)
class _Picture:
    """A figure as PNG."""

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png

    def __repr__(self) -> str:
        return "the learning curves of the trials"
