"""CMA-ES that learns from the trials themselves: Optuna's keeps its state as a pickle in the storage, and opens it."""

from __future__ import annotations

from typing import Any

import optuna
from optuna._transform import _SearchSpaceTransform
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


class CmaEs(optuna.samplers.CmaEsSampler):
    """Optuna's sampler, with its state computed again, generation by generation, whenever it is asked.

    A pickle in a database that others can write to could run anything here.
    """

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        self._direction = study.directions[0]  # Optuna refuses several, below
        self._searched = search_space
        return super().sample_relative(study, trial, search_space)

    def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> Any:
        """After the last whole generation of these trials. Nothing is left that Optuna would tell, and then keep."""
        transform = _SearchSpaceTransform(self._searched, transform_step=True, transform_0_1=True)
        optimizer = self._init_optimizer(transform, self._direction)
        sign = -1 if self._direction == StudyDirection.MAXIMIZE else 1
        while True:
            generation = self._get_solution_trials(completed_trials, optimizer.generation)
            if len(generation) < optimizer.population_size:
                return optimizer
            # Those that ended first: what ends later does not change what was learnt.
            generation.sort(key=lambda one: (one.datetime_complete, one.number))
            optimizer.tell(
                [
                    (transform.transform(one.params), sign * one.values[0])
                    for one in generation[: optimizer.population_size]
                ]
            )
