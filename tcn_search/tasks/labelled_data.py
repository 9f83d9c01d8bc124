"""Read sequences with their targets from a file, as a model's training data was read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.file_names import KNOWN, file_format
from tcn_search.formats.inputs import read_inputs
from tcn_search.formats.labels import read_class_names, read_labels
from tcn_search.formats.recordings import find_recordings
from tcn_search.formats.sequence_tables import FileSequences, read_sequences, read_sequences_like
from tcn_search.formats.table_columns import Columns
from tcn_search.formats.table_layout import TableLayout
from tcn_search.formats.target_columns import read_targets
from tcn_search.formats.ts_files import read_ts
from tcn_search.tasks.builtin.wav_folder import read_new_recordings
from tcn_search.tasks.npz_files import ARRAYS, read_arrays, refuse_unknown
from tcn_search.tasks.tables import ignored_note
from tcn_search.tasks.task_spec import RecordingFormat


class LabelledData(NamedTuple):
    """Sequences and what is true of them.

    Attributes:
        X: (n, T, C), NaN beyond a row's own length.
        y: (n,) or (n, K) as they were read; or a list of the classes of each step, (T,) each.
        notes: messages to the user, one line each.
    """

    X: np.ndarray
    y: np.ndarray | list[np.ndarray]
    notes: tuple[str, ...] = ()


def read_labelled_data(
    path: Path,
    layout: TableLayout | None = None,
    target: str | Sequence[str] | None = None,
    time: str | None = None,
    axes: str | None = None,
) -> LabelledData:
    """Read sequences and their targets from an .npz, a table or a .ts.

    An .npz holds the arrays X and y, or X_test and y_test, and lengths (or lengths_test) where
    sequences differ in length.

    Args:
        layout: columns of the table that the model was trained on; they are found by their names.
        target: the target column, or columns, where their names differ from those in training.
        time: the time column, where its name differs from that in training.
        axes: "channels_steps" if the array of an .npz is (n, C, T).

    Raises:
        InputError: names the file and the array or column, such as targets that are missing.
    """
    file_kind = file_format(path)
    if file_kind == "npz":
        return _labelled_arrays(path, axes)
    if file_kind == "table" and layout is not None:
        if target is not None:
            targets = (target,) if isinstance(target, str) else tuple(target)
            layout = replace(layout, targets=targets)
        sequences = read_sequences_like(path, layout, with_targets=True, time=time)
    elif file_kind == "table":
        sequences = read_sequences(path, Columns(target=target, time=time))
    elif file_kind == "ts":
        X, labels = read_ts(path)
        sequences = FileSequences(X=X, y=labels)
    else:
        raise InputError(f"Labelled data must be {KNOWN}, or a folder of .wav. Received: {path}")
    y = read_targets([path], [sequences])[0]
    try:
        X_read = read_inputs(sequences.X, None, "")
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    note = ignored_note(path, sequences.ignored)
    return LabelledData(X_read, y, (note,) if note else ())


def _labelled_arrays(path: Path, axes: str | None) -> LabelledData:
    """Return X and y, or else X_test and y_test, of an .npz."""
    known = ("X", "y", "lengths", "X_test", "y_test", "lengths_test", "class_names")
    arrays, names = read_arrays(path, known)
    suffix = "" if "X" in arrays else "_test"
    for name in (f"X{suffix}", f"y{suffix}"):
        if name not in arrays:
            raise InputError(
                f"{path} has no {name}: labelled data has X and y, or X_test and y_test. "
                f"It has: {', '.join(names) or 'nothing'}."
            )
    refuse_unknown(path, names, ["X", "y", "lengths", *ARRAYS])
    try:
        X = read_inputs(arrays[f"X{suffix}"], arrays.get(f"lengths{suffix}"), suffix, axes)
        y = _named(read_labels(arrays[f"y{suffix}"], f"y{suffix}"), arrays.get("class_names"))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return LabelledData(X, y)


def _named(y: np.ndarray, class_names: Any) -> np.ndarray:
    """Return classes by the names that a file gives to their numbers."""
    names = read_class_names(class_names)
    if names is None or y.dtype.kind not in "iu" or y.ndim != 1 or not len(y):
        return y
    if y.min() < 0 or y.max() >= len(names):
        raise InputError(
            f"y must hold classes 0 to {len(names) - 1}, one for each of the {len(names)} "
            f"class_names. Received: {y.min()} to {y.max()}"
        )
    return np.asarray(np.array(names)[y])


def read_labelled_recordings(
    folder: Path, recording_format: RecordingFormat, *, steps: int, ragged: bool
) -> LabelledData:
    """Read the recordings of a folder, whose classes their names say, as in training.

    Args:
        recording_format, steps, ragged: as of `read_new_recordings`.

    Raises:
        InputError: names the file that cannot be read, or the folder and what it lacks.
    """
    if not os.path.isdir(folder):
        raise InputError(
            "Recordings are evaluated from a folder, which names their classes as in training: "
            f"CLASS/SPEAKER_NUMBER.wav or CLASS_SPEAKER_NUMBER.wav. Received: {folder}"
        )
    found = find_recordings(folder)
    label_of = {
        recording.path.relative_to(folder).as_posix(): recording.label
        for recording in found.recordings
    }
    new = read_new_recordings(folder, recording_format, steps=steps, ragged=ragged)
    rows = [row for row, name in enumerate(new.names) if name in label_of]
    labels = np.array([label_of[new.names[row]] for row in rows])
    return LabelledData(new.X[rows], labels, tuple(found.notes))
