"""Classification of recordings: a folder of WAV files, by class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcn_search.arguments import one_of, positive_integer
from tcn_search.errors import InputError
from tcn_search.formats.inputs import STEPS_CHANNELS
from tcn_search.formats.recordings import Recording, find_recordings, list_wav_files
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import RecordingFormat

FRONTS = ("average", "fold")
_STARTS = (b"RIFF", b"RIFX", b"RF64", b"riff")  # the last: Sony's Wave64
_LOUDEST = 1e30  # sums of so many samples as make one step stay far below what float32 holds


class NewRecordings(NamedTuple):
    """Recordings to predict.

    Attributes:
        X: (n, T, C), NaN at and beyond a recording's own length.
        names: of the files, relative to the folder that was given.
        note: what was left out of the folder, in words; "" if nothing was.
    """

    X: np.ndarray
    names: list[str]
    note: str


def wav_folder(
    folder: str | Path,
    downsample: int = 1,
    front: str = "average",
    test_recordings: int = 0,
    test_folder: str | Path | None = None,
    validation: str | None = None,
    validation_fraction: float = 0.2,
    seed: int = 0,
    name: str = "wav_folder",
) -> Task:
    """Load recordings, each of one class, validated on speakers that were not trained on.

    Files are `CLASS/SPEAKER_NUMBER.wav`, or all in one folder `CLASS_SPEAKER_NUMBER.wav`, as in the
    Free Spoken Digit Dataset. Speaker and number may be missing; see `find_recordings` for names
    with more parts. A file without a speaker is a group of its own; if no file has one, validation
    is drawn. Sequences end with their clip. Channels of a file are averaged, integer samples scaled
    to −1 .. 1 and floating-point ones taken as they are. `notes` of the task say what was left
    out of the folder.

    Args:
        folder: of the training files.
        downsample: samples that become one step.
        front: how: "average" gives one channel, the mean of these samples; "fold" gives each sample a channel
            of its own, so that nothing is lost and the first convolution is the filter.
        test_recordings: files with a NUMBER below it are the test part.
        test_folder: another folder for the test part, instead.
        validation, validation_fraction, seed: as in `Task.from_arrays`.

    Raises:
        InputError: names the folder or the file, and the argument.
    """
    positive_integer("downsample", downsample)
    one_of("front", front, FRONTS)
    found = find_recordings(Path(folder))
    train = found.recordings
    notes = list(found.notes)
    _require_two_classes(train, folder)
    if test_folder is not None:
        found = find_recordings(Path(test_folder))
        test = found.recordings
        notes += [f"{note} (in the test folder)" for note in found.notes]
    else:
        test = [one for one in train if 0 <= one.number < test_recordings]
        train = [one for one in train if not 0 <= one.number < test_recordings]
    if not train:
        raise InputError(
            f"test_recordings = {test_recordings} leaves no training file in {folder}: every number "
            "is below it."
        )
    clips, rate = read_clips([*train, *test])
    longest = max(map(len, clips))
    if downsample > longest:
        raise InputError(
            f"downsample must be at most {longest}, the samples of the longest recording. "
            f"Received: {downsample}"
        )
    X, lengths = _to_steps(clips, downsample, front)
    count = len(train)
    has_test = bool(test)
    task = Task.from_arrays(
        X[:count],
        np.array([one.label for one in train]),
        lengths_train=lengths[:count],
        X_test=X[count:] if has_test else None,
        y_test=np.array([one.label for one in test]) if has_test else None,
        lengths_test=lengths[count:] if has_test else None,
        groups_train=_groups(train),
        name=name,
        kind="classification",
        axes=STEPS_CHANNELS,
        validation=validation,
        validation_fraction=validation_fraction,
        seed=seed,
    )
    told = (
        f"classification, {len(task.spec.class_names)} classes, {len(train) + len(test)} recordings"
        f"{_speakers(train)} at {rate:,} Hz"
    )
    if downsample > 1:
        told += f", {downsample} samples a step"
    return replace(
        task,
        spec=replace(task.spec, recordings=RecordingFormat(rate, int(downsample), front)),
        inferred=told,
        notes=tuple(notes),
    )


def _require_two_classes(found: Sequence[Recording], folder: str | Path) -> None:
    labels = {one.label for one in found}
    if len(labels) == 1:
        raise InputError(
            f"{folder} must hold recordings of at least 2 classes. Received only: {labels.pop()}, as "
            f"in {found[0].path}. Files are CLASS/SPEAKER_NUMBER.wav or CLASS_SPEAKER_NUMBER.wav."
        )


def _groups(train: Sequence[Recording]) -> list[str] | None:
    """Name each recording's group: its speaker, or itself where only others have one."""
    if not any(one.speaker for one in train):
        return None
    return [one.speaker or f"/{one.label}/{one.path.name}" for one in train]  # no speaker has a "/"


def _speakers(train: Sequence[Recording]) -> str:
    """Say how many speakers there are, and how many files name none; "" if no file names one."""
    speakers = [one.speaker for one in train if one.speaker]
    if not speakers:
        return ""
    told = f" of {len(set(speakers))} speakers"
    missing = len(train) - len(speakers)
    if missing == 1:
        return f"{told} (1 without a speaker is a group of its own)"
    if missing:
        return f"{told} ({missing} without a speaker are each a group of their own)"
    return told


