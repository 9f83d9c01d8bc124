"""Create and load studies.

The definition is stored last, so that an interrupted creation can be resumed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna

from tcn_search.arguments import received
from tcn_search.custom_model.model_function import ModelFunction, model_function
from tcn_search.errors import InputError, LeaseError, StorageError, first_line
from tcn_search.search.definition import Definition
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.grid import grid_size
from tcn_search.search.known_configurations import (
    KnownConfiguration,
    configurations_of,
    known_configurations,
)
from tcn_search.search.samplers import make_sampler
from tcn_search.search.search_settings import SearchSettings
from tcn_search.search.warm_start import START, WarmStart, store_start, warm_start
from tcn_search.settings import TrainingSettings
from tcn_search.space.constraints import Constraints
from tcn_search.space.forecast_choices import forecast_dimensions
from tcn_search.space.search_space import SearchSpace
from tcn_search.storage.connection import open_storage, quiet_optuna, storage_errors
from tcn_search.storage.lease import KEY as LEASE
from tcn_search.storage.lease import Lease
from tcn_search.storage.stored_values import NOT_THERE, VERSIONS, read_value, readable
from tcn_search.storage.studies import how_to_delete, list_studies, no_such_study
from tcn_search.storage.urls import storage_url
from tcn_search.study.changes import (
    DEFINITION,
    require_changeable,
    require_same,
    store_definition,
    store_versions,
    versions_now,
)
from tcn_search.study.handle import StudyHandle
from tcn_search.study.model_check import require_not_imported, require_usable_model
from tcn_search.study.names import require_new_name
from tcn_search.study.results import StudyResults
from tcn_search.tasks.task import Task
from tcn_search.workers.backends import resolve_backend

if TYPE_CHECKING:
    from collections.abc import Callable

STARTING_TRIALS = 5  # of another study
_BEFORE_THE_DEFINITION = {LEASE, VERSIONS, START}  # user attributes that are stored first


@dataclass(frozen=True)
class StudyArguments:
    """What a user gave to create or continue a study; see `Study` for the meaning of each."""

    task: Task | None = None
    space: SearchSpace | None = None
    constraints: Constraints | None = None
    training: TrainingSettings | None = None
    search: SearchSettings | None = None
    backend: str | None = None
    start_from: str | StudyResults | None = None
    model_fn: str | Callable[..., Any] | None = None
    allow_changes: bool = False
    final: FinalSettings | None = None
    folder: str | Path | None = None


def create_or_load(name: str, storage: str | None, given: StudyArguments) -> StudyHandle:
    """Load the study of this name, or create it if there is none and a task is given.

    Raises:
        InputError: an argument cannot be used, or the study has another definition.
    """
    require_not_imported()
    _check_name(name)
    _check_task(given.task)
    url = storage_url(storage)
    names = list_studies(url)
    if given.task is None and name not in names:
        raise no_such_study(name, names, url)
    stored = None
    if name in names:
        stored = stored_definition(name, url)
    if given.task is None and stored is None:
        raise InputError(
            f"The creation of the study {name!r} was interrupted. Repeat the command that created "
            f"it, or remove it with {how_to_delete(name, url)}."
        )
    model = None
    if given.model_fn is not None:
        model = model_function(given.model_fn)
    changes: list[str] = []
    if stored is None:
        if name not in names:
            require_new_name(name)
        definition = _create(name, url, given, model)
    else:
        definition, changes = _continued(name, stored, given, model)
    opened = open_storage(url)
    with storage_errors(url):
        optuna_study = optuna.load_study(study_name=name, storage=opened)
    return StudyHandle(
        name=name,
        url=url,
        storage=opened,
        optuna_study=optuna_study,
        definition=definition,
        given_task=given.task,
        allow_changes=given.allow_changes,
        pending_changes=changes,
        folder=Path(given.folder or Path("runs") / name),
    )


def _create(name: str, url: str, given: StudyArguments, model: ModelFunction | None) -> Definition:
    """Check everything, then store a new study."""
    assert given.task is not None
    definition = Definition.of(
        given.task,
        space=given.space,
        constraints=given.constraints,
        training=given.training,
        search=given.search,
        model=model,
        final=given.final,
    )
    definition = replace(definition, backend=resolve_backend(given.backend or "auto"))
    # A missing package is reported before anything is written.
    make_sampler(definition.search.sampler, definition.search.seed)
    if model is not None:
        require_usable_model(definition)
    store_study(name, url, definition, _warm_start(definition, given.start_from, url))
    return definition


def _continued(
    name: str, stored: Definition, given: StudyArguments, model: ModelFunction | None
) -> tuple[Definition, list[str]]:
    """Compare what is given with the stored definition.

    Returns:
        The definition to go on with, and what differs from the stored one, a line each.
    """
    backend = stored.backend
    if given.backend not in (None, "auto"):
        backend = resolve_backend(str(given.backend))
    space = stored.space
    if given.space is not None:
        space = given.space.with_defaults(forecast_dimensions(stored.space))
    constraints = stored.constraints
    if given.constraints is not None:
        constraints = stored.continued(given.constraints)
    training = given.training or stored.training
    search = given.search or stored.search
    if search.fraction is None:
        search = replace(search, fraction=stored.search.fraction)
    model = model or stored.model
    final = given.final or stored.final
    epochs = _final_epochs(given.final, given.search)
    if epochs is None or epochs == _final_epochs(stored.final, stored.search):
        search = replace(search, final_epochs=stored.search.final_epochs)
        final = replace(final, epochs=stored.final.epochs)
    else:
        search = replace(search, final_epochs=None)
        final = replace(final, epochs=epochs)
    if given.task is None:
        wanted = replace(
            stored,
            space=space,
            constraints=constraints,
            training=training,
            search=search,
            backend=backend,
            model=model,
            final=final,
        )
    else:
        wanted = Definition.of(
            given.task,
            space=space,
            constraints=constraints,
            training=training,
            search=search,
            backend=backend,
            model=model,
        )
        wanted = replace(wanted, final=final)  # epochs that the study has no number of stay so
    wanted = wanted.checked()
    changes = stored.differences(wanted)
    if given.allow_changes:
        require_changeable(name, stored, wanted)
        return wanted, changes
    require_same(name, changes)
    return replace(stored, model=wanted.model), changes  # the model's file may have moved


def _final_epochs(final: FinalSettings | None, search: SearchSettings | None) -> int | None:
    """Return the epochs of final trainings, which have two names; None where neither is given."""
    if final is not None and final.epochs is not None:
        return final.epochs
    if search is not None:
        return search.final_epochs
    return None


def _warm_start(
    definition: Definition, start_from: str | StudyResults | None, url: str
) -> WarmStart:
    """Decide what a new study tries first."""
    sampler = definition.search.sampler
    takes_proposals = sampler != "grid" and not definition.search.is_keras_tuner
    if start_from is not None and not takes_proposals:
        raise InputError(
            "start_from (--from) needs a sampler that takes proposals. "
            f'Received: sampler "{sampler}"'
        )
    if sampler == "grid":
        grid_size(definition.task_space())  # reports what is wrong with the grid
    if not takes_proposals:
        return WarmStart()
    configurations: list[KnownConfiguration] = []
    if start_from is not None:
        other = start_from
        if isinstance(other, str):
            other = StudyResults(create_or_load(other, url, StudyArguments()))
        candidates = other.best_trials(STARTING_TRIALS)
        searched = other.definition.task_space().space.settings
        configurations += configurations_of(other.name, candidates, searched)
    if definition.search.warm_start:
        configurations += known_configurations(definition, definition.task_space())
    return warm_start(definition, configurations)


def stored_definition(name: str, url: str | None) -> Definition | None:
    """Read the definition of a study; None where its creation was interrupted.

    Raises:
        InputError: the study was not created by tcn_search.
        LeaseError: another process is creating it now.
        StorageError: the study cannot be read.
    """
    with storage_errors(storage_url(url)):
        storage = open_storage(url)
        try:
            study = optuna.load_study(study_name=name, storage=storage)
        except (LookupError, TypeError, AssertionError) as error:
            if error.args == (NOT_THERE,):
                raise
            raise StorageError(
                f"The study {name!r} cannot be read: {first_line(error)}. It is damaged."
            ) from error
        definition = read_value(study, DEFINITION, "The definition", Definition.from_dict)
        if definition is not None:  # the trials are not read: thousands of them take seconds
            return definition
        with readable(study, "A value"):
            attributes = study.user_attrs
            trials = study.get_trials(deepcopy=False)
        holder = Lease(storage, name).holder()
    if trials or not set(attributes) <= _BEFORE_THE_DEFINITION:
        raise InputError(f"The study {name!r} in this storage was not created by tcn_search.")
    if holder is not None and not holder.has_ended():
        raise LeaseError(f"The study {name!r} is being created by {holder}. Try again in a moment.")
    return None


def definition_in(storage: str | None, name: str) -> Definition | None:
    """Read the definition of a study; None if there is no such study."""
    url = storage_url(storage)
    if name not in list_studies(url):
        return None
    return stored_definition(name, url)


def store_study(name: str, url: str | None, definition: Definition, start: WarmStart) -> None:
    """Store a new study, or resume an interrupted creation, while no other process does.

    Raises:
        InputError: the interrupted creation was for other objectives.
        LeaseError: another process creates the study, or has just created it.
        StorageError: the database cannot be written.
    """
    directions = [objective.direction for objective in definition.objectives]
    with storage_errors(storage_url(url)):
        storage = open_storage(url, create=True)
        with quiet_optuna():  # which logs the name of each study that it creates or loads
            study = optuna.create_study(
                study_name=name,
                storage=storage,
                directions=directions,  # type: ignore[arg-type]
                load_if_exists=True,
            )
        lease = Lease(storage, name)
        lease.take()
        try:
            if DEFINITION in study.user_attrs:
                raise LeaseError(
                    f"Another process has just created the study {name!r}. "
                    "Repeat the command to continue it."
                )
            if [direction.name.lower() for direction in study.directions] != directions:
                raise InputError(
                    f"The creation of the study {name!r} was interrupted, with other objectives. "
                    f"Remove it with {how_to_delete(name, url)}."
                )
            store_versions(study, versions_now(definition.backend))
            store_start(study, start)
            store_definition(study, definition)
        finally:
            lease.let_go()


def _check_task(task: object) -> None:
    if task is not None and not isinstance(task, Task):
        raise InputError(
            "task must be a Task, from load_task(...) or Task.from_arrays(...). "
            f"Received: {received(task)}"
        )


def _check_name(name: object) -> None:
    is_text = isinstance(name, str) and name not in ("", ".", "..")
    if not is_text or set(str(name)) & set("/\\:\0\n"):
        raise InputError(
            f"A study's name must be text that can be a folder's name. Received: {received(name)}"
        )
