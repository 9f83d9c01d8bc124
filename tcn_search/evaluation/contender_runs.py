"""Runs of a comparison, from finished trainings of networks and from fitted estimators."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_search.evaluation.comparison import Run
from tcn_search.evaluation.final_training import SeedRun, WantedTraining
from tcn_search.evaluation.split_scores import score_model, split_score

if TYPE_CHECKING:
    from tcn_search.tasks.task import Task


def run_of_network(wanted: WantedTraining, run: SeedRun) -> Run:
    """Return a training of a network on the training split, before it is scored on test."""
    return Run(
        contender=wanted.contender,
        learning_rate=wanted.candidate.settings.learning_rate,
        seed=run.seed,
        score=run.score,
        metric=run.metric,
        best_epoch=run.best_epoch,
        seconds_an_epoch=run.seconds_an_epoch,
        parameters=run.parameters,
        seconds=run.seconds,
    )


def with_scores(
    run: Run,
    file: Path,
    task: Task,
    load: Callable[[Path], Any],
    before_test_evaluation: Callable[[str], None],
) -> Run:
    """Return a run of a network with the scores that its model is needed for.

    Args:
        file: of the model.
        task: with its data.
        load: reads the file.
        before_test_evaluation: called with the contender before it is scored on the test split.
    """
    from tcn_search.baselines import convolutional  # noqa: F401 - registers its layers

    model = load(file)
    run = replace(run, validation_error=score_model(model, task.validation, task.spec).error)
    if task.test is None:
        return run
    before_test_evaluation(run.contender)
    test = score_model(model, task.test, task.spec)
    return replace(run, test=test.value, test_error=test.error)


def run_of_estimator(
    contender: str, seed: int, task: Task, before_test_evaluation: Callable[[str], None]
) -> Run:
    """Fit a contender that is no network: without learning rate and epochs."""
    from tcn_search.baselines.aeon_estimators import fit_aeon, prepare_aeon

    prepare_aeon(contender, task.spec)
    begin = time.perf_counter()
    predict = fit_aeon(contender, task.spec, task.train, seed)
    seconds = time.perf_counter() - begin
    validation = split_score(predict, task.validation, task.spec)
    test = None
    test_error = None
    if task.test is not None:
        before_test_evaluation(contender)
        test, test_error = split_score(predict, task.test, task.spec)
    return Run(
        contender=contender,
        learning_rate=0.0,
        seed=seed,
        score=validation.value,
        metric=validation.value,
        best_epoch=0,
        seconds_an_epoch=0.0,
        parameters=0,
        test=test,
        seconds=seconds,
        validation_error=validation.error,
        test_error=test_error,
    )
