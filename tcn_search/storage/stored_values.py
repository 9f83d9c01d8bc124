"""Read what a study has stored; a damaged value, or one of another version, is an error of one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, TypeVar

import optuna
from pydantic import ConfigDict, ValidationError

import tcn_search
from tcn_search.errors import InputError, first_line

VERSIONS = "versions"  # user attribute of a study
NOT_THERE = "Record does not exist."  # Optuna's word for a study or trial that has been deleted
_PACKAGE = "tcn-search"
_T = TypeVar("_T")

STRICT = ConfigDict(strict=True, extra="forbid")


@contextmanager
def readable(study: optuna.Study, what: str) -> Iterator[None]:
    """Turn whatever reading a stored value raises into one line that names the study and its version."""
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
        what = "A value" if isinstance(error, JSONDecodeError) else what
        raise InputError(
            f"{what} of the study {study.study_name!r} cannot be read: {_reason(error)}. {_whose(study)} "
            "tcn_search.delete_study, with its name and storage, removes the study."
        ) from error


def read_value(study: optuna.Study, key: str, what: str, convert: Callable[[Any], _T]) -> _T | None:
    """Read a user attribute of a study; None if it has none of that name.

    Args:
        what: the attribute's name in an error.
        convert: from plain values; raises what it likes where they are others than it knows.
    """
    with readable(study, what):
        stored = study.user_attrs.get(key)
        return None if stored is None else convert(stored)


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        found = error.errors(include_url=False)[0]
        place = ".".join(map(str, found["loc"]))
        return f"{place + ': ' if place else ''}{found['msg'].rstrip('.')}"
    if isinstance(error, JSONDecodeError):
        return f"it is no JSON ({error})"
    if isinstance(error, KeyError):
        return f"it has no {error.args[0]!r}" if error.args else "it lacks a field"
    return first_line(error).rstrip(".")


def _whose(study: optuna.Study) -> str:
    """Who made the study, as far as it can be told."""
    try:
        version = study.user_attrs[VERSIONS][_PACKAGE]
    except (ValueError, TypeError, LookupError, RecursionError):
        version = tcn_search.__version__
    if version == tcn_search.__version__:
        return "It is damaged, or of another version of tcn_search."
    return f"The study was made by tcn_search {version}; this is {tcn_search.__version__}."
