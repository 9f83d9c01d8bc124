"""A study's definition in its storage: written once, at the end of its making, so that a killed one can be finished."""

from __future__ import annotations

import optuna

from tcn_search.errors import InputError, LeaseError, StorageError, first_line
from tcn_search.search.definition import Definition
from tcn_search.search.queue import START, store
from tcn_search.search.warm_start import WarmStart
from tcn_search.storage.connection import open_storage, storage_errors
from tcn_search.storage.lease import KEY as LEASE
from tcn_search.storage.lease import Lease
from tcn_search.storage.stored_values import NOT_THERE, VERSIONS, read_value, readable
from tcn_search.storage.studies import how_to_delete
from tcn_search.storage.urls import storage_url
from tcn_search.study.changes import store_versions, versions_now

_DEFINITION = "tcn_search"  # user attributes of an Optuna study
_BEFORE_IT = {LEASE, VERSIONS, START}


def stored_definition(name: str, url: str | None) -> Definition | None:
    """The definition of a study that is in the storage; None where its making was cut short.

    Raises:
        InputError: the study was not made by tcn_search.
        LeaseError: another process is making it now.
        StorageError: it cannot be read.
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
        definition = read_value(study, _DEFINITION, "The definition", Definition.from_dict)
        if definition is not None:  # thousands of trials take seconds to read
            return definition
        with readable(study, "A value"):
            attributes = study.user_attrs
            trials = study.get_trials(deepcopy=False)
        holder = Lease(storage, name).holder()
    if trials or not set(attributes) <= _BEFORE_IT:
        raise InputError(f"The study {name!r} in this storage was not made by tcn_search.")
    if holder is not None and not holder.has_ended():
        raise LeaseError(f"The study {name!r} is being made by {holder}. Try again in a moment.")
    return None


def make_study(name: str, url: str | None, definition: Definition, start: WarmStart) -> None:
    """Write a new study, or finish what a killed process has begun, while no other process does.

    Raises:
        InputError: what was begun had other objectives.
        LeaseError: another process makes it, or has just made it.
        StorageError: the database cannot be written.
    """
    directions = [objective.direction for objective in definition.objectives]
    with storage_errors(storage_url(url)):
        storage = open_storage(url, create=True)
        study = optuna.create_study(
            study_name=name,
            storage=storage,
            directions=directions,  # type: ignore[arg-type]
            load_if_exists=True,
        )
        lease = Lease(storage, name)
        lease.take()
        try:
            if _DEFINITION in study.user_attrs:
                raise LeaseError(
                    f"Another process has just made the study {name!r}. The same command finds it now."
                )
            if [direction.name.lower() for direction in study.directions] != directions:
                raise InputError(
                    f"The making of the study {name!r} was cut short, with other objectives. Remove it with "
                    f"{how_to_delete(name, url)}."
                )
            store_versions(study, versions_now(definition.backend))
            store(study, start)
            store_definition(study, definition)
        finally:
            lease.let_go()


def store_definition(study: optuna.Study, definition: Definition) -> None:
    study.set_user_attr(_DEFINITION, definition.to_dict())
