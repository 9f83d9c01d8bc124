"""Folders of WAV files."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.tasks.speech import read_wav


def write(path: Path, samples: Any, rate: int = 8000, width: int = 2, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    types = {1: "u1", 2: "<i2", 3: "u1", 4: "<i4"}
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.asarray(samples).astype(types[width]).tobytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two digits, four speakers, three recordings each: clips of 10 to 33 samples that begin with the speaker."""
    for digit in range(2):
        for who, speaker in enumerate(("anna", "ben", "cem", "dora")):
            for number in range(3):
                samples = np.arange(10 + 12 * digit + 3 * who + number) + 100 * who + 1
                write(tmp_path / "recordings" / f"{digit}_{speaker}_{number}.wav", samples)
    return tmp_path / "recordings"


def test_digits_are_split_by_number_and_speaker(folder: Path) -> None:
    task = load_task("spoken_digits", folder=folder, test_recordings=1, validation_fraction=0.25)
    assert task.test is not None
    assert (len(task.train), len(task.validation), len(task.test)) == (12, 4, 8)
    assert (task.name, task.seq_len, task.spec.ragged) == ("spoken_digits", 33, True)
    assert task.spec.class_names == ("0", "1")

    def speakers(X: np.ndarray) -> set[int]:
        return set((X[:, 0, 0] * 2**15 // 100).astype(int))

    assert not speakers(task.train.X) & speakers(task.validation.X)
    assert speakers(task.test.X) == {0, 1, 2, 3}
    assert task.inferred == "classification, 2 classes, 24 recordings of 4 speakers at 8,000 Hz"
    drawn = load_task("spoken_digits", folder=folder, test_recordings=1, validation="random")
    assert speakers(drawn.validation.X) & speakers(drawn.train.X)


def test_folders_by_class_say_the_same(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        by_class = tmp_path / "by_class" / path.name[0]
        by_class.mkdir(parents=True, exist_ok=True)
        (by_class / path.name[2:]).write_bytes(path.read_bytes())
    flat, sorted_ = (
        load_task("wav_folder", folder=place, test_recordings=1) for place in (folder, tmp_path / "by_class")
    )
    assert flat.fingerprint() == sorted_.fingerprint()
    other = load_task("wav_folder", folder=folder, test_folder=tmp_path / "by_class")
    assert (len(other.train) + len(other.validation), len(other.test or [])) == (24, 24)


def test_down_sampling_averages_or_folds_and_ends_with_the_clip(tmp_path: Path) -> None:
    for label in "ab":
        for number in range(4):
            write(tmp_path / f"{label}_{number}.wav", 4096 * np.arange(number + 4))
    average = load_task("wav_folder", folder=tmp_path, downsample=3, validation_fraction=0.3)
    fold = load_task("wav_folder", folder=tmp_path, downsample=3, front="fold", validation_fraction=0.3)
    assert (average.train.X.shape[1:], fold.train.X.shape[1:]) == ((3, 1), (3, 3))
    clips = {4: [1, 3], 5: [1, 3.5], 6: [1, 4], 7: [1, 4, 6]}
    seen = {
        tuple(row[~np.isnan(row)] * 8)
        for part in (average.train, average.validation)
        for row in part.X[..., 0]
    }
    assert seen == {tuple(steps) for steps in clips.values()}
    longest = fold.train.X[~np.isnan(fold.train.X[:, 2, 0])][0] * 8
    np.testing.assert_array_equal(longest, [[0, 1, 2], [3, 4, 5], [6, 0, 0]])
    assert average.inferred.endswith("8 recordings at 8,000 Hz, 3 samples a step")


@pytest.mark.parametrize(("width", "half"), [(1, 192), (2, 2**14), (4, 2**30)])
def test_every_width_has_the_same_scale(tmp_path: Path, width: int, half: int) -> None:
    write(tmp_path / "one.wav", [half, half, half, half], width=width, channels=2)
    samples, rate = read_wav(tmp_path / "one.wav")
    np.testing.assert_array_equal(samples, [0.5, 0.5])
    assert rate == 8000


def test_the_real_digits(shared_data: Path, tmp_path: Path) -> None:
    with np.load(shared_data / "fsdd.npz") as archive:
        stored = {name: archive[name] for name in archive.files}
    chosen = np.flatnonzero((stored["indices"] < 7) & (stored["labels"] < 3))
    for row in chosen:
        start, end = stored["offsets"][row : row + 2]
        speaker = stored["speaker_names"][stored["speakers"][row]]
        name = f"{stored['labels'][row]}_{speaker}_{stored['indices'][row]}.wav"
        write(tmp_path / name, stored["audio"][start:end])
    task = load_task("spoken_digits", folder=tmp_path, downsample=16, front="fold")
    assert task.test is not None
    assert (len(task.test), len(task.validation), len(task.train)) == (90, 6, 30)
    lengths = np.diff(stored["offsets"])[chosen]
    assert task.seq_len == -(-lengths.max() // 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folder": "nowhere"}, "There is no folder nowhere. It must hold WAV files: CLASS/SPEAKER_NUMBER.wav or CLASS_SPEAKER_NUMBER.wav."),
        ({"downsample": 0}, "downsample must be an integer of at least 1. Received: 0"),
        ({"front": "spectrum"}, "front must be one of 'average', 'fold'. Received: 'spectrum'"),
        ({"test_recordings": 3}, "test_recordings = 3 leaves no training file in FOLDER: every number is below it."),
        ({"speed": 1}, "Task 'spoken_digits' has no option 'speed'. It has: folder, downsample, front, test_recordings, test_folder, validation, validation_fraction, seed."),
    ],
)  # fmt: skip
def test_bad_options(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_task("spoken_digits", **{"folder": folder, **options})
    assert str(error.value).replace(str(folder), "FOLDER") == message


def test_bad_files(folder: Path, tmp_path: Path) -> None:
    def error_of() -> str:
        with pytest.raises(InputError) as error:
            load_task("spoken_digits", folder=folder)
        return str(error.value).replace(str(folder), "FOLDER")

    bad = folder / "1_zoe_9.wav"
    write(bad, [1, 2], rate=16000)
    assert error_of() == (
        "All files must have one sampling rate. Received: 16000 Hz in FOLDER/1_zoe_9.wav and 8000 Hz in FOLDER/0_anna_0.wav"
    )
    write(bad, [1, 2, 3], width=3)
    assert error_of() == "FOLDER/1_zoe_9.wav must have samples of 8, 16 or 32 bits. Received: 24"
    bad.write_bytes(b"RIFFnothing")
    assert error_of().startswith("FOLDER/1_zoe_9.wav cannot be read as a WAV file:")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no .wav file, nor does any folder in it."):
        load_task("wav_folder", folder=tmp_path / "empty")
