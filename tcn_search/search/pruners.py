"""Pruners: who stops a trial between two epochs. One policy, one function."""

from __future__ import annotations

import optuna

_FACTOR = 3


def asha(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Successive halving, first rung at about a seventh of the epochs, a third kept at each rung.

    No rung lies in the second half of a trial, where it would throw away more than it saves: of four epochs the
    second one would be at the third.
    """
    halving = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=_first_rung(epochs), reduction_factor=_FACTOR
    )
    return _InTheFirstHalf(halving, epochs * folds)


def hyperband(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Successive halving with several first rungs at once.

    Which one a trial gets depends on the study's name and the trial's number alone, so a continued study
    goes on as it began.
    """
    return optuna.pruners.HyperbandPruner(
        min_resource=_first_rung(epochs), max_resource=epochs * folds, reduction_factor=_FACTOR
    )


def median(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Stops what is worse than the median of the earlier trials at the same epoch, after a seventh of the epochs."""
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=_first_rung(epochs))


def none(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Stops nothing."""
    return optuna.pruners.NopPruner()


_PRUNERS = {"asha": asha, "hyperband": hyperband, "median": median, "none": none}
PRUNERS = tuple(_PRUNERS)


def make_pruner(name: str, epochs: int, folds: int = 1) -> optuna.pruners.BasePruner:
    """The pruner of that name for trials of so many epochs in each of so many folds."""
    return _PRUNERS[name](epochs, folds)


def _first_rung(epochs: int) -> int:
    return max(1, round(epochs / 7))


class _InTheFirstHalf(optuna.pruners.BasePruner):
    """Asks another pruner, but not after half of so many epochs."""

    def __init__(self, pruner: optuna.pruners.BasePruner, epochs: int) -> None:
        self.pruner = pruner
        self.most = epochs / 2

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        step = trial.last_step
        return step is not None and step <= self.most and self.pruner.prune(study, trial)
