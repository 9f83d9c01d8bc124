"""CMA-ES without a pickle: the sampler's state is computed from the trials alone.

Optuna's own sampler keeps its state as a pickle in the storage, and unpickles it.
"""

from __future__ import annotations

from typing import Any

import optuna
from optuna._transform import _SearchSpaceTransform
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial


class CmaEs(optuna.samplers.CmaEsSampler):
    """Optuna's CMA-ES sampler, with its state computed anew at every call.

    A pickle in a database that others can write to could run any code here.
    """

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, Any]
    ) -> dict[str, Any]:
        self._direction = study.directions[0]  # Optuna refuses several, below
        self._searched = search_space
        return super().sample_relative(study, trial, search_space)

    def _restore_optimizer(self, completed_trials: list[FrozenTrial]) -> Any:
        """Return the optimiser as it is after the last whole generation of these trials.

        No solution is left that Optuna would tell the optimiser, and then pickle.
        """
        transform = _SearchSpaceTransform(self._searched, transform_step=True, transform_0_1=True)
        optimizer = self._init_optimizer(transform, self._direction)
        sign = -1 if self._direction == StudyDirection.MAXIMIZE else 1
        while True:
            generation = self._get_solution_trials(completed_trials, optimizer.generation)
            if len(generation) < optimizer.population_size:
                return optimizer
            # The trials that ended first: a later one does not change what was learnt.
            generation.sort(key=lambda trial: (trial.datetime_complete, trial.number))
            solutions = [
                (transform.transform(trial.params), sign * trial.values[0])
                for trial in generation[: optimizer.population_size]
            ]
            optimizer.tell(solutions)
