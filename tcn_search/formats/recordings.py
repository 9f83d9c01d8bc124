"""Find the recordings of a folder, with class, speaker and number from their paths."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tcn_search.errors import InputError
from tcn_search.text import listed

_NAMES_SHOWN = 3


class Recording(NamedTuple):
    """A file with its class, its speaker ("" if unknown) and its number (-1 if unknown)."""

    path: Path
    label: str
    speaker: str
    number: int


class WavFiles(NamedTuple):
    """The .wav files of a folder, and its entries that are not read.

    Attributes:
        direct: files in the folder itself.
        inside: files in the folders inside it.
        left_out: names of the other entries, relative to the folder, by the reason.
    """

    direct: list[Path]
    inside: list[Path]
    left_out: dict[str, list[str]]

    @property
    def note(self) -> str:
        """A note on the entries left out, with counts and reasons; "" if there are none."""
        reasons = [
            f"{len(names)} {reason} ({listed(names, _NAMES_SHOWN)})"
            for reason, names in self.left_out.items()
            if names
        ]
        if not reasons:
            return ""
        return f"left out: {', '.join(reasons)}"


class FolderRecordings(NamedTuple):
    """Recordings of a folder, sorted by path, and notes for the user on their names."""

    recordings: list[Recording]
    notes: list[str]


def find_recordings(folder: Path) -> FolderRecordings:
    """Return the recordings of a folder with class, speaker and number of each.

    If any folder inside `folder` holds .wav files, each such folder is a class, whose files are
    named SPEAKER_NUMBER or CLASS_SPEAKER_NUMBER. Otherwise the files lie in `folder` itself:

    | name                             | class              | speaker            | number |
    | -------------------------------- | ------------------ | ------------------ | ------ |
    | CLASS_SPEAKER_NUMBER             | may contain _      | without _          | digits |
    | CLASS_NUMBER                     | without _          | none               | digits |
    | CLASS_SPEAKER, CLASS_SPEAKER_... | up to the first _  | up to the second _ | none   |
    | CLASS                            | the name           | none               | none   |

    In a class folder everything before the NUMBER is the speaker, which may contain _. The notes
    give examples of names that could be read in another way: classes or speakers with _, and
    speakers of one class only.

    Raises:
        InputError: the folder does not exist or has no recordings, or a name fits two classes.
    """
    files = list_wav_files(folder)
    if files.inside:
        recordings = [_read_name_in_class_folder(path) for path in files.inside]
        files.left_out["beside the class folders"] = [path.name for path in files.direct]
        uncertain = [recording for recording in recordings if "_" in recording.speaker]
    else:
        recordings = [_read_name_with_class(path) for path in files.direct]
        without_class = [recording.path.name for recording in recordings if not recording.label]
        files.left_out["without a class in the name"] = without_class
        recordings = [recording for recording in recordings if recording.label]
        _require_one_class_each(recordings)
        uncertain = _ambiguous_recordings(recordings)
    if not recordings:
        message = f"{folder} holds no .wav file, nor does any folder in it."
        if files.note:
            message += f" {files.note[0].upper()}{files.note[1:]}."
        raise InputError(message)
    # A name with a number may be read rightly where a name without is not: an example of each.
    examples = {recording.number >= 0: recording for recording in reversed(uncertain)}
    notes = [_describe_reading(recording, folder) for recording in examples.values()]
    if files.note:
        notes.append(files.note)
    return FolderRecordings(recordings, notes)


def list_wav_files(folder: Path) -> WavFiles:
    """List the .wav files, in any case, of a folder and of the folders inside it.

    Raises:
        InputError: the folder does not exist or cannot be listed.
    """
    if not os.path.isdir(folder):  # False also if the folder above must not be read
        raise InputError(
            f"There is no folder {folder}. It must hold WAV files: CLASS/SPEAKER_NUMBER.wav or "
            "CLASS_SPEAKER_NUMBER.wav."
        )
    left_out: dict[str, list[str]] = defaultdict(list)
    folders, direct = _entries(folder, folder, left_out)
    inside = []
    for class_folder in folders:
        deeper, wav_files = _entries(class_folder, folder, left_out)
        inside.extend(wav_files)
        left_out["too deep"] += [_relative(path, folder) for path in deeper]
        if not wav_files:
            left_out["without .wav files"].append(_relative(class_folder, folder))
    return WavFiles(direct, inside, left_out)


def _entries(
    listed: Path, folder: Path, left_out: dict[str, list[str]]
) -> tuple[list[Path], list[Path]]:
    """Return the folders and the .wav files in `listed`, sorted; add others to `left_out`.

    Args:
        listed: `folder`, or a folder in it.
        folder: names in `left_out` are relative to it.
    """
    folders = []
    files = []
    try:
        entries = sorted(listed.iterdir())
    except OSError as error:
        raise InputError(f"The folder {listed} cannot be read: {error.strerror}") from error
    for entry in entries:
        name = _relative(entry, folder)
        if not _is_utf8(name):  # can neither be printed nor be the name of a class
            raise InputError(f"{listed} holds a name that is not UTF-8: {name!a}. Rename it.")
        if entry.name.startswith("."):  # such as ._x.wav, which macOS writes beside x.wav
            left_out["hidden"].append(name)
        elif os.path.isdir(entry):
            folders.append(entry)
        elif entry.suffix.lower() == ".wav":
            files.append(entry)
        else:
            left_out["not ending in .wav"].append(name)
    return folders, files


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_name_in_class_folder(path: Path) -> Recording:
    """Return a recording whose folder is its class.

    The name "mary_ann_12" gives ("mary_ann", 12), "12" gives ("", 12), "mary" gives ("mary", -1).
    """
    label = path.parent.name
    name = f"{path.stem}_"
    prefix = f"{label}_"
    if name[: len(prefix)].casefold() == prefix.casefold():
        name = name[len(prefix) :]
    parts, number = _split_off_number(name)
    return Recording(path=path, label=label, speaker="_".join(parts), number=number)


def _read_name_with_class(path: Path) -> Recording:
    """Return a recording whose name begins with its class; the label is "" if it does not.

    The name "turn_left_anna_12" gives ("turn_left", "anna", 12).
    """
    if path.stem.startswith("_"):
        return Recording(path=path, label="", speaker="", number=-1)
    first, *others = _parts(path.stem)
    parts, number = _split_off_number("_".join(others))
    speaker = ""
    if number < 0:  # where a longer class ends is unknown
        if parts:
            speaker = parts[0]
        return Recording(path=path, label=first, speaker=speaker, number=number)
    if parts:
        *parts, speaker = parts
    return Recording(path=path, label="_".join([first, *parts]), speaker=speaker, number=number)


def _parts(name: str) -> list[str]:
    """Return the parts of a name between underscores, without empty ones."""
    return [part for part in name.split("_") if part]


def _split_off_number(name: str) -> tuple[list[str], int]:
    """Return the parts of a name without a number at its end, and this number or -1."""
    parts = _parts(name)
    if parts and parts[-1].isdecimal():
        return parts[:-1], int(parts[-1])
    return parts, -1


def _require_one_class_each(recordings: Sequence[Recording]) -> None:
    """Raise an InputError if a name begins with its class and with that of another file."""
    examples = {recording.label: recording for recording in recordings}
    for recording in recordings:
        parts = _parts(recording.path.stem)
        beginnings = ["_".join(parts[:count]) for count in range(1, len(parts) + 1)]
        for label in beginnings:
            if label in examples and label != recording.label:
                raise InputError(
                    f"{recording.path} may be of class {recording.label} or of class {label}, as "
                    f"{examples[label].path.name} is. Put the files into a folder for each class: "
                    "CLASS/SPEAKER_NUMBER.wav."
                )


def _ambiguous_recordings(recordings: Sequence[Recording]) -> list[Recording]:
    """Return the recordings in one folder whose class may end elsewhere in the name."""
    classes = defaultdict(set)
    for recording in recordings:
        classes[recording.speaker].add(recording.label)
    # A speaker of one class only may be the end of the class's name, as left in turn_left_1.
    no_shared_speaker = all(len(labels) == 1 for speaker, labels in classes.items() if speaker)
    return [
        recording
        for recording in recordings
        if recording.speaker
        and (no_shared_speaker or len(_split_off_number(recording.path.stem)[0]) > 2)
    ]


def _describe_reading(recording: Recording, folder: Path) -> str:
    """Return a note on how a name was read."""
    number = "no number" if recording.number < 0 else f"number {recording.number}"
    name = _relative(recording.path, folder)
    return f"{name} is read as class {recording.label}, speaker {recording.speaker}, {number}"


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
