"""Check a study's custom model before anything is written or trained."""

from __future__ import annotations

from tcn_search.custom_model.model_function import module_being_imported
from tcn_search.errors import InputError
from tcn_search.search.definition import Definition
from tcn_search.search.known_configurations import cheapest
from tcn_search.workers.model_check import require_usable
from tcn_search.workers.trial import TrialJob


def require_usable_model(definition: Definition) -> None:
    """Raise an InputError if the study's custom model cannot be trained and saved.

    The function is called with the smallest architecture of the space, once for each readout.
    """
    space = definition.task_space()
    objective = definition.objective
    jobs = [
        TrialJob(
            number=0,
            architecture=cheapest(space, readout, space.space.activation[0]),
            settings=definition.training,
            objective=objective.name,
            direction=objective.direction,
            seed=definition.search.seed,
            model=definition.model,
        )
        for readout in space.space.readout
    ]
    require_usable(jobs, definition.spec, definition.backend)


def require_not_imported() -> None:
    """Raise an InputError if a file creates a study while it is imported for its model function."""
    file = module_being_imported()
    if file is not None:
        raise InputError(
            f"{file} makes a study when it is imported, as workers must do to find the model "
            'function. Put what only a run of it shall do under `if __name__ == "__main__":`.'
        )
