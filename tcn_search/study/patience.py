"""When a search has stopped getting anywhere."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.trial import TrialState

from tcn_search.study.objectives import Front
from tcn_search.tasks.kinds import Metric


class Patience:
    """Counts finished trials since the last that was better than all before it.

    With several objectives a trial is better if no earlier one is as good in each of them.

    Args:
        finished: the study's finished trials.
    """

    def __init__(
        self, metrics: Sequence[Metric], finished: Sequence[optuna.trial.FrozenTrial]
    ) -> None:
        self._front = Front(metrics)
        self.without_improvement = 0
        for trial in sorted(finished, key=lambda trial: str(trial.datetime_complete)):
            self.count(trial.values if trial.state is TrialState.COMPLETE else None)

    def count(self, values: Sequence[float] | None) -> None:
        """Take note of a finished trial; None for one that was not trained to its end."""
        better = values is not None and self._front.add(values)
        self.without_improvement = 0 if better else self.without_improvement + 1
