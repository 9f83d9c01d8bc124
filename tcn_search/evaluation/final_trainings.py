"""Owner of final trainings: hands them to an executor, and keeps each one that has finished."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import TrialsFailedError
from tcn_search.evaluation.final_progress import FinalProgress, TimeLeft, numbers_of_run
from tcn_search.evaluation.final_training import FinalTraining, SeedRun, WantedTraining, run_of
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.search.ranking import VALIDATION_LOSS
from tcn_search.tasks.kinds import Metric
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome

# Ends that say nothing about the training itself: the process died, or had too little memory.
_TRIED_AGAIN = (TrialStatus.STALE, TrialStatus.OUT_OF_MEMORY)
_ADVICE = {
    TrialStatus.OUT_OF_MEMORY: " Fewer workers need less memory: --workers 1 (workers=1).",
    TrialStatus.STALE: " Its process died twice.",
}


@dataclass(frozen=True)
class TrainingContext:
    """What all final trainings of a study have in common.

    Attributes:
        objective: ranks candidates and trainings.
        metric: name of the task's first metric.
        model_function: a user's own function that builds the model, or None.
        kept: finds trainings that an interrupted call has finished, and keeps new ones.
        require_ownership: raises an error if the study is another process's now, or Ctrl-C came.
        on_progress: called at the start, after each epoch and after each training.
        workers: number of trainings at the same time.
    """

    objective: Metric
    metric: str
    model_function: ModelFunction | None
    kept: KeptTrainings
    require_ownership: Callable[[], None]
    on_progress: Callable[[FinalProgress], None]
    workers: int


class FinalTrainings:
    """The trainings of one stage of `best` or `compare`: the `Owner` that an executor works for.

    Trainings that are kept are not repeated. One whose process dies is tried once more.

    Args:
        stage: what the trainings are, in words.
        wanted: the trainings, in the order in which they start.
        context: of the study.
        deadline: in the seconds of `time.monotonic`, after which no further training starts.
        at_least: number of trainings that start after the deadline, too.
        later: trainings of the next stage, for the estimate of the time left.
    """

    def __init__(
        self,
        stage: str,
        wanted: Sequence[WantedTraining],
        context: TrainingContext,
        deadline: float = math.inf,
        at_least: int = 0,
        later: Sequence[WantedTraining] = (),
    ) -> None:
        self._stage = stage
        self._wanted = wanted
        self._context = context
        self._deadline = deadline
        self._at_least = at_least
        self._trainings: dict[int, FinalTraining] = {}
        for number, training in enumerate(wanted):
            kept = context.kept.find(training)
            if kept is not None:
                self._trainings[number] = kept
        self._waiting = deque(
            number for number in range(len(wanted)) if number not in self._trainings
        )
        self._running: dict[int, int] = {}  # epochs by number
        self._numbers: dict[int, str] = {}  # validation numbers of their last epochs, in words
        self._tried_again: set[int] = set()
        self._time_left = TimeLeft(
            [wanted[number] for number in self._waiting], context.workers, later
        )
        self._show()

    @property
    def finished(self) -> list[FinalTraining]:
        """The finished trainings, in the order in which they were wanted."""
        return [self._trainings[number] for number in sorted(self._trainings)]

    @property
    def needs_executor(self) -> bool:
        """Whether a training is left that the time allows."""
        return bool(self._waiting) and not self._is_over()

    def next_job(self) -> TrialJob | None:
        """Return the next training, or None."""
        if not self.needs_executor:
            return None
        self._context.require_ownership()
        number = self._waiting.popleft()
        self._running[number] = 0
        wanted = self._wanted[number]
        files: tuple[str, ...] = ()
        if wanted.keeps_model:
            files = tuple(str(file) for file in self._context.kept.model_files(wanted))
        return TrialJob(
            number=number,
            architecture=wanted.candidate.architecture,
            settings=wanted.candidate.settings,
            objective=self._context.objective.name,
            direction=self._context.objective.direction,
            seed=wanted.seed,
            model=self._context.model_function,
            data=wanted.data,
            model_files=files,
            contender=wanted.contender,
            parameters=wanted.parameters,
        )

    def _is_over(self) -> bool:
        started = len(self._trainings) + len(self._running)
        return started >= self._at_least and time.monotonic() >= self._deadline

    def keep_going(self, report: EpochReport) -> bool:
        """Show an epoch. Final trainings are not pruned."""
        self._context.require_ownership()
        self._running[report.number] = report.epoch
        self._numbers[report.number] = self._in_words(report.numbers)
        self._time_left.count_epoch(self._wanted[report.number])
        self._show()
        return True

    def finish(self, outcome: TrialOutcome) -> None:
        """Keep a finished training.

        Raises:
            TrialsFailedError: it has failed, twice where its process died.
        """
        self._context.require_ownership()
        number = outcome.number
        wanted = self._wanted[number]
        epochs = self._running.pop(number)
        self._numbers.pop(number, None)
        if outcome.status in (TrialStatus.COMPLETE, TrialStatus.DIVERGED):
            run = run_of(wanted, outcome, self._context.objective.name, self._context.metric)
            self._trainings[number] = self._context.kept.keep(wanted, run)
            self._time_left.skip(wanted, len(outcome.curve))
            self._show(run, wanted)
        elif outcome.status in _TRIED_AGAIN and number not in self._tried_again:
            self._tried_again.add(number)
            self._waiting.appendleft(number)
            self._time_left.repeat(wanted, epochs)
        else:
            raise TrialsFailedError(self._failure(wanted, outcome))

    def _failure(self, wanted: WantedTraining, outcome: TrialOutcome) -> str:
        text = (
            f"The training of {wanted.title} with seed {wanted.seed} ended as "
            f"{outcome.status.in_words}: {outcome.reason.rstrip('.')}."
        )
        text += _ADVICE.get(outcome.status, "")
        kept = self._context.kept.describe()
        if kept:
            text += f" ({kept})"
        return text

    def _in_words(self, numbers: Mapping[str, float]) -> str:
        """Return the validation numbers of an epoch; "" where there are none."""
        names = dict.fromkeys(
            (self._context.objective.name, VALIDATION_LOSS, f"val_{self._context.metric}")
        )
        return ", ".join(f"{name} {numbers[name]:.4g}" for name in names if name in numbers)

    def _running_text(self, number: int) -> str:
        text = f"epoch {self._running[number]} of {self._wanted[number].epochs}"
        if self._numbers.get(number):
            text += f", {self._numbers[number]}"
        return text

    def show_step(self, step: str) -> None:
        """Show what is done after the trainings."""
        self._context.on_progress(self._progress()._replace(step=step))

    def _show(self, run: SeedRun | None = None, training: WantedTraining | None = None) -> None:
        self._context.on_progress(self._progress()._replace(run=run, training=training))

    def _progress(self) -> FinalProgress:
        objective = self._context.objective
        metric = self._context.metric
        best: SeedRun | None = None
        best_text = ""
        for number, finished in self._trainings.items():
            run = finished.run
            if math.isnan(run.score) or (best and not objective.better(run.score, best.score)):
                continue
            best = run
            numbers = numbers_of_run(run, objective.name, metric)
            best_text = f"{numbers}, {self._wanted[number].name}"
        return FinalProgress(
            stage=self._stage,
            finished=len(self._trainings),
            wanted=len(self._wanted),
            running={
                self._wanted[number].name: (epoch, self._wanted[number].epochs)
                for number, epoch in self._running.items()
            },
            best=best.score if best else None,
            seconds_left=self._time_left.seconds(),
            objective=objective.name,
            metric=metric,
            best_text=best_text,
            running_texts={
                self._wanted[number].name: self._running_text(number) for number in self._running
            },
        )
