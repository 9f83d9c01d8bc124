"""Load tasks by name or path."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tcn_search.arguments import plain_number, received
from tcn_search.errors import InputError
from tcn_search.formats.file_names import KNOWN, file_format
from tcn_search.tasks import tables
from tcn_search.tasks.builtin import mnist, published
from tcn_search.tasks.builtin.adding import adding
from tcn_search.tasks.builtin.copy_memory import CONTEXT_REASON, copy_memory
from tcn_search.tasks.builtin.forecast import forecast
from tcn_search.tasks.builtin.mnist import permuted_mnist, seq_mnist
from tcn_search.tasks.builtin.published import Published
from tcn_search.tasks.builtin.wav_folder import wav_folder
from tcn_search.tasks.builtin.word_ptb import CONTEXT_REASON as WORD_CONTEXT_REASON
from tcn_search.tasks.builtin.word_ptb import SCORED, WINDOW, word_ptb
from tcn_search.tasks.class_weights import with_class_weights
from tcn_search.tasks.npz_files import npz
from tcn_search.tasks.option_types import checked_option, option_types
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import name_from_file


class BuiltIn(NamedTuple):
    """A task that comes with the package.

    Attributes:
        load: loader, whose arguments are the task's options.
        shape: sequences and targets, in words.
        source: source of its data, in words.
        context: steps that it needs to see by default, and why.
        published: scores of other models on its test split.
    """

    load: Callable[..., Task]
    shape: str
    source: str
    context: str
    published: tuple[Published, ...] = ()


BUILT_IN = {
    "adding": BuiltIn(
        load=adding,
        shape="T = seq_len (default 200), 2 channels, regression",
        source="generated from a seed",
        context="T: the marked numbers may stand anywhere",
        published=published.ADDING,
    ),
    "copy_memory": BuiltIn(
        load=copy_memory,
        shape=(
            "blanks + 20 steps (default 520), 1 channel, 9 classes at each step, judged on the "
            "last 10"
        ),
        source="generated from a seed",
        context=f"blanks + 11: {CONTEXT_REASON.format(lag='blanks + 10')}",
        published=published.COPY_MEMORY,
    ),
    "seq_mnist": BuiltIn(
        load=seq_mnist,
        shape="784 steps, 1 channel, 10 classes",
        source=f"{mnist.FILE.urls[0]} ({mnist.FILE.path} in the data directory)",
        context=f"784: {mnist.CONTEXT_REASON}",
        published=published.SEQ_MNIST,
    ),
    "permuted_mnist": BuiltIn(
        load=permuted_mnist,
        shape="784 steps in a drawn order, 1 channel, 10 classes",
        source="as seq_mnist; the order is drawn from permutation_seed",
        context=f"784: {mnist.CONTEXT_REASON}",
        published=published.PERMUTED_MNIST,
    ),
    "forecast": BuiltIn(
        load=forecast,
        shape=(
            "T = look_back (default 336, less for short series), horizon = 96 steps ahead of every "
            "series"
        ),
        source="your own CSV, Parquet or data frame with a time column",
        context="the look-back: a forecast may depend on every step of it",
        published=published.FORECAST,
    ),
    "word_ptb": BuiltIn(
        load=word_ptb,
        shape=(
            f"windows of {WINDOW} words, the next of 10,000 words at each of the last {SCORED} "
            "steps"
        ),
        source="your own folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt (or .gz)",
        context=f"{SCORED}: {WORD_CONTEXT_REASON}",
        published=published.WORD_PTB,
    ),
    "wav_folder": BuiltIn(
        load=wav_folder,
        shape="T = the longest clip, one step for each 10 ms, 40 channels, classification",
        source="a folder of WAV files by class",
        context="T: the sound that decides the class may stand anywhere",
    ),
    "spoken_digits": BuiltIn(
        load=partial(wav_folder, test_recordings=5, name="spoken_digits"),
        shape="T = 229 steps of 10 ms, 40 channels, 10 classes",
        source="the folder recordings of github.com/Jakobovski/free-spoken-digit-dataset",
        context="T: the sound that decides the class may stand anywhere",
    ),
}
# Options that are paths: a study file gives them relative to itself.
PATH_OPTIONS = ("file", "test", "folder", "test_folder", "data_dir")

# By the format of a file: its loader, and the functions whose arguments are its options, beside
# those of `Task.from_arrays`.
_FILES: dict[str, tuple[Callable[..., Task], tuple[Callable[..., Task], ...]]] = {
    "npz": (npz, ()),
    "table": (tables.csv, (tables.csv,)),
    "ts": (tables.ts, (tables.ts,)),
}


def published_for(source: dict[str, Any] | None) -> tuple[Published, ...]:
    """Return the published scores for a task, given by its `Task.source`."""
    if not source or source["name"] not in BUILT_IN:
        return ()
    built_in = BUILT_IN[source["name"]]
    given = inspect.signature(built_in.load).bind(**_loader_options(source["options"]))
    given.apply_defaults()
    options = dict(given.arguments)
    if "file" in options:
        options["file"] = name_from_file(Path(options["file"])).lower()
    return tuple(result for result in built_in.published if result.holds_for(options))


def load_task(name: str | Path, **options: Any) -> Task:
    """Load a built-in task, a problem of the UCR/UEA archive, or the data of a file.

    Args:
        name: name of the task or problem, or path to an .npz, .csv, .tsv or .ts.
        options: options of the task, such as `seq_len` for "adding", or `kind` and
            `validation_fraction` for a file; `class_weights` for every task with classes.

    Raises:
        InputError: an unknown name (with the nearest known one), an unknown option, or data that
            cannot be used.
    """
    if not isinstance(name, str | Path) or not str(name):
        raise InputError(f"A task's name must be a text or a path. Received: {received(name)}")
    is_file = str(name) not in BUILT_IN and (
        Path(name).suffix != "" or "/" in str(name) or "\\" in str(name)
    )
    if is_file:
        task = _load_file(Path(name), _loader_options(options))
        stored_name = str(Path(name).resolve())
    else:
        task = _load_named(str(name), _loader_options(options))
        stored_name = str(name)
    if "class_weights" in options:
        task = with_class_weights(task, options["class_weights"])
    stored_options: dict[str, Any] = {}
    if not isinstance(options.get("file", ""), str | Path):  # a data frame cannot be loaded again
        return task
    for option, value in options.items():
        if option in PATH_OPTIONS and isinstance(value, str | Path):
            stored_options[option] = str(Path(value).resolve())
        else:
            stored_options[option] = plain_number(value)
    return replace(task, source={"name": stored_name, "options": stored_options})


def _loader_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of the loader itself: `class_weights` are set afterwards."""
    return {option: value for option, value in options.items() if option != "class_weights"}


