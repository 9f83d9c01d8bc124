"""Finds a task by its name or path."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tcn_search.errors import InputError
from tcn_search.tasks.adding import adding
from tcn_search.tasks.files import npz
from tcn_search.tasks.forecast import forecast
from tcn_search.tasks.speech import wav_folder
from tcn_search.tasks.task import Task


class BuiltIn(NamedTuple):
    """A task that comes with the package."""

    load: Callable[..., Task]
    shape: str
    source: str


BUILT_IN = {
    "adding": BuiltIn(adding, "T = seq_len (default 200), 2 channels, regression", "generated from a seed"),
    "forecast": BuiltIn(
        forecast,
        "T = look_back (default 336), horizon = 96 steps ahead of every series",
        "a CSV of yours with a time column",
    ),
    "wav_folder": BuiltIn(
        wav_folder,
        "T = the longest clip over downsample, classification",
        "a folder of WAV files by class",
    ),
    "spoken_digits": BuiltIn(
        partial(wav_folder, test_recordings=5, name="spoken_digits"),
        "T = 18,262 samples over downsample, 10 classes",
        "the folder recordings of github.com/Jakobovski/free-spoken-digit-dataset",
    ),
}
# Options that are paths: a study file gives them relative to itself.
PATH_OPTIONS = ("file", "folder", "test_folder")


def load_task(name: str | Path, **options: Any) -> Task:
    """A built-in task, a problem of the UCR/UEA archive, or a path to an .npz.

    `options` are the task's own, such as `seq_len` for "adding", `kind` or `validation_fraction` for a file.

    Raises:
        InputError: an unknown name (with the nearest known one), an unknown option, data that cannot be used.
    """
    is_file = str(name) not in BUILT_IN and (Path(name).suffix != "" or "/" in str(name) or "\\" in str(name))
    task = _load_file(Path(name), options) if is_file else _load_named(str(name), options)
    placed = {key: str(Path(value).resolve()) for key, value in options.items() if key in PATH_OPTIONS}
    source = {"name": str(Path(name).resolve()) if is_file else str(name), "options": {**options, **placed}}
    return replace(task, source=source)


def _load_file(path: Path, options: dict[str, Any]) -> Task:
    if path.suffix != ".npz":
        raise InputError(f"A task's file must be an .npz with X_train and y_train. Received: {path}")
    return _with_options(lambda **given: npz(path, **given), str(path), options, also=Task.from_arrays)


def _load_named(name: str, options: dict[str, Any]) -> Task:
    if name in BUILT_IN:
        return _with_options(BUILT_IN[name].load, name, options)
    return _load_ucr(name, options)


def _load_ucr(name: str, options: dict[str, Any]) -> Task:
    from tcn_search.tasks import ucr

    try:
        problem = ucr.find_problem(name)
    except ImportError as error:
        raise InputError(
            f"There is no built-in task {name!r} (there is: {', '.join(BUILT_IN)}). For the UCR/UEA archive "
            f"install the extra: pip install 'tcn-search[ucr]'."
        ) from error
    if problem is None:
        known = [*BUILT_IN, *(known.lower() for known in ucr.problem_names())]
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else " For your own data give the path to an .npz."
        raise InputError(f"There is no task {name!r}.{hint}")
    return _with_options(lambda **given: ucr.ucr(problem, **given), name, options, also=ucr.ucr)


def _with_options(
    load: Callable[..., Task], name: str, options: dict[str, Any], also: Callable[..., Any] | None = None
) -> Task:
    """Call `load`; an option that it does not have is an InputError that names those it has."""
    arrays = ("X_", "y_", "lengths_", "groups_")
    accepted = [
        parameter
        for parameter in inspect.signature(also or load).parameters
        if parameter not in ("problem", "path", "name", "class_names") and not parameter.startswith(arrays)
    ]
    for option in options:
        if option not in accepted:
            raise InputError(f"Task {name!r} has no option {option!r}. It has: {', '.join(accepted)}.")
    for parameter in inspect.signature(load).parameters.values():
        needed = parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        if needed and parameter.name not in options:
            raise InputError(f"Task {name!r} needs the option {parameter.name}: {BUILT_IN[name].source}.")
    return load(**options)
