"""Read the values that a study has stored.

A damaged value, or one that another version wrote, raises an error of one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, TypeVar

import optuna
from pydantic import ConfigDict, ValidationError

import tcn_search
from tcn_search.errors import StorageError, first_line

VERSIONS = "versions"  # user attribute of a study
NOT_THERE = "Record does not exist."  # Optuna's text for a study or trial that was deleted
_PACKAGE = "tcn-search"
_T = TypeVar("_T")

STRICT = ConfigDict(strict=True, extra="forbid")


@contextmanager
def readable(study: optuna.Study, value_name: str) -> Iterator[None]:
    """Turn any error of reading a stored value into one line.

    Args:
        value_name: name of the value in the error, such as "Trial 3".

    Raises:
        StorageError: names the value, the study and the version that made it.
    """
    try:
        yield
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        RecursionError,
    ) as error:
        if isinstance(error, KeyError) and error.args == (NOT_THERE,):
            raise
        if isinstance(error, JSONDecodeError):  # Optuna reads several values at once
            value_name = "A value"
        raise StorageError(
            f"{value_name} of the study {study.study_name!r} cannot be read: {_reason(error)}. "
            f"{_origin(study)} tcn_search.delete_study, with its name and storage, removes the "
            "study."
        ) from error


def read_value(
    study: optuna.Study, key: str, value_name: str, convert: Callable[[Any], _T]
) -> _T | None:
    """Return a converted user attribute of a study; None if the study has no such attribute.

    Args:
        key: the attribute's stored name.
        value_name: name of the value in errors.
        convert: turns the stored JSON value into the result; may raise any error that `readable`
            catches.

    Raises:
        StorageError: the value cannot be read.
    """
    with readable(study, value_name):
        stored = study.user_attrs.get(key)
        return None if stored is None else convert(stored)


def _reason(error: Exception) -> str:
    """Return why a value cannot be read, without a full stop."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        message = first["msg"].rstrip(".")
        field = ".".join(map(str, first["loc"]))
        return f"{field}: {message}" if field else message
    if isinstance(error, JSONDecodeError):
        return f"it is no JSON ({error})"
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}" if error.args else "it lacks a field"
    return first_line(error).rstrip(".")


def _origin(study: optuna.Study) -> str:
    """Return a sentence about the version that made a study, as far as it is known."""
    try:
        version = study.user_attrs[VERSIONS][_PACKAGE]
    except (ValueError, TypeError, LookupError, RecursionError):
        version = tcn_search.__version__
    if version == tcn_search.__version__:
        return "It is damaged, or of another version of tcn_search."
    return f"The study was made by tcn_search {version}; this is {tcn_search.__version__}."
