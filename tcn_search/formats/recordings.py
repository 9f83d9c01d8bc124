"""Recordings in a folder: which files there are, and what their places and names say."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tcn_search.errors import InputError

_NAMES_SHOWN = 3


class Recording(NamedTuple):
    """A file with what its place and name say: class, speaker ("" if none), number (-1 if none)."""

    path: Path
    label: str
    speaker: str
    number: int


class WavFiles(NamedTuple):
    """The .wav files of a folder, and the entries that are not read.

    Attributes:
        direct: in the folder itself.
        inside: in the folders inside it.
        left_out: names of the other entries, relative to the folder, by the reason.
    """

    direct: list[Path]
    inside: list[Path]
    left_out: dict[str, list[str]]

    @property
    def note(self) -> str:
        """What was left out and why, with counts and the first names; "" if nothing was."""
        left_out = self.left_out.items()
        reasons = [f"{len(names)} {reason} ({_some(names)})" for reason, names in left_out if names]
        return f"left out: {', '.join(reasons)}" if reasons else ""


class FoundRecordings(NamedTuple):
    """The recordings of a folder, sorted by path, and notes for the user on their names."""

    recordings: list[Recording]
    notes: list[str]


def find_recordings(folder: Path) -> FoundRecordings:
    """Find the recordings of a folder with class, speaker and number of each.

    If any folder inside `folder` holds .wav files, each such folder is a class, whose files are
    called SPEAKER_NUMBER, with CLASS_ before it or not. Else the files lie in `folder` itself:

    | called                           | class            | speaker          | number |
    | -------------------------------- | ---------------- | ---------------- | ------ |
    | CLASS_SPEAKER_NUMBER             | may contain _    | without _        | digits |
    | CLASS_NUMBER                     | without _        | none             | digits |
    | CLASS_SPEAKER, CLASS_SPEAKER_... | to the first _   | to the second _  | none   |
    | CLASS                            | the name         | none             | none   |

    In a class folder all before the NUMBER is the speaker, who may contain _. The notes give
    examples of the names that could be read in another way: classes or speakers with _, and
    speakers of one class only.

    Raises:
        InputError: no folder, no recordings, or names that could belong to either of two classes.
    """
    files = list_wav_files(folder)
    if files.inside:
        found = [_in_class_folder(path) for path in files.inside]
        files.left_out["beside the class folders"] = [path.name for path in files.direct]
        unsure = [one for one in found if "_" in one.speaker]
    else:
        found = [_with_class_in_its_name(path) for path in files.direct]
        nameless = [one.path.name for one in found if not one.label]
        files.left_out["without a class in the name"] = nameless
        found = [one for one in found if one.label]
        _require_one_class_each(found)
        unsure = _open_to_another_reading(found)
    if not found:
        raise InputError(
            f"{folder} holds no .wav file, nor does any folder in it."
            + (f" {files.note[0].upper()}{files.note[1:]}." if files.note else "")
        )
    # A name with a number may be read rightly where one without is not: an example of each.
    examples = {one.number >= 0: one for one in reversed(unsure)}
    notes = [_reading(one, folder) for one in examples.values()]
    return FoundRecordings(found, [*notes, *([files.note] if files.note else [])])


def list_wav_files(folder: Path) -> WavFiles:
    """List the .wav files, in any case, of a folder and of the folders inside it.

    Raises:
        InputError: there is no such folder, or it cannot be listed.
    """
    if not os.path.isdir(folder):  # False, too, where the folder above may not be read
        raise InputError(
            f"There is no folder {folder}. It must hold WAV files: CLASS/SPEAKER_NUMBER.wav or "
            "CLASS_SPEAKER_NUMBER.wav."
        )
    left_out: dict[str, list[str]] = defaultdict(list)
    folders, direct = _entries(folder, folder, left_out)
    inside = []
    for place in folders:
        deeper, found = _entries(place, folder, left_out)
        inside.extend(found)
        left_out["too deep"] += [_relative(one, folder) for one in deeper]
        if not found:
            left_out["without .wav files"].append(_relative(place, folder))
    return WavFiles(direct, inside, left_out)


def _entries(
    place: Path, folder: Path, left_out: dict[str, list[str]]
) -> tuple[list[Path], list[Path]]:
    """Return the folders and the .wav files in `place`, sorted; all else is left out."""
    folders = []
    files = []
    try:
        entries = sorted(place.iterdir())
    except OSError as error:
        raise InputError(f"The folder {place} cannot be read: {error.strerror}") from error
    for entry in entries:
        name = _relative(entry, folder)
        if not _is_text(name):  # can neither be printed nor be the name of a class
            raise InputError(f"{place} holds a name that is not UTF-8: {name!a}. Rename it.")
        if entry.name.startswith("."):  # such as ._x.wav, which macOS writes beside x.wav
            left_out["hidden"].append(name)
        elif os.path.isdir(entry):
            folders.append(entry)
        elif entry.suffix.lower() == ".wav":
            files.append(entry)
        else:
            left_out["not ending in .wav"].append(name)
    return folders, files


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _in_class_folder(path: Path) -> Recording:
    """ "mary_ann_12" is ("mary_ann", 12), "12" is ("", 12), "mary" is ("mary", -1)."""
    label = path.parent.name
    rest = f"{path.stem}_"
    prefix = f"{label}_"
    if rest[: len(prefix)].casefold() == prefix.casefold():
        rest = rest[len(prefix) :]
    parts, number = _split_off_number(rest)
    return Recording(path, label, "_".join(parts), number)


def _with_class_in_its_name(path: Path) -> Recording:
    """ "turn_left_anna_12" is ("turn_left", "anna", 12); without a class the label is ""."""
    if path.stem.startswith("_"):
        return Recording(path, label="", speaker="", number=-1)
    first, *others = [part for part in path.stem.split("_") if part]
    parts, number = _split_off_number("_".join(others))
    if number < 0:  # where a longer class would end cannot be told
        return Recording(path, first, parts[0] if parts else "", number)
    *middle, speaker = parts or [""]
    return Recording(path, "_".join([first, *middle]), speaker, number)


def _split_off_number(name: str) -> tuple[list[str], int]:
    parts = [part for part in name.split("_") if part]
    if parts and parts[-1].isdecimal():
        return parts[:-1], int(parts[-1])
    return parts, -1


def _require_one_class_each(found: Sequence[Recording]) -> None:
    """Raise an InputError if a name begins with a class of another file beside its own."""
    example = {one.label: one for one in found}
    for one in found:
        parts = [part for part in one.path.stem.split("_") if part]
        beginnings = ["_".join(parts[:count]) for count in range(1, len(parts) + 1)]
        for label in beginnings:
            if label in example and label != one.label:
                raise InputError(
                    f"{one.path} may be of class {one.label} or of class {label}, as "
                    f"{example[label].path.name} is. Put the files into a folder for each class: "
                    "CLASS/SPEAKER_NUMBER.wav."
                )


def _open_to_another_reading(found: Sequence[Recording]) -> list[Recording]:
    """Return the recordings in one folder whose class may end elsewhere in the name."""
    classes = defaultdict(set)
    for one in found:
        classes[one.speaker].add(one.label)
    # Whoever speaks in one class only may be the end of its name, as left in turn_left_1.
    nobody_shared = all(len(labels) == 1 for speaker, labels in classes.items() if speaker)
    return [
        one
        for one in found
        if one.speaker and (nobody_shared or len(_split_off_number(one.path.stem)[0]) > 2)
    ]


def _reading(one: Recording, folder: Path) -> str:
    """Say how a name was read."""
    number = "no number" if one.number < 0 else f"number {one.number}"
    name = _relative(one.path, folder)
    return f"{name} is read as class {one.label}, speaker {one.speaker}, {number}"


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (", ..." if len(names) > _NAMES_SHOWN else "")
