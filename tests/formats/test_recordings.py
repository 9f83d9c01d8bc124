"""Class, speaker and number from the folders and names of files. The files are empty."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tcn_search.errors import InputError
from tcn_search.formats.recordings import find_recordings, list_wav_files


def make(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def error_of(folder: Path) -> str:
    with pytest.raises(InputError) as error:
        find_recordings(folder)
    return str(error.value).replace(str(folder), "FOLDER")


@pytest.mark.parametrize(
    ("name", "label", "speaker", "number"),
    [
        ("7_jackson_12.wav", "7", "jackson", 12),
        ("7_jackson_012.WAV", "7", "jackson", 12),
        ("7__jackson_12.Wav", "7", "jackson", 12),
        ("7_12.wav", "7", "", 12),
        ("7_jackson.wav", "7", "jackson", -1),
        ("7.wav", "7", "", -1),
        ("12.wav", "12", "", -1),
        ("turn_left_anna_3.wav", "turn_left", "anna", 3),
        ("turn_sharp_left_anna_3.wav", "turn_sharp_left", "anna", 3),
        ("turn_left_3.wav", "turn", "left", 3),
        ("7_jackson_loud.wav", "7", "jackson", -1),
        ("7_jackson_12_loud.wav", "7", "jackson", -1),
        ("7/jackson_12.wav", "7", "jackson", 12),
        ("7/7_jackson_12.wav", "7", "jackson", 12),
        ("7/12.wav", "7", "", 12),
        ("7/7.wav", "7", "", -1),
        ("7/jackson.wav", "7", "jackson", -1),
        ("turn_left/anna_3.wav", "turn_left", "anna", 3),
        ("turn_left/turn_left_anna_3.wav", "turn_left", "anna", 3),
        ("Turn_Left/turn_left_anna_3.wav", "Turn_Left", "anna", 3),
        ("turn_left/turn_left_3.wav", "turn_left", "", 3),
        ("turn_left/mary_ann_3.wav", "turn_left", "mary_ann", 3),
        ("yes/mary_ann.wav", "yes", "mary_ann", -1),
    ],
)
def test_class_speaker_and_number_of_a_name(
    tmp_path: Path, name: str, label: str, speaker: str, number: int
) -> None:
    (recording,) = find_recordings(make(tmp_path, name)).recordings
    assert recording == (tmp_path / name, label, speaker, number)


@pytest.mark.parametrize(
    ("names", "notes"),
    [
        (["7_anna_1.wav", "8_anna_1.wav", "8_ben_1.wav"], []),
        (["dog_1.wav", "cat_2.wav", "cow.wav"], []),
        (["7/anna_1.wav", "8/anna.wav", "8/8_ben_1.wav"], []),
        (
            ["turn_left_anna_1.wav", "stop_anna_1.wav"],
            ["turn_left_anna_1.wav is read as class turn_left, speaker anna, number 1"],
        ),
        (
            ["turn_left_1.wav", "turn_right_1.wav", "stop_now_1.wav"],
            ["stop_now_1.wav is read as class stop, speaker now, number 1"],
        ),
        (
            ["7_anna_1.wav", "8_anna_loud.wav", "turn_left_anna_1.wav", "8_anna_soft.wav"],
            [
                "turn_left_anna_1.wav is read as class turn_left, speaker anna, number 1",
                "8_anna_loud.wav is read as class 8, speaker anna, no number",
            ],
        ),
        (
            ["train/7_anna_1.wav", "test/7_anna_2.wav"],
            ["test/7_anna_2.wav is read as class test, speaker 7_anna, number 2"],
        ),
    ],
)
def test_ambiguous_names_are_noted(tmp_path: Path, names: list[str], notes: list[str]) -> None:
    assert sorted(find_recordings(make(tmp_path, *names)).notes) == sorted(notes)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["turn_left_anna_3.wav", "turn_left_4.wav"], "FOLDER/turn_left_4.wav may be of class turn or of class turn_left, as turn_left_anna_3.wav is."),
        (["turn_left_anna_3.wav", "turn_left_ben.wav"], "FOLDER/turn_left_anna_3.wav may be of class turn_left or of class turn, as turn_left_ben.wav is."),
        (["yes_mary_ann_3.wav", "yes_bob_1.wav"], "FOLDER/yes_mary_ann_3.wav may be of class yes_mary or of class yes, as yes_bob_1.wav is."),
    ],
)  # fmt: skip
def test_names_of_either_of_two_classes_are_refused(
    tmp_path: Path, names: list[str], message: str
) -> None:
    way_out = " Put the files into a folder for each class: CLASS/SPEAKER_NUMBER.wav."
    assert error_of(make(tmp_path, *names)) == message + way_out


def test_files_left_out_are_noted(tmp_path: Path) -> None:
    make(
        tmp_path,
        *("a/anna_1.wav", "b/anna_1.WAV", "b/deep/anna_2.wav", "b/anna_3.flac", "b/._anna_1.WAV"),
        *(
            "a_anna_1.wav",
            "README.md",
            ".git/x.wav",
            "c/anna_1.mp3",
            "x.wav/notes.txt",
            "d.mp3",
            "e.ogg",
        ),
    )
    found = find_recordings(tmp_path)
    assert [recording.path.relative_to(tmp_path).as_posix() for recording in found.recordings] == [
        "a/anna_1.wav",
        "b/anna_1.WAV",
    ]
    assert found.notes == [
        "left out: 2 hidden (.git, b/._anna_1.WAV), "
        "6 not ending in .wav (README.md, d.mp3, e.ogg, ...), "
        "1 too deep (b/deep), 2 without .wav files (c, x.wav), "
        "1 beside the class folders (a_anna_1.wav)"
    ]
    flat = make(tmp_path / "flat", "a_anna_1.wav", "b_anna_1.wav", "_anna_2.wav", "._a_anna_1.wav")
    assert find_recordings(flat).notes == [
        "left out: 1 hidden (._a_anna_1.wav), 1 without a class in the name (_anna_2.wav)"
    ]
    assert len(list_wav_files(flat).direct) == 3


def test_a_folder_without_recordings_says_what_it_holds(tmp_path: Path) -> None:
    rest = "holds no .wav file, nor does any folder in it."
    assert error_of(tmp_path) == f"FOLDER {rest}"
    make(tmp_path, "a.flac", "b/c/anna_1.wav", "._a.wav")
    assert error_of(tmp_path) == (
        f"FOLDER {rest} Left out: 1 hidden (._a.wav), 1 not ending in .wav (a.flac), "
        "1 too deep (b/c), 1 without .wav files (b)."
    )


def test_names_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    try:
        os.close(os.open(os.fsencode(tmp_path) + b"/caf\xe9_1.wav", os.O_CREAT))
    except OSError:
        pytest.skip("this file system takes no such names")
    assert (
        error_of(tmp_path)
        == r"FOLDER holds a name that is not UTF-8: 'caf\udce9_1.wav'. Rename it."
    )


def test_a_folder_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert error_of(tmp_path) == "The folder FOLDER cannot be read: Permission denied"
