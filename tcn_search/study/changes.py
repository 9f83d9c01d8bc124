"""What may change between two runs of a study, and the record of what did."""

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
_BY_PACKAGE = TypeAdapter(dict[str, str], config=ConfigDict(strict=True))
_PACKAGES = ("tcn-search", "keras", "optuna", "numpy")
HOW_TO = (
    "Give the new study another name, delete the old one with tcn_search.delete_study, or accept the changes with "
    "--allow-changes (allow_changes=True): they are recorded, and earlier scores stay as they are."
)


class _Change(BaseModel):
    """One accepted change as it is stored."""

    model_config = STRICT
    when: str
    what: list[str]


_CHANGE_LIST = TypeAdapter(list[_Change])


def require_same(name: str, differences: list[str]) -> None:
    """Raise an InputError with the differences, if there are any."""
    if differences:
        raise InputError(
            f"There is a study {name!r} already, with another definition: {'; '.join(differences)}. {HOW_TO}"
        )


def require_changeable(name: str, stored: Definition, given: Definition) -> None:
    """Raise an InputError for what cannot change, whatever is allowed: Optuna keeps choices and objectives.

    Nor can folds, for a mean of folds does not compare with a single score.
    """
    fixed = [
        f"search.{key}"
        for key in ("objectives", "folds")
        if getattr(stored.search, key) != getattr(given.search, key)
    ]
    ours = stored.space.to_dict()
    theirs = given.space.to_dict()
    for key in sorted({*ours, *theirs}):
        kinds = [_kind(ours.get(key)), _kind(theirs.get(key))]
        both_are_choices = kinds == ["choice", "choice"]
        if None not in kinds and (
            kinds[0] != kinds[1] or (both_are_choices and ours[key] != theirs[key])
        ):
            fixed.append(f"space.{key}")
    # Of these only what can be feasible is ever asked for, so that constraints change them as well.
    before, after = (
        space.geometry.choices(space.narrow) for space in (stored.task_space(), given.task_space())
    )
    for key in sorted({*before} & {*after}):
        if (
            min(len(before[key]), len(after[key])) > 1
            and before[key] != after[key]
            and f"space.{key}" not in fixed
        ):
            fixed.append(f"space.{key} (of which the constraints allow others)")
    if fixed:
        raise InputError(
            f"The study {name!r} cannot go on with other choices, objectives or folds: {', '.join(fixed)}. Give the "
            f"new study another name; it can begin with the best of this one: --from {name} (start_from={name!r})."
        )


def _kind(dimension: Any) -> str | None:
    """What Optuna sees in a dimension as it is written in a study file; None where it is not asked for."""
    if isinstance(dimension, Mapping):
        made = Range(**dimension)
        return ("integers" if made.is_integer else "numbers") + " on a logarithm" * made.log
    return "choice" if isinstance(dimension, list) and len(dimension) > 1 else None


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
    """Raise an InputError if the source is not what the study's trials were made with."""
    if definition.model is not None and model_now(name, definition.model) != definition.model:
        raise InputError(
            f"The source of {definition.model} is not what the study {name!r} was made with. "
            f"{HOW_TO}"
        )


def versions_now(backend: str) -> dict[str, str]:
    """Of Python, of us, and of the packages that decide what a training gives."""
    found = {"python": platform.python_version()}
    for package in (*_PACKAGES, backend):
        try:
            found[package] = version(package)
        except (
            PackageNotFoundError
        ):  # a backend under another distribution's name, such as tensorflow-cpu
            continue
    return found


def version_differences(stored: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Packages whose major or minor version is another one, a line each.

    >>> version_differences({"keras": "3.15.1", "optuna": "5.0.0"}, {"keras": "3.16.0", "optuna": "5.0.2"})
    ['keras: 3.15.1 in the study, 3.16.0 now']
    """
    return [
        f"{name}: {stored[name]} in the study, {now[name]} now"
        for name in stored
        if name in now and stored[name].split(".")[:2] != now[name].split(".")[:2]
    ]


def stored_versions(study: optuna.Study) -> dict[str, str]:
    """The versions that the study was made with, or that were accepted last."""
    return read_value(study, VERSIONS, "The versions", _BY_PACKAGE.validate_python) or {}


def store_versions(study: optuna.Study, versions: Mapping[str, str]) -> None:
    study.set_user_attr(VERSIONS, dict(versions))


def store_definition(study: optuna.Study, definition: Definition) -> None:
    """Store the definition of a study."""
    study.set_user_attr(DEFINITION, definition.to_dict())


def record_changes(study: optuna.Study, differences: list[str]) -> None:
    """Add what was accepted now to the study's record."""
    entry = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "what": differences}
    study.set_user_attr(CHANGES, [*recorded_changes(study), entry])


def recorded_changes(study: optuna.Study) -> list[dict[str, Any]]:
    """Every accepted change: {"when": ISO 8601 in UTC, "what": [a line each]}, oldest first."""
    return read_value(study, CHANGES, "The changes", _changes_in) or []


def _changes_in(values: Any) -> list[dict[str, Any]]:
    return [change.model_dump() for change in _CHANGE_LIST.validate_python(values)]
