"""Finds a task by its name or path."""

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


class BuiltIn(NamedTuple):
    """A task that comes with the package.

    Attributes:
        shape: sequences and targets, in words.
        source: where its data comes from.
        context: steps that it needs to see by default, and why.
        published: what others reached on its test part.
    """

    load: Callable[..., Task]
    shape: str
    source: str
    context: str
    published: tuple[Published, ...] = ()


BUILT_IN = {
    "adding": BuiltIn(
        adding,
        "T = seq_len (default 200), 2 channels, regression",
        "generated from a seed",
        "T: the marked numbers may stand anywhere",
        published.ADDING,
    ),
    "copy_memory": BuiltIn(
        copy_memory,
        "blanks + 20 steps (default 520), 1 channel, 9 classes at each step, judged on the last 10",
        "generated from a seed",
        f"blanks + 11: {CONTEXT_REASON.format(lag='blanks + 10')}",
        published.COPY_MEMORY,
    ),
    "seq_mnist": BuiltIn(
        seq_mnist,
        "784 steps, 1 channel, 10 classes",
        f"{mnist.FILE.urls[0]} ({mnist.FILE.path} in the data directory)",
        f"784: {mnist.CONTEXT_REASON}",
        published.SEQ_MNIST,
    ),
    "permuted_mnist": BuiltIn(
        permuted_mnist,
        "784 steps in a drawn order, 1 channel, 10 classes",
        "as seq_mnist; the order is drawn from permutation_seed",
        f"784: {mnist.CONTEXT_REASON}",
        published.PERMUTED_MNIST,
    ),
    "forecast": BuiltIn(
        forecast,
        "T = look_back (default 336), horizon = 96 steps ahead of every series",
        "a CSV of yours with a time column",
        "the look-back: all that is given is to be seen",
        published.FORECAST,
    ),
    "word_ptb": BuiltIn(
        word_ptb,
        f"windows of {WINDOW} words, the next of 10,000 words at each of the last {SCORED} steps",
        "a folder of yours with ptb.train.txt, ptb.valid.txt and ptb.test.txt (or .gz)",
        f"{SCORED}: {WORD_CONTEXT_REASON}",
        published.WORD_PTB,
    ),
    "wav_folder": BuiltIn(
        wav_folder,
        "T = the longest clip over downsample, classification",
        "a folder of WAV files by class",
        "T: what tells the class may stand anywhere",
    ),
    "spoken_digits": BuiltIn(
        partial(wav_folder, test_recordings=5, name="spoken_digits"),
        "T = 18,262 samples over downsample, 10 classes",
        "the folder recordings of github.com/Jakobovski/free-spoken-digit-dataset",
        "T: what tells the class may stand anywhere",
    ),
}
# Options that are paths: a study file gives them relative to itself.
PATH_OPTIONS = ("file", "test", "folder", "test_folder", "data_dir")


_FILES: dict[str, tuple[Callable[..., Task], tuple[Callable[..., Task], ...]]] = {
    "npz": (npz, ()),
    "table": (tables.csv, (tables.csv,)),
    "ts": (tables.ts, (tables.ts,)),
}


def published_for(source: dict[str, Any] | None) -> tuple[Published, ...]:
    """What others reached on the task that `source`, {"name", "options"}, names."""
    built_in = BUILT_IN.get(source["name"]) if source else None
    if source is None or built_in is None:
        return ()
    own = {key: value for key, value in source["options"].items() if key != "class_weights"}
    given = inspect.signature(built_in.load).bind(**own)
    given.apply_defaults()
    options = dict(given.arguments)
    if "file" in options:
        options["file"] = Path(options["file"]).name.partition(".")[0].lower()
    return tuple(known for known in built_in.published if known.holds_for(options))


def load_task(name: str | Path, **options: Any) -> Task:
    """A built-in task, a problem of the UCR/UEA archive, or a path to an .npz, .csv or .ts.

    `options` are the task's own, such as `seq_len` for "adding", `kind` or `validation_fraction` for a file.

    Raises:
        InputError: an unknown name (with the nearest known one), an unknown option, data that cannot be used.
    """
    if not isinstance(name, str | Path) or not str(name):
        raise InputError(f"A task's name must be a text or a path. Received: {received(name)}")
    is_file = str(name) not in BUILT_IN and (
        Path(name).suffix != "" or "/" in str(name) or "\\" in str(name)
    )
    own = {key: value for key, value in options.items() if key != "class_weights"}
    task = _load_file(Path(name), own) if is_file else _load_named(str(name), own)
    if "class_weights" in options:
        task = with_class_weights(task, options["class_weights"])
    placed = {
        key: str(Path(value).resolve())
        for key, value in options.items()
        if key in PATH_OPTIONS and isinstance(value, str | Path)
    }
    options = {key: plain_number(value) for key, value in options.items()}
    source = {
        "name": str(Path(name).resolve()) if is_file else str(name),
        "options": {**options, **placed},
    }
    return replace(task, source=source)


def _load_file(path: Path, options: dict[str, Any]) -> Task:
    checked_option("task.name", path, Path)
    found = file_format(path)
    if not found:
        raise InputError(f"A task's file must be {KNOWN}. Received: {path}")
    load, own = _FILES[found]
    return _with_options(partial(load, path), str(path), options, also=(*own, Task.from_arrays))


def _load_named(name: str, options: dict[str, Any]) -> Task:
    if name in BUILT_IN:
        return _with_options(BUILT_IN[name].load, name, options)
    return _load_ucr(name, options)


def _load_ucr(name: str, options: dict[str, Any]) -> Task:
    from tcn_search.tasks.builtin import ucr

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
        hint = (
            f" Did you mean {near[0]!r}?" if near else " For your own data give the path to a file."
        )
        raise InputError(f"There is no task {name!r}.{hint}")
    return _with_options(lambda **given: ucr.ucr(problem, **given), name, options, also=(ucr.ucr,))


def _with_options(
    load: Callable[..., Task],
    name: str,
    options: dict[str, Any],
    also: tuple[Callable[..., Any], ...] = (),
) -> Task:
    """Call `load`; an option that it does not have is an InputError that names those it has."""
    arrays = ("X_", "y_", "lengths_", "groups_")
    accepted = {
        parameter: option_types(described).get(parameter, Any)
        for described in also or (load,)
        for parameter in inspect.signature(described).parameters
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
    return load(
        **{
            option: checked_option(option, value, accepted[option])
            for option, value in options.items()
        }
    )
