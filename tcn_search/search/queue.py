"""Enqueued trials: parameters that are tried before, or instead of, sampled ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import optuna
from optuna.trial import TrialState

from tcn_search.search.trial_record import PLANNED, QUEUED


class EnqueuedTrial(NamedTuple):
    """Parameters to try, and where they come from.

    `attributes` are stored with the trial as its user attributes.
    """

    name: str
    parameters: dict[str, Any]
    attributes: Mapping[str, Any] = {}


class TrialQueue:
    """Enqueue trials one at a time, so that a run that ends early leaves none of them waiting.

    Args:
        trials: to enqueue. Where the iterator is exhausted, it is asked again after the next trial
            has ended.
        only: why the search ends after the last of them; "" where the sampler goes on from there.
    """

    def __init__(
        self, study: optuna.Study, trials: Iterable[EnqueuedTrial], *, only: str = ""
    ) -> None:
        self.only = only
        self._study = study
        stored = study.get_trials(deepcopy=False)
        self._names = {trial.user_attrs.get(PLANNED) for trial in stored}
        self._trials = iter(trials)
        self._is_empty = False

    def prepare(self) -> bool:
        """Enqueue the next trial unless one waits already. False: there is nothing more to try."""
        if self._is_empty and not self.only:
            return True
        if self._study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return True
        following = next((trial for trial in self._trials if trial.name not in self._names), None)
        if following is None:
            self._is_empty = True
            return not self.only
        self._names.add(following.name)
        enqueue(
            self._study, following.parameters, **{**following.attributes, PLANNED: following.name}
        )
        return True


def enqueue(study: optuna.Study, parameters: Mapping[str, Any], **attributes: Any) -> None:
    """Enqueue parameters.

    They are stored as a user attribute too, in case the trial becomes stale before it has asked for
    all of them.
    """
    study.enqueue_trial(dict(parameters), user_attrs={QUEUED: dict(parameters), **attributes})
