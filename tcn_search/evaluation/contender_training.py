"""Train one contender of a comparison, from plain values."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tcn_search.baselines.contender_names import AEON, CONVOLUTIONAL, TCN
from tcn_search.baselines.recurrent import sized_to
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.evaluation.comparison import Run
from tcn_search.evaluation.final_training import score_on_test, train_once
from tcn_search.evaluation.split_scores import error_of_model, split_score
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.task import Task


@dataclass(frozen=True)
class ContenderJob:
    """All that a training of a contender needs but the data.

    Args:
        contender: "tcn" or another name, such as "lstm:2".
        seed: of the training.
        architecture, model_function: of the TCN.
        settings: of the training, with its learning rate.
        objective: judges the epochs.
        parameters: of the TCN, to which recurrent networks are sized; 0 for other contenders.
        is_final: whether the result is scored on the test split, if there is one.
    """

    contender: str
    seed: int
    architecture: Architecture
    model_function: ModelFunction | None
    settings: TrainingSettings
    objective: Metric
    parameters: int
    is_final: bool


def train_contender(
    job: ContenderJob, task: Task, before_test_evaluation: Callable[[str], None]
) -> Run:
    """Train a contender on the training split, and score it.

    Args:
        job: what is trained.
        task: with its data.
        before_test_evaluation: called with the contender before it is scored on the test split.
    """
    if job.contender in AEON:
        return _fit_estimator(job, task, before_test_evaluation)
    return _train_network(job, task, before_test_evaluation)


def _train_network(
    job: ContenderJob, task: Task, before_test_evaluation: Callable[[str], None]
) -> Run:
    def build() -> Any:
        return _build(job, task)

    trained = train_once(build, task, job.settings, job.objective, job.seed)
    training = trained.training
    test = None
    validation_error = None
    test_error = None
    if job.is_final and training.best_epoch > 0:
        validation_error = error_of_model(trained.model, trained.metric, task.validation, task.spec)
        if task.test is not None:
            before_test_evaluation(job.contender)
            test = score_on_test(trained.model, task)
            test_error = error_of_model(trained.model, test, task.test, task.spec)
    return Run(
        contender=job.contender,
        learning_rate=job.settings.learning_rate,
        seed=job.seed,
        score=training.score,
        metric=trained.metric,
        best_epoch=training.best_epoch,
        # Without the first epoch, which includes the compilation, where there are others.
        seconds_an_epoch=statistics.median(trained.seconds[1:] or trained.seconds),
        parameters=int(trained.model.count_params()),
        test=test,
        seconds=sum(trained.seconds),
        validation_error=validation_error,
        test_error=test_error,
    )


def _build(job: ContenderJob, task: Task) -> Any:
    """Build the Keras model of a network."""
    if job.contender == TCN:
        from tcn_search.models.build import build_model

        function = None
        if job.model_function is not None:
            function = job.model_function.load()
        return build_model(job.architecture, task, job.settings, function)
    if job.contender in CONVOLUTIONAL:
        from tcn_search.baselines.convolutional import build_convolutional

        return build_convolutional(job.contender, task, job.settings)
    from tcn_search.baselines.build import build_baseline

    cell, _, layers = job.contender.partition(":")
    spec = task.spec
    recurrent = sized_to(
        job.parameters,
        cell,
        int(layers or 1),
        input_channels=spec.input_channels,
        outputs=spec.outputs,
        vocabulary=spec.vocabulary,
    )
    return build_baseline(recurrent, task, job.settings)


def _fit_estimator(
    job: ContenderJob, task: Task, before_test_evaluation: Callable[[str], None]
) -> Run:
    """Fit a contender that is no network: without learning rate and epochs."""
    from tcn_search.baselines.aeon_estimators import fit_aeon, prepare_aeon

    prepare_aeon(job.contender, task.spec)
    begin = time.perf_counter()
    predict = fit_aeon(job.contender, task.spec, task.train, job.seed)
    seconds = time.perf_counter() - begin
    validation = split_score(predict, task.validation, task.spec)
    test = None
    test_error = None
    if task.test is not None:
        before_test_evaluation(job.contender)
        test, test_error = split_score(predict, task.test, task.spec)
    return Run(
        contender=job.contender,
        learning_rate=0.0,
        seed=job.seed,
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
