"""Pruners: policies that stop a trial between two epochs, one function each."""

from __future__ import annotations

import optuna

_FACTOR = 3


def asha(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Successive halving: first rung at about a seventh of the epochs, a third kept at each.

    No rung lies in the second half of a trial, where pruning would throw away more than it saves:
    of four epochs, the second rung would be at the third.
    """
    halving = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=_first_rung(epochs), reduction_factor=_FACTOR
    )
    return _InTheFirstHalf(halving, epochs * folds)


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

    Not in the first seventh of the epochs.
    """
    return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=_first_rung(epochs))


def none(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Stop no trial."""
    return optuna.pruners.NopPruner()


_PRUNERS = {"asha": asha, "hyperband": hyperband, "median": median, "none": none}
PRUNERS = tuple(_PRUNERS)


def make_pruner(name: str, epochs: int, folds: int = 1) -> optuna.pruners.BasePruner:
    """Make the pruner of that name.

    Args:
        epochs: of a training.
        folds: trainings of a trial.
    """
    return _PRUNERS[name](epochs, folds)


def _first_rung(epochs: int) -> int:
    return max(1, round(epochs / 7))


class _InTheFirstHalf(optuna.pruners.BasePruner):
    """Ask another pruner in the first half of a trial only.

    Args:
        epochs: of a trial.
    """

    def __init__(self, pruner: optuna.pruners.BasePruner, epochs: int) -> None:
        self.pruner = pruner
        self.last_epoch = epochs / 2

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        step = trial.last_step
        if step is None or step > self.last_epoch:
            return False
        return self.pruner.prune(study, trial)
