"""Show the progress of trainings: lines for what has ended and, on a terminal, a live display.

Nothing heavy is imported here, so that the first line is there in the first second.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tcn_search.cli.output import wrapped
from tcn_search.text import minutes, time_left

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tcn_search.evaluation.final_progress import FinalProgress
    from tcn_search.search.progress import Progress

_QUIET_SECONDS = 30.0  # after which plain output says what is in training
_MOST_RUNNING = 8  # trainings with a line of their own on a terminal


@dataclass(frozen=True)
class _State:
    """What is shown of the trainings at one moment.

    Attributes:
        stage: what is trained, such as "trials".
        finished, wanted: their numbers; `wanted` is 0 where nothing is known yet.
        seconds_left: estimate, or None.
        best: the best so far in words, a paragraph each.
        running: what each training has reached, by its name.
        step: what is done in place of trainings; "" where there are some.
        at: when this was known, in the seconds of `time.monotonic`.
    """

    stage: str = ""
    finished: int = 0
    wanted: int = 0
    seconds_left: float | None = None
    best: tuple[str, ...] = ()
    running: Mapping[str, str] = field(default_factory=dict)
    step: str = ""
    at: float = field(default_factory=time.monotonic)


class _Output(Protocol):
    """Where progress is shown."""

    def line(self, *paragraphs: str) -> None:
        """Print a line that stays, and further paragraphs below it."""

    def update(self, state: _State) -> None:
        """Show what goes on now."""


class ProgressDisplay:
    """Shows steps, trials and final trainings."""

    def __init__(self, output: _Output) -> None:
        self._output = output

    def step(self, text: str, *, only_live: bool = False) -> None:
        """Show what is done before or after the trainings, such as "reading the data".

        Args:
            only_live: leave it out where there is no terminal: an error that may come of it then
                has its line for itself.
        """
        if not only_live or isinstance(self._output, _LiveOutput):
            self._output.update(_State(step=text))

    def on_trial(self, progress: Progress) -> None:
        """Show the progress of a run: the callback for `Study.run`."""
        state = _State(
            stage="trials",
            finished=progress.finished,
            wanted=progress.wanted,
            seconds_left=progress.seconds_left,
            best=_best_of_run(progress),
            running={f"trial {number}": text for number, text in progress.running_texts.items()},
        )
        self._output.update(state)
        if progress.trial is not None:
            self._output.line(
                f"trial {progress.trial}: {progress.text}", progress.configuration, str(progress)
            )

    def on_training(self, progress: FinalProgress) -> None:
        """Show the progress of final trainings: the callback for `Study.best` and `compare`."""
        from tcn_search.evaluation.final_progress import run_in_words

        state = _State(
            stage=progress.stage,
            finished=progress.finished,
            wanted=progress.wanted,
            seconds_left=progress.seconds_left,
            best=(f"best: {progress.best_text}",) if progress.best_text else (),
            running=progress.running_texts,
            step=progress.step,
        )
        self._output.update(state)
        if progress.run is not None:
            self._output.line(run_in_words(progress), str(progress))
        elif not progress.step and not progress.running and progress.finished < progress.wanted:
            self._output.line(str(progress))


def _best_of_run(progress: Progress) -> tuple[str, ...]:
    best = progress.best_trial
    if best is None:
        return ()
    return (f"best: {best.numbers}, trial {best.trial}", best.configuration)


@contextmanager
def show_progress(*, on_stderr: bool = False) -> Iterator[ProgressDisplay]:
    """Yield a display of progress: live on a terminal, short plain lines elsewhere.

    Args:
        on_stderr: show everything on standard error, so that standard output has the result alone.
    """
    from rich.console import Console

    with ExitStack() as stack:
        if on_stderr:
            stack.enter_context(redirect_stdout(sys.stderr))
        console = Console(highlight=False)
        if not console.is_terminal or console.is_dumb_terminal:
            yield ProgressDisplay(_PlainOutput())
            return
        from rich.live import Live

        output = _LiveOutput(console)
        stack.enter_context(Live(output, console=console, refresh_per_second=4, transient=True))
        yield ProgressDisplay(output)


class _PlainOutput:
    """Lines for a file or a pipe."""

    def __init__(self) -> None:
        self._printed = time.monotonic()
        self._step = ""

    def line(self, *paragraphs: str) -> None:
        print("\n".join(_paragraphs(paragraphs)), flush=True)
        self._printed = time.monotonic()

    def update(self, state: _State) -> None:
        if state.step and state.step != self._step:
            self.line(f"{state.step} ...")
        elif state.running and time.monotonic() - self._printed > _QUIET_SECONDS:
            running = "; ".join(f"{name}, {text}" for name, text in state.running.items())
            self.line(f"{state.finished} of {state.wanted} {state.stage} done; running: {running}")
        self._step = state.step


class _LiveOutput:
    """A display at the bottom of a terminal, which is drawn several times a second."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = _State(step="starting")
        self._started = time.monotonic()

    def line(self, *paragraphs: str) -> None:
        from rich.text import Text

        # The live display shows the last paragraph, which is about all trainings.
        shown = paragraphs[:-1]
        if shown:
            text = Text("\n".join(_paragraphs(shown)))
            self._console.print(text, soft_wrap=True)

    def update(self, state: _State) -> None:
        self._state = state

    def __rich__(self) -> RenderableType:
        from rich.console import Group
        from rich.text import Text

        state = self._state
        texts = _paragraphs(state.best)
        running = list(state.running.items())
        for name, text in running[:_MOST_RUNNING]:
            texts += wrapped(f"{name}: {text}")
        if len(running) > _MOST_RUNNING:
            texts.append(f"and {len(running) - _MOST_RUNNING} more")
        return Group(self._first_row(state), *(Text(line) for line in texts))

    def _first_row(self, state: _State) -> RenderableType:
        """Return the step, or the bar of the stage, with the times beside it."""
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        elapsed = time.monotonic() - self._started
        row = Table.grid(padding=(0, 1))
        times = f"{minutes(elapsed)} so far"
        if state.step:
            # A Text, because rich reads brackets and colons of a name in a str as its own.
            row.add_row(Text(f"{state.step} ..."), times)
            return row
        if state.seconds_left is not None:
            seconds = state.seconds_left - (time.monotonic() - state.at)
            left = time_left(seconds, is_last=state.finished >= state.wanted)
            if left:
                times += f", about {left}"
        bar = ProgressBar(total=max(1, state.wanted), completed=state.finished, width=20)
        row.add_row(state.stage, bar, f"{state.finished} of {state.wanted}", times)
        return row


def _paragraphs(paragraphs: tuple[str, ...]) -> list[str]:
    """Return the lines of a first paragraph and of others that belong to it."""
    lines: list[str] = []
    for number, text in enumerate(paragraphs):
        lines += wrapped(text, indent=4 if number else 0)
    return lines
