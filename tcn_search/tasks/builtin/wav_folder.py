"""Load recordings to classify from a folder of WAV files, by class."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tcn_search.arguments import one_of, positive_integer
from tcn_search.errors import InputError
from tcn_search.formats.fronts import FRONTS, clips_to_steps, count_steps, most_samples
from tcn_search.formats.inputs import STEPS_CHANNELS
from tcn_search.formats.log_mel import LOWEST_RATE, default_hop
from tcn_search.formats.recordings import Recording, find_recordings, list_wav_files
from tcn_search.formats.wav_files import read_clips, read_wav
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import RecordingFormat


class NewRecordings(NamedTuple):
    """Recordings to predict.

    Attributes:
        X: (n, T, C), NaN at and beyond a recording's own length.
        names: names of the files, relative to the folder that was given.
        note: names the files that were left out of the folder; "" if there are none.
    """

    X: np.ndarray
    names: list[str]
    note: str


def wav_folder(
    folder: str | Path,
    downsample: int | None = None,
    front: str | None = None,
    test_recordings: int = 0,
    test_folder: str | Path | None = None,
    validation: str | None = None,
    validation_fraction: float = 0.2,
    seed: int = 0,
    name: str = "wav_folder",
) -> Task:
    """Load recordings, each of one class, and validate on speakers that are not in training.

    Files are `CLASS/SPEAKER_NUMBER.wav`, or all in one folder `CLASS_SPEAKER_NUMBER.wav`, as in the
    Free Spoken Digit Dataset. Speaker and number may be missing; see `find_recordings` for names
    with more parts. A file without a speaker is a group of its own; if no file has one, validation
    is drawn. Sequences end with their clip. Channels of a file are averaged, integer samples scaled
    to −1 .. 1 and floating-point samples taken as they are. `notes` of the task name the files
    that were left out.

    Args:
        folder: folder of the training files.
        downsample: samples that become one step. None stands for 10 ms with "log_mel", and for 1
            with the other fronts.
        front: how samples become a step. "log_mel" gives 40 channels, the loudness in 40 bands of
            frequency (see `log_mel`); "average" one channel, the mean of the samples; "fold" gives
            each sample a channel of its own, so that nothing is lost and the first convolution is
            the filter. None stands for "log_mel", but for "average" where `downsample` is given, as
            in study files of earlier versions.
        test_recordings: files with a NUMBER below it are the test split.
        test_folder: another folder that holds the test split, instead.
        validation, validation_fraction, seed: as in `Task.from_arrays`.

    Raises:
        InputError: names the folder or the file, and the argument.
    """
    if downsample is not None:
        positive_integer("downsample", downsample)
    if front is None:
        front = "log_mel" if downsample is None else "average"
    one_of("front", front, FRONTS)
    in_folder = find_recordings(Path(folder))
    train = in_folder.recordings
    notes = list(in_folder.notes)
    _require_two_classes(train, folder)
    if test_folder is not None:
        in_test_folder = find_recordings(Path(test_folder))
        test = in_test_folder.recordings
        notes += [f"{note} (in the test folder)" for note in in_test_folder.notes]
    else:
        test = [recording for recording in train if 0 <= recording.number < test_recordings]
        train = [recording for recording in train if not 0 <= recording.number < test_recordings]
    if not train:
        raise InputError(
            f"test_recordings = {test_recordings} leaves no training file in {folder}: every "
            "number is below it."
        )
    clips, rate = read_clips([*train, *test])
    if downsample is None:
        downsample = default_hop(rate) if front == "log_mel" else 1
    _require_usable(clips, rate, downsample, front)
    X, lengths = clips_to_steps(clips, rate, downsample, front)
    count = len(train)
    test_arrays: dict[str, Any] = {}
    if test:
        test_arrays["X_test"] = X[count:]
        test_arrays["y_test"] = np.array([recording.label for recording in test])
        test_arrays["lengths_test"] = lengths[count:]
    task = Task.from_arrays(
        X[:count],
        np.array([recording.label for recording in train]),
        lengths_train=lengths[:count],
        groups_train=_groups(train),
        name=name,
        kind="classification",
        axes=STEPS_CHANNELS,
        validation=validation,
        validation_fraction=validation_fraction,
        seed=seed,
        **test_arrays,
    )
    description = (
        f"classification, {len(task.spec.class_names)} classes, {len(train) + len(test)} recordings"
        f"{_speakers(train)} at {rate:,} Hz"
    )
    if front == "log_mel":
        description += ", log-mel features"
    if downsample > 1:
        description += f", {downsample} samples a step"
    return replace(
        task,
        spec=replace(task.spec, recordings=RecordingFormat(rate, int(downsample), front)),
        inferred=description,
        notes=tuple(notes),
    )


def _require_usable(clips: Sequence[np.ndarray], rate: int, downsample: int, front: str) -> None:
    """Raise an InputError where a step has more samples than any clip, or the rate is too low."""
    if front == "log_mel" and rate < LOWEST_RATE:
        raise InputError(
            f'front = "log_mel" needs a sampling rate of at least {LOWEST_RATE:,} Hz. '
            f'Received: {rate:,} Hz. Use front = "fold" or "average".'
        )
    longest = max(map(len, clips))
    if downsample > longest and front != "log_mel":
        raise InputError(
            f"downsample must be at most {longest}, the samples of the longest recording. "
            f"Received: {downsample}"
        )


def _require_two_classes(recordings: Sequence[Recording], folder: str | Path) -> None:
    """Raise an InputError if all recordings are of one class."""
    labels = {recording.label for recording in recordings}
    if len(labels) == 1:
        raise InputError(
            f"{folder} must hold recordings of at least 2 classes. Received only: {labels.pop()}, "
            f"as in {recordings[0].path}. Files are CLASS/SPEAKER_NUMBER.wav or "
            "CLASS_SPEAKER_NUMBER.wav."
        )


def _groups(train: Sequence[Recording]) -> list[str] | None:
    """Return the group of each recording, or None if no file names a speaker.

    The group is the speaker; a recording without a speaker is a group of its own.
    """
    if not any(recording.speaker for recording in train):
        return None
    # No speaker's name has a "/".
    return [recording.speaker or f"/{recording.label}/{recording.path.name}" for recording in train]


def _speakers(train: Sequence[Recording]) -> str:
    """Describe how many speakers there are and how many files name none; "" without speakers."""
    speakers = [recording.speaker for recording in train if recording.speaker]
    if not speakers:
        return ""
    counted = f" of {len(set(speakers))} speakers"
    missing = len(train) - len(speakers)
    if missing == 1:
        return f"{counted} (1 without a speaker is a group of its own)"
    if missing:
        return f"{counted} ({missing} without a speaker are each a group of their own)"
    return counted


def read_new_recordings(
    path: Path, recording_format: RecordingFormat, *, steps: int, ragged: bool
) -> NewRecordings:
    """Read a .wav file, or all of a folder and of the folders inside it, as in training.

    Args:
        path: the file or the folder.
        recording_format: how the training recordings were read.
        steps: T of the model.
        ragged: whether the model takes shorter recordings.

    Raises:
        InputError: names the file that cannot be read, or that the model does not take, and why.
    """
    note = ""
    files = [path]
    folder = path.parent
    if os.path.isdir(path):
        wav_files = list_wav_files(path)
        files = sorted([*wav_files.direct, *wav_files.inside])
        folder = path
        note = wav_files.note
        if not files:
            raise InputError(f"{path} holds no .wav file, nor does any folder in it.")
    clips = []
    for file in files:
        clip, rate = read_wav(file)
        if rate != recording_format.rate:
            raise InputError(
                f"{file} has {rate:,} Hz, and the model was trained on recordings of "
                f"{recording_format.rate:,} Hz. Resample it."
            )
        _require_fit(file, len(clip), recording_format, steps=steps, ragged=ragged)
        clips.append(clip)
    X, _ = clips_to_steps(
        clips, recording_format.rate, recording_format.downsample, recording_format.front
    )
    return NewRecordings(X, [file.relative_to(folder).as_posix() for file in files], note)


def _require_fit(
    path: Path, samples: int, recording_format: RecordingFormat, *, steps: int, ragged: bool
) -> None:
    """Raise an InputError for a recording that is longer, or shorter, than the model takes."""
    downsample = recording_format.downsample
    front = recording_format.front
    missing = steps - count_steps(samples, downsample, front)
    if missing == 0 or (missing > 0 and ragged):
        return

    def length(samples: int) -> str:
        return f"{samples / recording_format.rate:.3f} s ({samples:,} samples)"

    most = length(most_samples(steps, downsample, front))
    if missing < 0:
        raise InputError(
            f"{path} is longer than the model takes: {length(samples)}, and it takes up to {most}. "
            "Cut it, or train a model on recordings as long."
        )
    raise InputError(
        f"{path} is shorter than the model takes: {length(samples)}, and it was trained on "
        f"recordings of one length, {most}."
    )
