"""Folders of WAV files as a task: splits by number and speaker, steps, and new recordings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.tasks.builtin.wav_folder import read_new_recordings
from tcn_search.tasks.task_spec import RecordingFormat, TaskSpec
from tests.formats.written_wav import write_wav


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two digits, four speakers, three recordings each: clips of 10 to 33 samples that begin with the speaker."""
    for digit in range(2):
        for who, speaker in enumerate(("anna", "ben", "cem", "dora")):
            for number in range(3):
                samples = np.arange(10 + 12 * digit + 3 * who + number) + 100 * who + 1
                write_wav(tmp_path / "recordings" / f"{digit}_{speaker}_{number}.wav", samples)
    return tmp_path / "recordings"


def test_digits_are_split_by_number_and_speaker(folder: Path) -> None:
    task = load_task(
        "spoken_digits",
        folder=folder,
        front="average",
        test_recordings=1,
        validation_fraction=0.25,
    )
    assert task.test is not None
    assert (len(task.train), len(task.validation), len(task.test)) == (12, 4, 8)
    assert (task.name, task.seq_len, task.spec.ragged) == ("spoken_digits", 33, True)
    assert task.spec.class_names == ("0", "1")

    def speakers(X: np.ndarray) -> set[int]:
        return set((X[:, 0, 0] * 2**15 // 100).astype(int))

    assert not speakers(task.train.X) & speakers(task.validation.X)
    assert speakers(task.test.X) == {0, 1, 2, 3}
    assert task.inferred == "classification, 2 classes, 24 recordings of 4 speakers at 8,000 Hz"
    drawn = load_task(
        "spoken_digits", folder=folder, front="average", test_recordings=1, validation="random"
    )
    assert speakers(drawn.validation.X) & speakers(drawn.train.X)


def test_folders_by_class_say_the_same(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        by_class = tmp_path / "by_class" / path.name[0]
        by_class.mkdir(parents=True, exist_ok=True)
        (by_class / path.name[2:]).write_bytes(path.read_bytes())
    flat, sorted_ = (
        load_task("wav_folder", folder=place, test_recordings=1)
        for place in (folder, tmp_path / "by_class")
    )
    assert flat.fingerprint() == sorted_.fingerprint()
    other = load_task("wav_folder", folder=folder, test_folder=tmp_path / "by_class")
    assert (len(other.train) + len(other.validation), len(other.test or [])) == (24, 24)


def test_down_sampling_averages_or_folds_and_ends_with_the_clip(tmp_path: Path) -> None:
    for label in "ab":
        for number in range(4):
            write_wav(tmp_path / f"{label}_{number}.wav", 4096 * np.arange(number + 4))
    average = load_task("wav_folder", folder=tmp_path, downsample=3, validation_fraction=0.3)
    fold = load_task(
        "wav_folder", folder=tmp_path, downsample=3, front="fold", validation_fraction=0.3
    )
    assert (average.train.X.shape[1:], fold.train.X.shape[1:]) == ((3, 1), (3, 3))
    clips = {4: [1, 3], 5: [1, 3.5], 6: [1, 4], 7: [1, 4, 6]}
    seen = {
        tuple(row[~np.isnan(row)] * 8)
        for split in (average.train, average.validation)
        for row in split.X[..., 0]
    }
    assert seen == {tuple(steps) for steps in clips.values()}
    longest = fold.train.X[~np.isnan(fold.train.X[:, 2, 0])][0] * 8
    np.testing.assert_array_equal(longest, [[0, 1, 2], [3, 4, 5], [6, 0, 0]])
    assert average.inferred.endswith("8 recordings at 8,000 Hz, 3 samples a step")


def test_a_file_without_a_speaker_is_a_group_of_its_own(folder: Path) -> None:
    """All other speakers stay in one split each; the folder of the files changes no split."""
    write_wav(folder / "0_7.wav", np.arange(20) + 501)
    write_wav(folder / "1_8.wav", np.arange(20) + 601)
    task = load_task("wav_folder", folder=folder, front="average", validation_fraction=0.25)
    assert task.inferred == (
        "classification, 2 classes, 26 recordings of 4 speakers (2 without a speaker are each a group of their "
        "own) at 8,000 Hz"
    )
    first = [
        {*(split.X[:, 0, 0] * 2**15 // 100).astype(int)} for split in (task.train, task.validation)
    ]
    assert not first[0] & first[1]
    assert task.groups is not None
    assert sorted(np.bincount(task.groups)) == [1, 1, 6, 6, 6, 6]
    moved = folder.rename(folder.parent / "zzz")
    again = load_task("wav_folder", folder=moved, front="average", validation_fraction=0.25)
    assert again.fingerprint() == task.fingerprint()
    (moved / "1_8.wav").unlink()
    assert (
        "(1 without a speaker is a group of its own)"
        in load_task("wav_folder", folder=moved).inferred
    )


def test_files_left_out_of_both_folders_are_noted(folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").touch()
    write_wav(tmp_path / "test" / "0" / "zoe_1.WAV", [1, 2, 3])
    (tmp_path / "test" / "0" / "._zoe_1.WAV").write_bytes(b"of macOS")
    task = load_task("wav_folder", folder=folder, front="average", test_folder=tmp_path / "test")
    assert task.inferred == "classification, 2 classes, 25 recordings of 4 speakers at 8,000 Hz"
    assert task.notes == (
        "left out: 1 not ending in .wav (notes.txt)",
        "left out: 1 hidden (0/._zoe_1.WAV) (in the test folder)",
    )
    assert len(task.test or []) == 1


def test_a_single_class_is_refused_with_an_example(tmp_path: Path) -> None:
    write_wav(tmp_path / "turn_left_1.wav", [1, 2])
    write_wav(tmp_path / "turn_right_1.wav", [1, 2])
    with pytest.raises(InputError) as error:
        load_task("wav_folder", folder=tmp_path)
    assert str(error.value).replace(str(tmp_path), "FOLDER") == (
        "FOLDER must hold recordings of at least 2 classes. Received only: turn, as in FOLDER/turn_left_1.wav. "
        "Files are CLASS/SPEAKER_NUMBER.wav or CLASS_SPEAKER_NUMBER.wav."
    )


def test_log_mel_features_are_the_default_unless_samples_a_step_are_given(folder: Path) -> None:
    task = load_task("spoken_digits", folder=folder, test_recordings=1)
    assert task.spec.recordings == RecordingFormat(rate=8000, downsample=80, front="log_mel")
    assert task.train.X.shape[1:] == (1, 40)  # clips are shorter than the 10 ms of a step
    assert task.inferred.endswith("at 8,000 Hz, log-mel features, 80 samples a step")
    finer = load_task("wav_folder", folder=folder, front="log_mel", downsample=8)
    assert (finer.seq_len, finer.spec.ragged) == (1 + 33 // 8, True)
    average = load_task("wav_folder", folder=folder, downsample=8)  # as of earlier versions
    assert average.spec.recordings == RecordingFormat(rate=8000, downsample=8, front="average")


def test_log_mel_features_of_a_clip_do_not_depend_on_the_others(folder: Path) -> None:
    task = load_task("wav_folder", folder=folder, front="log_mel", downsample=8)
    longest = folder / "1_dora_2.wav"
    X = read_new_recordings(
        folder / "0_anna_0.wav", RecordingFormat(8000, 8, "log_mel"), steps=99, ragged=True
    ).X
    assert X.shape == (1, 1 + 10 // 8, 40)
    rows = np.concatenate([task.train.X, task.validation.X])
    assert any(np.array_equal(row[:2], X[0]) and np.isnan(row[2:]).all() for row in rows)
    longest.unlink()
    without = load_task("wav_folder", folder=folder, front="log_mel", downsample=8)
    assert without.seq_len == 1 + 32 // 8
    rows = np.concatenate([without.train.X, without.validation.X])
    assert any(np.array_equal(row[:2], X[0]) and np.isnan(row[2:]).all() for row in rows)


def test_log_mel_features_need_a_sampling_rate_of_sound(tmp_path: Path) -> None:
    for label in "ab":
        write_wav(tmp_path / f"{label}_1.wav", np.arange(90), rate=1999)
    with pytest.raises(InputError) as error:
        load_task("wav_folder", folder=tmp_path)
    assert str(error.value) == (
        'front = "log_mel" needs a sampling rate of at least 2,000 Hz. Received: 1,999 Hz. '
        'Use front = "fold" or "average".'
    )


def test_the_specification_keeps_how_recordings_were_read(folder: Path) -> None:
    spec = load_task(
        "spoken_digits", folder=folder, test_recordings=1, downsample=2, front="fold"
    ).spec
    assert spec.recordings == RecordingFormat(rate=8000, downsample=2, front="fold")
    assert TaskSpec.from_dict(spec.to_dict()) == spec
    assert "recordings" not in repr(spec)  # from which fingerprints of stored studies are made
    before = spec.to_dict()
    del before["recordings"]
    assert TaskSpec.from_dict(before).recordings is None


def test_new_recordings_are_read_as_the_model_was_trained(folder: Path, tmp_path: Path) -> None:
    write_wav(folder / "1" / "anna_2.WAV", 4096 * np.arange(5))
    (folder / "notes.txt").touch()
    new = read_new_recordings(folder, RecordingFormat(8000, 2, "average"), steps=17, ragged=True)
    assert (len(new.X), new.X.shape[1:]) == (25, (17, 1))
    assert new.names[:2] == ["0_anna_0.wav", "0_anna_1.wav"]
    assert new.note == "left out: 1 not ending in .wav (notes.txt)"
    row = new.X[new.names.index("1/anna_2.WAV"), :, 0]
    np.testing.assert_array_equal(row[:4] * 8, [0.5, 2.5, 4, np.nan])
    one = read_new_recordings(
        folder / "1" / "anna_2.WAV", RecordingFormat(8000, 3, "fold"), steps=2, ragged=False
    )
    assert (one.names, one.note) == (["anna_2.WAV"], "")
    np.testing.assert_array_equal(one.X * 8, [[[0, 1, 2], [3, 4, 0]]])


@pytest.mark.parametrize(
    ("form", "steps", "ragged", "message"),
    [
        (RecordingFormat(16000, 2, "fold"), 99, True, "FILE has 8,000 Hz, and the model was trained on recordings of 16,000 Hz. Resample it."),
        (RecordingFormat(8000, 2, "fold"), 400, True, "FILE is longer than the model takes: 0.100 s (801 samples), and it takes up to 0.100 s (800 samples). Cut it, or train a model on recordings as long."),
        (RecordingFormat(8000, 80, "log_mel"), 10, True, "FILE is longer than the model takes: 0.100 s (801 samples), and it takes up to 0.100 s (799 samples). Cut it, or train a model on recordings as long."),
        (RecordingFormat(8000, 2, "fold"), 402, False, "FILE is shorter than the model takes: 0.100 s (801 samples), and it was trained on recordings of one length, 0.101 s (804 samples)."),
    ],
)  # fmt: skip
def test_recordings_that_a_model_does_not_take(
    tmp_path: Path, form: RecordingFormat, steps: int, ragged: bool, message: str
) -> None:
    file = tmp_path / "one.wav"
    write_wav(file, np.zeros(801))
    with pytest.raises(InputError) as error:
        read_new_recordings(file, form, steps=steps, ragged=ragged)
    assert str(error.value).replace(str(file), "FILE") == message


def test_the_real_digits(shared_data: Path, tmp_path: Path) -> None:
    with np.load(shared_data / "fsdd.npz") as archive:
        stored = {name: archive[name] for name in archive.files}
    chosen = np.flatnonzero((stored["indices"] < 7) & (stored["labels"] < 3))
    for row in chosen:
        start, end = stored["offsets"][row : row + 2]
        speaker = stored["speaker_names"][stored["speakers"][row]]
        name = f"{stored['labels'][row]}_{speaker}_{stored['indices'][row]}.wav"
        write_wav(tmp_path / name, stored["audio"][start:end])
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
        ({"downsample": 34, "test_recordings": 1}, "downsample must be at most 33, the samples of the longest recording. Received: 34"),
        ({"front": "spectrum"}, "front must be one of 'log_mel', 'average', 'fold'. Received: 'spectrum'"),
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
    write_wav(bad, [1, 2], rate=16000)
    assert error_of() == (
        "All files must have one sampling rate. Received: 16000 Hz in FOLDER/1_zoe_9.wav and 8000 Hz in FOLDER/0_anna_0.wav"
    )
    bad.write_bytes(b"RIFFnothing")
    assert error_of().startswith("FOLDER/1_zoe_9.wav cannot be read as a WAV file:")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no .wav file, nor does any folder in it."):
        load_task("wav_folder", folder=tmp_path / "empty")