def read_clips(recordings: Sequence[Recording]) -> tuple[list[np.ndarray], int]:
    """Samples of each file, −1 .. 1 in float32, and the rate that they share."""
    clips, rates = zip(*(read_wav(one.path) for one in recordings), strict=True)
    for one, rate in zip(recordings, rates, strict=True):
        if rate != rates[0]:
            raise InputError(
                f"All files must have one sampling rate. Received: {rates[0]} Hz in {recordings[0].path} and "
                f"{rate} Hz in {one.path}"
            )
    return list(clips), rates[0]


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """Read a file's samples in float32, its channels averaged, and its rate in Hz.

    Integers are scaled to −1 .. 1, floating-point numbers are as they are. A file may be cut in the
    middle of a frame, and its header may lack the length, as that of a stream does.

    Raises:
        InputError: names the file and the reason.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: it finds no libsndfile
        raise InputError(
            f"Recordings are read with soundfile, which cannot be used: {error}. Install it again: "
            "pip install --force-reinstall soundfile"
        ) from error
    try:
        _require_wav(path)
        with soundfile.SoundFile(str(path)) as file:
            rate = file.samplerate
            is_unsigned = file.subtype == "PCM_U8"
            samples = file.read(file.frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string
    except OSError as error:
        reason = error.strerror or str(error)
    except (RuntimeError, ValueError, MemoryError) as error:
        reason = str(error)
    else:
        _require_numbers(path, samples)
        # Samples of 8 bits are averaged as they are stored, from 0: their mean is rounded so.
        silence = np.float32(is_unsigned)
        return (samples + silence).mean(axis=1) - silence, rate
    raise InputError(f"{path} cannot be read as a WAV file: {reason}")


def _require_wav(path: Path) -> None:
    """Raise an OSError for what is no WAV file, with the system's reason or a clear one.

    Text would only be "not recognised" by libsndfile, and some compressed files make it write to
    the terminal.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise OSError("it is not a regular file")  # a pipe would be waited for
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise OSError("it is empty")
    if start not in _STARTS:
        raise OSError(f"it does not begin with RIFF. Received: {start!r}")


def _require_numbers(path: Path, samples: np.ndarray) -> None:
    """Raise an InputError if there are no samples (frames, channels), or some are of no use."""
    if not len(samples):
        raise InputError(f"{path} holds no samples: its header says 0.")
    with np.errstate(invalid="ignore"):
        usable = (np.abs(samples) < _LOUDEST).all(axis=1)
    if not usable.all():
        raise InputError(
            f"{path} must hold numbers. Received: NaN, infinity or numbers beyond {_LOUDEST:g} in "
            f"{np.count_nonzero(~usable):,} of {len(usable):,} samples, first in sample "
            f"{usable.argmin():,}"
        )


def read_new_recordings(
    place: Path, form: RecordingFormat, steps: int, ragged: bool
) -> NewRecordings:
    """Read a .wav, or all in a folder and the folders inside it, as a model's recordings.

    Args:
        form: how these were read.
        steps: T of the model.
        ragged: whether the model takes shorter recordings.

    Raises:
        InputError: names the file that cannot be read, or that the model does not take, and why.
    """
    note = ""
    paths = [place]
    folder = place.parent
    if os.path.isdir(place):
        found = list_wav_files(place)
        paths = sorted([*found.direct, *found.inside])
        folder = place
        note = found.note
        if not paths:
            raise InputError(f"{place} holds no .wav file, nor does any folder in it.")
    clips = []
    for path in paths:
        clip, rate = read_wav(path)
        if rate != form.rate:
            raise InputError(
                f"{path} has {rate:,} Hz, and the model was trained on recordings of "
                f"{form.rate:,} Hz. Resample it."
            )
        _require_fit(path, len(clip), form, steps, ragged)
        clips.append(clip)
    X, _ = _to_steps(clips, form.downsample, form.front)
    return NewRecordings(X, [path.relative_to(folder).as_posix() for path in paths], note)


def _require_fit(path: Path, samples: int, form: RecordingFormat, steps: int, ragged: bool) -> None:
    """Raise an InputError for a recording that is longer, or shorter, than a model takes."""
    missing = steps - _steps(samples, form.downsample)
    if missing == 0 or (missing > 0 and ragged):
        return

    def length(samples: int) -> str:
        return f"{samples / form.rate:.3f} s ({samples:,} samples)"

    most = length(steps * form.downsample)
    if missing < 0:
        raise InputError(
            f"{path} is longer than the model takes: {length(samples)}, and it takes up to {most}. "
            "Cut it, or train a model on recordings as long."
        )
    raise InputError(
        f"{path} is shorter than the model takes: {length(samples)}, and it was trained on "
        f"recordings of one length, {most}."
    )


def _steps(samples: int, downsample: int) -> int:
    """Count the steps of a clip, of which the last may be filled in part."""
    return -(-samples // downsample)


def _to_steps(
    clips: Sequence[np.ndarray], downsample: int, front: str
) -> tuple[np.ndarray, np.ndarray]:
    """(n, T, 1 or downsample) padded with NaN, and each clip's steps."""
    lengths = np.array([_steps(len(clip), downsample) for clip in clips])
    channels = 1 if front == "average" else downsample
    X = np.full((len(clips), lengths.max(), channels), np.nan, dtype="float32")
    for row, (clip, steps) in enumerate(zip(clips, lengths, strict=True)):
        frames = np.zeros(steps * downsample, dtype="float32")
        frames[: len(clip)] = clip
        frames = frames.reshape(steps, downsample)
        if front == "average":
            counts = np.full((steps, 1), downsample)
            counts[-1] = len(clip) - downsample * (steps - 1)
            frames = frames.sum(axis=1, keepdims=True) / counts
        X[row, :steps] = frames
    return X, lengths
