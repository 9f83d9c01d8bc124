"""Read what a study has stored; a damaged value, or one of another version, is an error of one line."""

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
from tcn_search.errors import InputError, first_line
from tcn_search.planning.architecture import Architecture

VERSIONS = "versions"  # user attribute of a study
NOT_THERE = "Record does not exist."  # Optuna's word for a study or trial that has been deleted
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
