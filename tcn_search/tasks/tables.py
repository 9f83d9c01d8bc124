"""Load tasks from .csv, .tsv and .ts files; a second file is the test split."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import join_names
from tcn_search.formats.inputs import CHANNELS_STEPS, STEPS_CHANNELS
from tcn_search.formats.sequence_tables import (
    FileSequences,
    read_sequences,
    read_sequences_like,
)
from tcn_search.formats.table_columns import Columns
from tcn_search.formats.table_layout import TableFormat
from tcn_search.formats.target_columns import read_targets
from tcn_search.formats.ts_files import read_ts
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import name_from_file


def csv(
    path: str | Path,
    test: str | Path | None = None,
    target: str | Sequence[str] | None = None,
    sequence: str | None = None,
    time: str | None = None,
    group: str | None = None,
    channels: Sequence[str] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    encoding: str | None = None,
    dayfirst: bool | None = None,
    time_format: str | None = None,
    **options: Any,
) -> Task:
    """Return a task from a .csv or .tsv; see `read_sequences` for its columns.

    Args:
        test: another file, for the test split.
        target: column to predict, or several columns of numbers; default a column named target,
            label, class or y.
        sequence, time, group: columns with these roles; default columns with recognised names.
        channels: input columns; default all others.
        delimiter, decimal, encoding, dayfirst, time_format: see `TableFormat`; default detected
            where that is safe.
        options: those of `Task.from_arrays`.

    Raises:
        InputError: a file or an option cannot be used; names the file, column and row.
    """
    columns = Columns(target=target, sequence=sequence, time=time, group=group, channels=channels)
    table_format = TableFormat(
        delimiter=delimiter,
        decimal=decimal,
        encoding=encoding,
        dayfirst=dayfirst,
        time_format=time_format,
    )
    paths = [Path(path)]
    files = [read_sequences(paths[0], columns, table_format)]
    if test is not None:
        assert files[0].layout is not None
        paths.append(Path(test))
        files.append(read_sequences_like(paths[1], files[0].layout, with_targets=True))
    return _build_task(paths, files, options)


def ts(path: str | Path, test: str | Path | None = None, **options: Any) -> Task:
    """Return a task from a .ts file, the format of the UCR/UEA archive.

    Args:
        test: another file, for the test split.
        options: those of `Task.from_arrays`.

    Raises:
        InputError: a file or an option cannot be used; names the file and line.
    """
    paths = [Path(file) for file in (path, test) if file is not None]
    files = []
    for file in paths:
        X, y = read_ts(file)
        files.append(FileSequences(X=X, y=y))
    return _build_task(paths, files, options)


def _build_task(
    paths: Sequence[Path], files: Sequence[FileSequences], options: dict[str, Any]
) -> Task:
    """Return a task from the training file and, if there is one, the test file."""
    if options.get("axes") == CHANNELS_STEPS:
        raise InputError(
            f"axes is for arrays: a row of {paths[0]} is a step or a sequence. Leave it out."
        )
    targets = read_targets(paths, files)
    labels_steps = any(isinstance(y, list) for y in targets)
    arguments: dict[str, Any] = {"name": name_from_file(paths[0]), "axes": STEPS_CHANNELS}
    for split, file, y in zip(("train", "test"), files, targets, strict=False):
        if labels_steps and isinstance(y, np.ndarray):  # each sequence of this file has one class
            y = [np.repeat(label, len(X)) for label, X in zip(y, file.X, strict=True)]
        arguments[f"X_{split}"] = file.X
        arguments[f"y_{split}"] = y
    layout = files[0].layout
    if layout is not None and len(layout.targets) > 1:
        arguments["class_names"] = layout.targets
        y = arguments["y_train"]
        if y.dtype.kind == "i":  # never a class of each step, whatever the number of steps
            is_one_hot = (y.sum(axis=1) == 1).all()
            arguments["kind"] = "classification" if is_one_hot else "multi_label"
    arguments.update(options)
    targets_in_words = "the targets"
    if layout is not None:
        plural = "s" if len(layout.targets) > 1 else ""
        targets_in_words = f"column{plural} {join_names(layout.targets)}"
    try:
        task = Task.from_arrays(groups_train=files[0].groups, **arguments)
    except InputError as error:
        text = _with_columns(str(error), targets_in_words, paths)
        raise InputError(f"{paths[0]}: {text}") from error
    notes = [ignored_note(path, file.ignored) for path, file in zip(paths, files, strict=True)]
    return replace(
        task,
        spec=replace(task.spec, table=layout),
        inferred=_with_columns(task.inferred, targets_in_words, paths),
        notes=(*task.notes, *(note for note in notes if note)),
    )


def _with_columns(text: str, targets: str, paths: Sequence[Path]) -> str:
    """Return a text of `Task.from_arrays` with the target columns in place of the array's name."""

    def in_words(match: re.Match[str]) -> str:
        words = targets
        if text[: match.start()].endswith(". "):
            words = targets[0].upper() + targets[1:]
        if match[1] == "test":
            words += f" of {paths[1].name}"
        return words

    return re.sub(r"\by_(train|test)\b", in_words, text)


def ignored_note(path: Path, names: Sequence[str]) -> str:
    """Return a note on the columns of a file that were not read, "" if there are none."""
    if not names:
        return ""
    return f"{path.name}: not read: column {', '.join(names)}"
