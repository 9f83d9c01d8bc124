"""Read the values that a study has stored.

A damaged value, or one that another version wrote, raises an error of one line.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, TypeVar

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import BaseModel, ConfigDict, ValidationError

import tcn_search
from tcn_search.errors import StorageError, first_line
from tcn_search.planning.architecture import Architecture

VERSIONS = "versions"  # user attribute of a study
NOT_THERE = "Record does not exist."  # Optuna's text for a study or trial that was deleted
_PACKAGE = "tcn-search"
_T = TypeVar("_T")

STRICT = ConfigDict(strict=True, extra="forbid")


class _Result(BaseModel):
    """What is kept of a `TrialOutcome`."""

    model_config = ConfigDict(strict=True)
    ended: str
    score: float | None = None
    best_epoch: int = 0
    curve: list[dict[str, float]] = []
    parameters: int | None = None
    seconds: dict[str, float] = {}
    reason: str = ""
    latency: float | None = None
    machine: str = ""
    folds: list[dict[str, float]] = []
    settings: dict[str, Any] | None = None


class _Attributes(BaseModel):
    """User attributes of a trial; others than these are not looked at."""

    model_config = ConfigDict(strict=True)
    result: _Result | None = None
    architecture: dict[str, Any] | None = None
    infeasible: str = ""
    epoch: int = 0
    epochs: int = 0
    planned: str | None = None
    queued: dict[str, Any] = {}
    retry_of: int = 0


@contextmanager
def readable(study: optuna.Study, what: str) -> Iterator[None]:
    """Turn any error of reading a stored value into one line.

    Args:
        what: name of the value in the error, such as "Trial 3".

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
            what = "A value"
        raise StorageError(
            f"{what} of the study {study.study_name!r} cannot be read: {_reason(error)}. "
            f"{_origin(study)} tcn_search.delete_study, with its name and storage, removes the "
            "study."
        ) from error


def read_value(study: optuna.Study, key: str, what: str, convert: Callable[[Any], _T]) -> _T | None:
    """Return a user attribute of a study; None if the study has none of this name.

    Args:
        key: the attribute's stored name.
        what: the attribute's name in an error.
        convert: makes the result of the stored JSON value; may raise any error of `readable`.

    Raises:
        StorageError: the value cannot be read.
    """
    with readable(study, what):
        stored = study.user_attrs.get(key)
        return None if stored is None else convert(stored)


def read_trials(study: optuna.Study, objectives: int, checked: set[int]) -> list[FrozenTrial]:
    """Read all trials of a study; what Optuna has in its cache is not to be changed.

    The garbage collector rests meanwhile: none of the objects is garbage, and to look through those of
    thousands of trials again and again would take as long as reading them.

    Args:
        objectives: values that a complete trial has.
        checked: numbers of the finished trials that need no further check; those of this call are added.
    """
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        with readable(study, "A trial"):
            trials = study.get_trials(deepcopy=False)
    finally:
        if is_collecting:
            gc.enable()
    for trial in trials:
        if trial.number not in checked:
            with readable(study, f"Trial {trial.number}"):
                _check(trial, objectives)
            if trial.state.is_finished():
                checked.add(trial.number)
    return trials


def _check(trial: FrozenTrial, objectives: int) -> None:
    attributes = _Attributes.model_validate(trial.user_attrs)
    if attributes.architecture is not None:
        Architecture.from_dict(attributes.architecture)
    if trial.state is TrialState.COMPLETE:
        for name in ("architecture", "result"):
            if trial.user_attrs.get(name) is None:
                raise KeyError(name)
        if len(trial.values) != objectives:
            raise ValueError(f"it has {len(trial.values)} values for {objectives} objectives")
        if not all(math.isfinite(value) for value in trial.values):
            raise ValueError("a value is no finite number")


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
