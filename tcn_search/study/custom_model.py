"""A study's own model function: tried before the study begins, the same ever after."""

from __future__ import annotations

from tcn_search.custom_model.model_function import ModelFunction, importing
from tcn_search.errors import InputError
from tcn_search.search.definition import Definition
from tcn_search.search.warm_start import cheapest
from tcn_search.study.changes import HOW_TO
from tcn_search.workers.model_check import require_usable
from tcn_search.workers.trial import TrialJob


def require_usable_model(definition: Definition) -> None:
    """Raise an InputError if the function does not give a model that can be trained and saved.

    It is tried with the smallest architecture of the space, once for each readout.
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
    """Raise an InputError where a study is made by the very import that looks for its model function."""
    file = importing()
    if file is not None:
        raise InputError(
            f"{file} makes a study when it is imported, as workers must do to find the model function. Put what "
            'only a run of it shall do under `if __name__ == "__main__":`.'
        )


def model_now(name: str, model: ModelFunction) -> ModelFunction:
    """The function with today's source.

    Raises:
        InputError: its file is gone, with what to do.
    """
    try:
        return model.as_it_is_now()
    except InputError as error:
        raise InputError(
            f"{error} The study {name!r} needs it; if it is elsewhere now, give it again: "
            f'model_fn="FILE.py:{model.name}".'
        ) from error


def require_same_model(name: str, definition: Definition) -> None:
    """Raise an InputError where the source is not what the study's trials were made with."""
    if definition.model is not None and model_now(name, definition.model) != definition.model:
        raise InputError(
            f"The source of {definition.model} is not what the study {name!r} was made with. {HOW_TO}"
        )
