"""Classification of recordings: a folder of WAV files, by class."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.planning.arguments import one_of, positive_integer
from tcn_search.tasks.inputs import STEPS_CHANNELS
from tcn_search.tasks.task import Task

FRONTS = ("average", "fold")
# 8 bits are unsigned with 128 for silence, the others signed.
_SAMPLE_TYPES = {1: "u1", 2: "<i2", 4: "<i4"}


class Recording(NamedTuple):
    """A file with what its place and name say: class, speaker ("" if none), number (-1 if none)."""

    path: Path
    label: str
    speaker: str
    number: int


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
    """Recordings of different length, each of one class; validated on speakers that were not trained on.

    Files are `CLASS/SPEAKER_NUMBER.wav`, or all in one folder `CLASS_SPEAKER_NUMBER.wav`, as in the Free Spoken
    Digit Dataset. Speaker and number may be missing; without speakers, validation is drawn. Sequences end
    with their clip; channels of a file are averaged, samples scaled to −1 .. 1.

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
    train = find_recordings(Path(folder))
    if test_folder is not None:
        test = find_recordings(Path(test_folder))
    else:
        test = [one for one in train if 0 <= one.number < test_recordings]
        train = [one for one in train if not 0 <= one.number < test_recordings]
    if not train:
        raise InputError(
            f"test_recordings = {test_recordings} leaves no training file in {folder}: every number is below it."
        )
    clips, rate = read_clips([*train, *test])
    X, lengths = _to_steps(clips, downsample, front)
    count = len(train)
    has_test = bool(test)
    speakers = [one.speaker for one in train]
    task = Task.from_arrays(
        X[:count],
        np.array([one.label for one in train]),
        lengths_train=lengths[:count],
        X_test=X[count:] if has_test else None,
        y_test=np.array([one.label for one in test]) if has_test else None,
        lengths_test=lengths[count:] if has_test else None,
        groups_train=speakers if all(speakers) else None,
        name=name,
        kind="classification",
        axes=STEPS_CHANNELS,
        validation=validation,
        validation_fraction=validation_fraction,
        seed=seed,
    )
    who = f" of {len(set(speakers))} speakers" if all(speakers) else ""
    told = f"{len(task.spec.class_names)} classes, {len(train) + len(test)} recordings{who} at {rate:,} Hz"
    shortened = f", {downsample} samples a step" if downsample > 1 else ""
    return replace(task, inferred=f"classification, {told}{shortened}")


def find_recordings(folder: Path) -> list[Recording]:
    """Every .wav in `folder`, or in its sub-folders, sorted by path."""
    if not folder.is_dir():
        raise InputError(
            f"There is no folder {folder}. It must hold WAV files: CLASS/SPEAKER_NUMBER.wav or "
            "CLASS_SPEAKER_NUMBER.wav."
        )
    found = [_in_class_folder(path) for path in sorted(folder.glob("*/*.wav"))]
    found = found or [_with_class_in_its_name(path) for path in sorted(folder.glob("*.wav"))]
    if not found:
        raise InputError(f"{folder} holds no .wav file, nor does any folder in it.")
    return found


def _in_class_folder(path: Path) -> Recording:
    label = path.parent.name
    return Recording(path, label, *_speaker_and_number(path.stem.removeprefix(f"{label}_")))


def _with_class_in_its_name(path: Path) -> Recording:
    label, _, rest = path.stem.partition("_")
    return Recording(path, label, *_speaker_and_number(rest))


def _speaker_and_number(name: str) -> tuple[str, int]:
    """ "jackson_12" is ("jackson", 12), "12" is ("", 12), "jackson" is ("jackson", -1)."""
    *before, last = name.split("_")
    if last.isdecimal():
        return (before[0] if before else ""), int(last)
    return (before[0] if before else last), -1


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
    """Samples of a PCM file, its channels averaged, and its rate in Hz."""
    try:
        with wave.open(str(path)) as file:
            width, channels, rate = file.getsampwidth(), file.getnchannels(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise InputError(f"{path} cannot be read as a WAV file: {error}") from error
    if width not in _SAMPLE_TYPES:
        raise InputError(f"{path} must have samples of 8, 16 or 32 bits. Received: {8 * width}")
    data = data[: len(data) - len(data) % (width * channels)]  # a file may be cut in the middle of a frame
    samples = np.frombuffer(data, _SAMPLE_TYPES[width]).astype("float32").reshape(-1, channels).mean(axis=1)
    if not len(samples):
        raise InputError(f"{path} holds no samples.")
    silence = 128 if width == 1 else 0
    return (samples - silence) / np.float32(2 ** (8 * width - 1)), rate


def _to_steps(clips: Sequence[np.ndarray], downsample: int, front: str) -> tuple[np.ndarray, np.ndarray]:
    """(n, T, 1 or downsample) padded with NaN, and each clip's steps."""
    lengths = np.array([-(-len(clip) // downsample) for clip in clips])
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
