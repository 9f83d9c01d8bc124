"""Pruners: policies that stop a trial between two epochs, one function each."""

from __future__ import annotations

import copy
import warnings
from typing import NamedTuple, cast

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from tcn_search.search.trial_record import fold_scores

FOLDS_TO_COMPARE = 3  # with fewer, too few folds are over while there is something to save
_FACTOR = 3  # of Hyperband, as in Li et al. 2018
_ASHA_FACTOR = 2
_FEWEST_EPOCHS = 3  # before a trial is judged, if it has twice as many
_FEWEST_TO_COMPARE = 4  # half of three is one trial: a fast start would end the others


def asha(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Successive halving: rungs at a quarter and at half of the epochs, half kept at each.

    Of the trials that are judged at a seventh of their epochs, a third kept, too many are late
    starters: a small learning rate or a deep network. Keeping half at two later rungs costs half of
    all epochs, and a quarter of the trials ends complete. No rung lies in the second half of a
    trial, where pruning would throw away more than it saves. The first three trials at a rung
    continue. With 3 or more folds, `wilcoxon` may stop a trial between folds as well.
    """
    halving = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=_first_rung(epochs), reduction_factor=_ASHA_FACTOR
    )
    pruner = _InTheFirstHalf(_AmongEnough(halving), epochs * folds)
    if folds < FOLDS_TO_COMPARE:
        return pruner
    return _Either(pruner, wilcoxon(epochs, folds))


def hyperband(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Successive halving with several first rungs at once.

    The bracket of a trial depends on the study's name and the trial's number alone, so that a
    continued study goes on as it began.
    """
    return optuna.pruners.HyperbandPruner(
        min_resource=_first_rung(epochs), max_resource=epochs * folds, reduction_factor=_FACTOR
    )


def median(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Stop trials that are worse than the median of earlier trials at the same epoch.

    Not in the first quarter of the epochs.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=_first_rung(epochs))


def wilcoxon(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Stop trials between folds that are worse than the best trial, by Wilcoxon's test.

    The test pairs the scores of the same folds. With p < 0.2, three worse folds stop a trial. Of 3
    folds two must do: p < 0.3.
    """
    threshold = 0.3 if folds == FOLDS_TO_COMPARE else 0.2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _BetweenFolds(optuna.pruners.WilcoxonPruner(p_threshold=threshold), epochs)


def none(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Stop no trial."""
    return optuna.pruners.NopPruner()


_PRUNERS = {
    "asha": asha,
    "hyperband": hyperband,
    "median": median,
    "wilcoxon": wilcoxon,
    "none": none,
}
PRUNERS = tuple(_PRUNERS)


def make_pruner(name: str, epochs: int, folds: int = 1) -> optuna.pruners.BasePruner:
    """Make the pruner of that name.

    Args:
        epochs: of a training.
        folds: trainings of a trial.
    """
    return _PRUNERS[name](epochs, folds)


def _first_rung(epochs: int) -> int:
    """Return a quarter of the epochs, at least a few, at most half of them."""
    return max(1, min(max(_FEWEST_EPOCHS, epochs // 4), epochs // 2))


class _InTheFirstHalf(optuna.pruners.BasePruner):
    """Ask another pruner in the first half of a trial only.

    Args:
        epochs: of a trial.
    """

    def __init__(self, pruner: optuna.pruners.BasePruner, epochs: int) -> None:
        self.pruner = pruner
        self.last_epoch = epochs / 2

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        step = trial.last_step
        if step is None or step > self.last_epoch:
            return False
        return self.pruner.prune(study, trial)


class _AmongEnough(optuna.pruners.BasePruner):
    """Stop a trial that another pruner stops, if a few trials have come as far as it has."""

    def __init__(self, pruner: optuna.pruners.BasePruner) -> None:
        self.pruner = pruner

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        if not self.pruner.prune(study, trial):
            return False
        steps = [each.last_step for each in study.get_trials(deepcopy=False)]
        reached = sum(step is not None and step >= (trial.last_step or 0) for step in steps)
        return reached >= _FEWEST_TO_COMPARE


class _Either(optuna.pruners.BasePruner):
    """Stop a trial that one of several pruners stops."""

    def __init__(self, *pruners: optuna.pruners.BasePruner) -> None:
        self.pruners = pruners

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        return any(pruner.prune(study, trial) for pruner in self.pruners)


class _ByFold(NamedTuple):
    """What Optuna's pruner reads of a study; the steps of the best trial are folds, from 1."""

    direction: StudyDirection
    best_trial: FrozenTrial


class _BetweenFolds(optuna.pruners.BasePruner):
    """Ask Optuna's pruner at the end of each fold but the first, with folds as steps.

    Optuna is told means over the folds, to which the pruners within a fold are used.

    Args:
        epochs: of a fold.
    """

    def __init__(self, pruner: optuna.pruners.WilcoxonPruner, epochs: int) -> None:
        self.pruner = pruner
        self.epochs = epochs

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        if (trial.last_step or 0) <= self.epochs:
            return False
        try:
            best = study.best_trial
        except ValueError:  # no trial is complete yet
            return False
        best_scores = fold_scores(best)
        if not best_scores:
            return False
        view = _ByFold(study.direction, _with_steps(best, best_scores))
        scores = self._finished_folds(trial)
        return self.pruner.prune(cast(optuna.Study, view), _with_steps(trial, scores))

    def _finished_folds(self, trial: FrozenTrial) -> list[float]:
        """Return the scores of the finished folds, of which the trial has reported the means."""
        means = trial.intermediate_values
        last_of_first_fold = max(step for step in means if step <= self.epochs)
        scores = [means[last_of_first_fold]]
        while (len(scores) + 1) * self.epochs in means:
            folds = len(scores) + 1
            scores.append(folds * means[folds * self.epochs] - sum(scores))
        return scores


def _with_steps(trial: FrozenTrial, scores: list[float]) -> FrozenTrial:
    """Return a copy of a trial whose intermediate values are those of folds."""
    copied = copy.copy(trial)
    copied.intermediate_values = dict(enumerate(scores, start=1))
    return copied
