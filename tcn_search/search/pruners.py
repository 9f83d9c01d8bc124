"""Pruners: policies that stop a trial between two epochs, one function each."""

from __future__ import annotations

import optuna

_FACTOR = 3  # of Hyperband, as in Li et al. 2018
_ASHA_FACTOR = 2
_FEWEST_EPOCHS = 3  # before a trial is judged, if it has twice as many


def asha(epochs: int, folds: int) -> optuna.pruners.BasePruner:
    """Successive halving: rungs at a quarter and at half of the epochs, half kept at each.

    Of the trials that are judged at a seventh of their epochs, a third kept, too many are late
    starters: a small learning rate or a deep network. Keeping half at two later rungs costs half of
    all epochs, and a quarter of the trials ends complete. No rung lies in the second half of a
    trial, where pruning would throw away more than it saves.
    """
    halving = optuna.pruners.SuccessiveHalvingPruner(
        min_resource=_first_rung(epochs), reduction_factor=_ASHA_FACTOR
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

    Not in the first quarter of the epochs.
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
    """Return a quarter of the epochs, at least a few, at most half of them."""
    return max(1, min(max(_FEWEST_EPOCHS, round(epochs / 4)), epochs // 2))


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