def _load_file(path: Path, options: dict[str, Any]) -> Task:
    checked_option("task.name", path, Path)
    file_kind = file_format(path)
    if file_kind == "parquet":
        raise InputError(
            f"A .parquet holds series to forecast: give a horizon with it (--horizon, or the task "
            f"forecast). Received: {path}"
        )
    if not file_kind:
        raise InputError(f"A task's file must be {KNOWN}. Received: {path}")
    load, described_by = _FILES[file_kind]
    return _call(
        partial(load, path), str(path), options, described_by=(*described_by, Task.from_arrays)
    )


def _load_named(name: str, options: dict[str, Any]) -> Task:
    if name in BUILT_IN:
        load = BUILT_IN[name].load
        return _call(load, name, options, described_by=(load,))
    return _load_ucr(name, options)


def _load_ucr(name: str, options: dict[str, Any]) -> Task:
    from tcn_search.tasks.builtin import ucr

    try:
        problem = ucr.find_problem(name)
    except ImportError as error:
        raise InputError(
            f"There is no built-in task {name!r} (there is: {', '.join(BUILT_IN)}). For the "
            "UCR/UEA archive install the extra: pip install 'tcn-search[ucr]'."
        ) from error
    if problem is None:
        known = [*BUILT_IN, *(known.lower() for known in ucr.problem_names())]
        near = difflib.get_close_matches(name.lower(), known, n=1)
        hint = "For your own data give the path to a file."
        if near:
            hint = f"Did you mean {near[0]!r}?"
        raise InputError(f"There is no task {name!r}. {hint}")
    return _call(partial(ucr.ucr, problem), name, options, described_by=(ucr.ucr,))


def _call(
    load: Callable[..., Task],
    name: str,
    options: dict[str, Any],
    described_by: tuple[Callable[..., Any], ...],
) -> Task:
    """Call a loader with options of the types that it declares.

    Args:
        load: the loader, with its path or problem.
        name: name of the task in errors.
        options: options by name.
        described_by: functions whose arguments are the options, with their types.

    Raises:
        InputError: an unknown option (with the known ones), a missing one, or one of another type.
    """
    arrays = ("X_", "y_", "lengths_", "groups_")
    accepted = {
        parameter: option_types(function).get(parameter, Any)
        for function in described_by
        for parameter in inspect.signature(function).parameters
        if parameter not in ("problem", "path", "name", "class_names", "options")
        and not parameter.startswith(arrays)
    }
    for option in options:
        if option not in accepted:
            raise InputError(
                f"Task {name!r} has no option {option!r}. It has: {', '.join(accepted)}."
            )
    for parameter in inspect.signature(load).parameters.values():
        needed = (
            parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
        )
        if needed and parameter.name not in options:
            raise InputError(
                f"Task {name!r} needs the option {parameter.name}: {BUILT_IN[name].source}."
            )
    checked = {
        option: checked_option(option, value, accepted[option]) for option, value in options.items()
    }
    return load(**checked)
