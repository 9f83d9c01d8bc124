"""Differences between a stored study and a run's arguments: refuse or record them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import optuna
from pydantic import BaseModel, ConfigDict, TypeAdapter

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.search.definition import Definition
from tcn_search.space.dimensions import Range
from tcn_search.storage.stored_values import STRICT, VERSIONS, read_value

# User attributes of a study.
DEFINITION = "tcn_search"
CHANGES = "changes"
HOW_TO_CHANGE = (
    "Give the new study another name (--set name=NAME), delete the old one with "
    "tcn_search.delete_study, or accept the changes with --allow-changes (allow_changes=True): "
    "they are recorded, and earlier scores stay as they are."
)
_PACKAGES = ("tcn-search", "keras", "optuna", "numpy")
_STORED_VERSIONS = TypeAdapter(dict[str, str], config=ConfigDict(strict=True))


class _StoredChange(BaseModel):
    """An accepted change as it is stored."""

    model_config = STRICT
    when: str
    what: list[str]


_STORED_CHANGES = TypeAdapter(list[_StoredChange])


def require_same(name: str, differences: list[str]) -> None:
    """Raise an InputError with the differences, if there are any."""
    if differences:
        raise InputError(
            f"There is a study {name!r} already, with another definition: "
            f"{'; '.join(differences)}. {HOW_TO_CHANGE}"
        )


def require_changeable(name: str, stored: Definition, given: Definition) -> None:
    """Raise an InputError for differences that cannot be allowed.

    Choices and objectives cannot change, because Optuna keeps them; folds cannot, because a mean of
    folds does not compare with a single score, nor the fraction, because trials on more data do not
    compare with trials on less.
    """
    fixed = [
        f"search.{key}"
        for key in ("objectives", "folds", "fraction")
        if getattr(stored.search, key) != getattr(given.search, key)
    ]
    dimensions = _changed_dimensions(stored, given)
    fixed += [f"space.{key}" for key in dimensions]
    fixed += [
        f"space.{key} (of which the constraints allow others)"
        for key in _changed_choices(stored, given)
        if key not in dimensions
    ]
    if fixed:
        raise InputError(
            f"The study {name!r} cannot go on with other choices, objectives, folds or fraction: "
            f"{', '.join(fixed)}. Give the new study another name; it can begin with the best of "
            f"this one: --from {name} (start_from={name!r})."
        )


def _changed_dimensions(stored: Definition, given: Definition) -> list[str]:
    """List the dimensions whose kind, or whose list of choices, differs."""
    before = stored.space.to_dict()
    now = given.space.to_dict()
    changed = []
    for key in sorted({*before, *now}):
        kind_before = _kind(before.get(key))
        kind_now = _kind(now.get(key))
        if kind_before is None or kind_now is None:
            continue
        if kind_before != kind_now or (kind_now == "choice" and before[key] != now[key]):
            changed.append(key)
    return changed


def _changed_choices(stored: Definition, given: Definition) -> list[str]:
    """List the hyperparameters of which other choices can be feasible.

    Only these are given to Optuna, so that constraints change a list of choices as well.
    """
    stored_space = stored.task_space()
    given_space = given.task_space()
    before = stored_space.choices()
    now = given_space.choices()
    return [
        key
        for key in sorted({*before} & {*now})
        if before[key] != now[key] and min(len(before[key]), len(now[key])) > 1
    ]


def _kind(dimension: Any) -> str | None:
    """Return what Optuna sees in a dimension; None where the dimension is fixed or missing.

    Args:
        dimension: as it is written in a study file.
    """
    if isinstance(dimension, Mapping):
        given = Range(**dimension)
        kind = "integers" if given.is_integer else "numbers"
        if given.log:
            kind += " on a logarithm"
        return kind
    if isinstance(dimension, list) and len(dimension) > 1:
        return "choice"
    return None


def model_now(name: str, model: ModelFunction) -> ModelFunction:
    """Return the model function with its source as it is now.

    Raises:
        InputError: the file is not there; says what to do.
    """
    try:
        return model.as_it_is_now()
    except InputError as error:
        raise InputError(
            f"{error} The study {name!r} needs it; if it is elsewhere now, give it again: "
            f'model_fn="FILE.py:{model.name}".'
        ) from error


def require_same_model(name: str, definition: Definition) -> None:
    """Raise an InputError if the study's trials were trained with another source of the model."""
    if definition.model is not None and model_now(name, definition.model) != definition.model:
        raise InputError(
            f"The source of {definition.model} is not what the study {name!r} was made with. "
            f"{HOW_TO_CHANGE}"
        )


def versions_now(backend: str) -> dict[str, str]:
    """Return versions of Python, tcn_search and the packages that decide a training's result."""
    versions = {"python": platform.python_version()}
    for package in (*_PACKAGES, backend):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # a backend from another distribution: tensorflow-cpu
            continue
    return versions


def version_differences(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """List packages whose major or minor version differs, a line each.

    >>> stored = {"keras": "3.15.1", "optuna": "5.0.0"}
    >>> version_differences(stored, {"keras": "3.16.0", "optuna": "5.0.2"})
    ['keras: 3.15.1 in the study, 3.16.0 now']
    """
    return [
        f"{name}: {stored[name]} in the study, {now[name]} now"
        for name in stored
        if name in now and stored[name].split(".")[:2] != now[name].split(".")[:2]
    ]


def stored_versions(study: optuna.Study) -> dict[str, str]:
    """Read the versions that the study was created with, or that were accepted last."""
    return read_value(study, VERSIONS, "The versions", _STORED_VERSIONS.validate_python) or {}


def store_versions(study: optuna.Study, versions: Mapping[str, str]) -> None:
    """Store versions by package."""
    study.set_user_attr(VERSIONS, dict(versions))


def store_definition(study: optuna.Study, definition: Definition) -> None:
    """Store the definition of a study."""
    study.set_user_attr(DEFINITION, definition.to_dict())


def record_changes(study: optuna.Study, differences: list[str]) -> None:
    """Add accepted differences to the study's record, with the present time."""
    entry = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "what": differences}
    study.set_user_attr(CHANGES, [*recorded_changes(study), entry])


def recorded_changes(study: optuna.Study) -> list[dict[str, Any]]:
    """Read every accepted change, oldest first: {"when": ISO 8601 in UTC, "what": [lines]}."""
    return read_value(study, CHANGES, "The changes", _read_changes) or []


def _read_changes(values: Any) -> list[dict[str, Any]]:
    return [change.model_dump() for change in _STORED_CHANGES.validate_python(values)]
