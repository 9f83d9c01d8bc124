"""Select the winner among the best trials: re-run, choose, train over seeds, save, score."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError
from tcn_search.evaluation.final_plan import FinalPlan, ranked
from tcn_search.evaluation.final_training import FinalTraining, SeedRun
from tcn_search.evaluation.final_trainings import FinalTrainings, TrainingContext
from tcn_search.evaluation.greedy_selection import greedy_selection, mean_predictions
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.evaluation.member_files import MemberFiles
from tcn_search.evaluation.member_scores import worth_averaging
from tcn_search.evaluation.model_outputs import keep_errors
from tcn_search.evaluation.winner import Winner
from tcn_search.evaluation.winner_scores import score_winner
from tcn_search.text import counted
from tcn_search.workers.executor import Executor

if TYPE_CHECKING:
    from tcn_search.tasks.kinds import Metric
    from tcn_search.tasks.task import Task

RERUN_SHARE = 1 / 3  # of a time limit, in which re-runs must end
FINAL_SHARE = 0.9  # of the time that is left to final trainings; processes start in the rest


@dataclass(frozen=True)
class ModelFiles:
    """Where the models of a winner are saved, and how they are read.

    Attributes:
        winner: file of the winner's model.
        members: files of all its final trainings.
        load: reads a model's file.
    """

    winner: Path
    members: MemberFiles
    load: Callable[[Path], Any]


class Executors(NamedTuple):
    """What trains each stage; one executor for both where their data is the same."""

    reruns: Executor
    finals: Executor


@dataclass(frozen=True)
class _Choice:
    """What the final trainings train: numbers of candidates, in turn, and how they were chosen.

    Attributes:
        preferred: whether a known configuration was preferred to a candidate of a better score.
    """

    trials: list[int]
    ranked: list[int]
    runs: list[SeedRun]
    preferred: bool


def find_winner(
    plan: FinalPlan,
    *,
    task: Task,
    context: TrainingContext,
    executors: Executors,
    files: ModelFiles,
    timeout: float | None,
    before_test_evaluation: Callable[[], None],
) -> Winner:
    """Re-run the best trials, choose one, train it over seeds, save the model and score it.

    The test split is used last, for the winner alone, and once: each member predicts it, and the
    ensemble is the mean of these predictions.

    Args:
        plan: the trials, and how they are trained.
        executors: are closed when they have trained.
        files: where models are saved.
        timeout: seconds in which all trainings are to end. Re-runs that do not fit in are left out,
            and final trainings are shorter and fewer. After this time none starts, but for the
            first final trainings.
        before_test_evaluation: called when everything that can fail is over: the model is written,
            and takes its place next; then the winner is scored on the test split.

    Raises:
        InputError: every final training diverged, or the model cannot be saved.
        TrialsFailedError: a training failed.
    """
    try:
        stages = _train_stages(plan, task, context, executors, files, timeout)
    finally:  # the memory of workers is free before models are loaded here
        for executor in executors:
            executor.close()
    choice = stages.choice
    trainings = stages.finals
    finished = trainings.finished
    usable = [training for training in finished if training.model_file is not None]
    if not usable:
        raise InputError(
            f"Every final training of trial {choice.trials[0]} diverged (NaN or infinite loss): "
            f"{len(finished)} trainings. Take another trial (limits), or search with a smaller "
            "learning rate or with clip_norm."
        )
    trainings.show_step("loading the trained models")
    models = [files.load(each.model_file) for each in usable if each.model_file is not None]
    final = stages.plan.finals(choice.trials)[0].candidate.settings
    best_first = _best_first(usable, context.objective)
    averaged = list(range(len(models)))
    validation = None
    if not plan.refit and len(models) > 1:
        averaged, validation = worth_averaging(
            models, best_first, task.spec, task.validation, final
        )
    saved = [models[place] for place in (averaged if plan.ensemble else best_first[:1])]
    if task.spec.kind == "forecast" and not plan.refit:
        keep_errors(saved, task.spec, task.validation)
    step = "saving the model"
    if task.test is not None:
        step += " and scoring it on the test split"
    trainings.show_step(step)
    _save(saved, task, usable, files, context.kept, before_test_evaluation)
    chosen = len(models) if plan.ensemble else best_first[0]
    test = score_winner(task, models, averaged, chosen, files.winner.parent)
    files.members.publish()
    return Winner(
        trial=choice.trials[0],
        objective=context.objective.name,
        metric=context.metric,
        runs=[training.run for training in finished],
        test_scores=test.scores.members,
        saved_seed=usable[best_first[0]].run.seed,
        model_file=str(files.winner),
        refit_epochs=final.epochs if plan.refit else 0,
        ranked=choice.ranked,
        reruns=choice.runs,
        ensemble=plan.ensemble,
        ensemble_score=test.scores.ensemble,
        ensemble_validation=validation,
        forecast=test.forecast,
        classes=test.classes,
        member_files=files.members.names(usable),
        spoiling_seeds=[
            training.run.seed for place, training in enumerate(usable) if place not in averaged
        ],
        epochs=final.epochs,
        schedule=final.schedule,
        weights=final.weights,
        not_trained=len(plan.seeds) - len(finished),
        left_out=_left_out(plan, stages.plan, choice),
        preferred=choice.preferred,
        members=plan.final.members,
    )


class _Stages(NamedTuple):
    """What was trained in the given time.

    Attributes:
        plan: the plan as the time limit has shortened it.
        choice: what the final trainings train.
        finals: the final trainings, finished.
    """

    plan: FinalPlan
    choice: _Choice
    finals: FinalTrainings


def _train_stages(
    plan: FinalPlan,
    task: Task,
    context: TrainingContext,
    executors: Executors,
    files: ModelFiles,
    timeout: float | None,
) -> _Stages:
    """Train the candidates again, choose among them, and run the final trainings."""
    seconds = math.inf if timeout is None else timeout
    started = time.monotonic()
    plan = plan.reruns_within(seconds * RERUN_SHARE, context.workers, _kept_rounds(plan, context))
    deadline = started + seconds * RERUN_SHARE
    choice = _choose(plan, task, context, executors.reruns, files, deadline)
    planned = seconds * FINAL_SHARE
    if plan.rerun_seeds:
        planned *= 1 - RERUN_SHARE
    left = (started + seconds - time.monotonic()) * FINAL_SHARE
    plan = plan.finals_within(choice.trials, planned, context.workers, left)
    if executors.reruns is not executors.finals:
        executors.reruns.close()
    trainings = FinalTrainings(
        "final trainings",
        plan.finals(choice.trials),
        context,
        deadline=started + seconds,
        at_least=context.workers,
    )
    _train(trainings, executors.finals)
    return _Stages(plan, choice, trainings)


def _train(trainings: FinalTrainings, executor: Executor) -> None:
    """Train what is left, if anything is."""
    if trainings.needs_executor:
        executor.run(trainings)


def _choose(
    plan: FinalPlan,
    task: Task,
    context: TrainingContext,
    executor: Executor,
    files: ModelFiles,
    deadline: float,
) -> _Choice:
    """Train the candidates again, and choose those for the final trainings.

    A seed counts once all candidates have been trained with it.
    """
    best_trial = plan.candidates[0].trial
    if len(plan.candidates) == 1:
        preferred = plan.preference is not None and plan.preference.best != best_trial
        return _Choice(trials=[best_trial], ranked=[best_trial], runs=[], preferred=preferred)
    trainings = FinalTrainings(
        "re-runs",
        plan.reruns(),
        context,
        deadline=deadline,
        later=plan.finals([best_trial]),
    )
    _train(trainings, executor)
    reruns = [
        training
        for training in trainings.finished
        if _is_complete(training.run.seed, trainings.finished, len(plan.candidates))
    ]
    runs = [*plan.trial_runs, *(training.run for training in reruns)]
    by_score = [candidate.trial for candidate in ranked(plan.candidates, runs, context.objective)]
    order = by_score
    if plan.preference is not None:
        order = plan.preference.applied(by_score, runs)
    trials = order[:1]
    if plan.final.members > 1 and reruns:
        predictions = mean_predictions(reruns, task.validation, files.load)
        trials = greedy_selection(
            {trial: predictions[trial] for trial in order if trial in predictions},
            task.spec,
            task.validation.y,
            picks=len(plan.seeds),
            most=plan.final.members,
        )
    trials = trials or order[:1]
    return _Choice(
        trials=trials,
        ranked=order,
        runs=runs,
        preferred=order[0] != by_score[0] and trials[0] == order[0],
    )


def _kept_rounds(plan: FinalPlan, context: TrainingContext) -> int:
    """Return how many of the first rounds of re-runs an interrupted call has finished."""
    missing = {each.seed for each in plan.reruns() if context.kept.find(each) is None}
    return sum(1 for _ in takewhile(lambda seed: seed not in missing, plan.rerun_seeds))


def _is_complete(seed: int, trainings: Sequence[FinalTraining], candidates: int) -> bool:
    """Return whether all candidates have been trained with a seed."""
    return sum(training.run.seed == seed for training in trainings) == candidates


def _left_out(whole: FinalPlan, plan: FinalPlan, choice: _Choice) -> list[str]:
    """Say what was left out of the whole plan, but for final trainings that were not started."""
    words = []
    reruns = sum(run.seed in whole.rerun_seeds for run in choice.runs)
    missing = len(whole.rerun_seeds) * len(whole.candidates) - reruns
    if missing:
        words.append(f"{counted(missing, 're-run')} left out")
    if plan.epochs < whole.epochs:
        words.append(f"final trainings of {plan.epochs} epochs in place of {whole.epochs}")
    return words


def _best_first(trainings: Sequence[FinalTraining], objective: Metric) -> list[int]:
    """Return the places of the trainings by their validation scores; without, in their order."""
    sign = -1 if objective.direction == "maximize" else 1
    scores = [sign * training.run.score for training in trainings]
    return sorted(range(len(scores)), key=lambda place: (math.isnan(scores[place]), scores[place]))


def _save(
    saved: Sequence[Any],
    task: Task,
    usable: Sequence[FinalTraining],
    files: ModelFiles,
    kept: KeptTrainings,
    before_test_evaluation: Callable[[], None],
) -> None:
    """Save the mean of these models, and stage the members.

    `before_test_evaluation` is called before the model takes its place.
    """
    from tcn_search.models.ensemble import make_ensemble

    with replacing(files.winner, _saving_failure(files.winner, kept)) as file:
        make_ensemble(saved, task.spec).save(file)
        files.members.stage(usable)
        before_test_evaluation()


def _saving_failure(model_file: Path, kept: KeptTrainings) -> str:
    """Return how the error begins if the model cannot be saved."""
    failure = f"The model cannot be saved as {model_file}"
    trainings = kept.describe()
    if trainings:
        failure += f" ({trainings})"
    return failure
