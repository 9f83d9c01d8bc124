"""Select the winner among the best trials: train over seeds, rank, save, score on test."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.atomic_files import replacing
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.evaluation.final_training import FinalTrainer, FinalTraining, SeedRun, score_on_test
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.evaluation.spread import mean_and_spread
from tcn_search.evaluation.winner import Winner
from tcn_search.search.trial_record import Candidate

if TYPE_CHECKING:
    from tcn_search.tasks.kinds import Metric
    from tcn_search.tasks.task import Task


def find_winner(
    candidates: Sequence[Candidate],
    *,
    task: Task,
    objective: Metric,
    seeds: Sequence[int],
    model_function: ModelFunction | None,
    refit: bool,
    model_file: Path,
    kept: KeptTrainings,
    on_run: Callable[[SeedRun], None] | None,
    before_test_evaluation: Callable[[], None],
) -> Winner:
    """Train every candidate with every seed, rank them, save a model and score the winner.

    Candidates are ranked by their mean validation score; a candidate with more diverged trainings
    loses. The model with the best validation score is saved. The test split is used last, for the
    winner alone.

    Args:
        candidates: architectures and settings of the best trials.
        objective: ranks candidates and trainings.
        seeds: of the trainings of each candidate.
        model_function: a user's own function that builds the model, or None.
        refit: train the winner again with every seed, on training and validation split together,
            for as many epochs as its best ones were on average. These models take the place of the
            others.
        model_file: where the winner's best model is saved.
        kept: finds trainings that an interrupted call has finished, and keeps new ones.
        on_run: called after every new training, but not after those of a refit.
        before_test_evaluation: called when everything that can fail is over: the model is written,
            and takes its place in `model_file` next; then the winner is scored on the test split.

    Raises:
        InputError: every training of the first candidate diverged, or the model cannot be saved.
    """
    trainer = FinalTrainer(task=task, objective=objective, model_function=model_function)
    trainings = _train_candidates(candidates, seeds, trainer, kept, on_run)
    ranked = _ranked(candidates, [training.run for training in trainings], objective)
    winner = ranked[0]
    usable = _usable(trainings, winner)
    refit_epochs = 0
    if refit:
        refit_epochs = max(1, round(statistics.fmean(each.run.best_epoch for each in usable)))
        usable = _refit_all(winner, usable, refit_epochs, trainer, kept)
    best = _best(usable, objective)
    with replacing(model_file, _saving_failure(model_file, kept)) as file:
        assert best.model is not None
        best.model.save(file)
        before_test_evaluation()
    test_scores = []
    if task.test is not None:
        test_scores = [score_on_test(training.model, task) for training in usable]
    return Winner(
        trial=winner.trial,
        objective=objective.name,
        metric=task.spec.task_kind.metrics[0].name,
        runs=[training.run for training in trainings],
        test_scores=test_scores,
        saved_seed=best.run.seed,
        model_file=str(model_file),
        refit_epochs=refit_epochs,
        ranked=[candidate.trial for candidate in ranked],
    )


def _train_candidates(
    candidates: Sequence[Candidate],
    seeds: Sequence[int],
    trainer: FinalTrainer,
    kept: KeptTrainings,
    on_run: Callable[[SeedRun], None] | None,
) -> list[FinalTraining]:
    """Train every candidate with every seed, unless the training was kept."""
    trainings = []
    for candidate in candidates:
        for seed in seeds:
            training = kept.find(candidate, seed)
            if training is None:
                training = trainer.train(candidate, seed)
                kept.keep(candidate, training)
                if on_run is not None:
                    on_run(training.run)
            trainings.append(training)
    return trainings


def _ranked(
    candidates: Sequence[Candidate], runs: Sequence[SeedRun], objective: Metric
) -> list[Candidate]:
    """Sort the candidates: fewest diverged trainings first, then the best mean score."""
    sign = -1 if objective.direction == "maximize" else 1

    def order(candidate: Candidate) -> tuple[int, float]:
        scores = [run.score for run in runs if run.trial == candidate.trial]
        mean, _ = mean_and_spread(scores)
        return sum(map(math.isnan, scores)), sign * mean

    return sorted(candidates, key=order)


def _usable(trainings: Sequence[FinalTraining], winner: Candidate) -> list[FinalTraining]:
    """Return the winner's trainings that did not diverge.

    Raises:
        InputError: all of them diverged.
    """
    usable = [
        training
        for training in trainings
        if training.run.trial == winner.trial and not training.run.diverged
    ]
    if not usable:
        raise InputError(
            f"Every training of trial {winner.trial} diverged (NaN or infinite loss): "
            f"{len(trainings)} trainings in all. Take more trials into account (top), or search "
            "with a smaller learning rate or with clip_norm."
        )
    return usable


def _refit_all(
    winner: Candidate,
    usable: Sequence[FinalTraining],
    epochs: int,
    trainer: FinalTrainer,
    kept: KeptTrainings,
) -> list[FinalTraining]:
    """Train the winner on both splits together with the seeds of its usable trainings.

    Returns:
        Those that did not diverge: the run on the training split alone, and the new model.

    Raises:
        InputError: all of them diverged.
    """
    refits = []
    for training in usable:
        refit = kept.find(winner, training.run.seed, epochs)
        if refit is None:
            model = trainer.refit(winner, training.run.seed, epochs)
            refit = FinalTraining(training.run, model)
            kept.keep(winner, refit, epochs)
        if refit.model is not None:
            refits.append(refit)
    if not refits:
        raise InputError(
            f"Every training of trial {winner.trial} on training and validation split together "
            "diverged (NaN or infinite loss). Leave out refit, or take another trial (top, limits)."
        )
    return refits


def _best(trainings: Sequence[FinalTraining], objective: Metric) -> FinalTraining:
    """Return the training with the best validation score; of equal ones the first."""
    best = trainings[0]
    for training in trainings[1:]:
        if objective.better(training.run.score, best.run.score):
            best = training
    return best


def _saving_failure(model_file: Path, kept: KeptTrainings) -> str:
    """Return how the error begins if the model cannot be saved."""
    failure = f"The model cannot be saved as {model_file}"
    trainings = kept.describe()
    if trainings:
        failure += f" ({trainings})"
    return failure
