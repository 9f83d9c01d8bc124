"""The .ts format of the UCR/UEA archive. Class names stay as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.text_files import read_text

_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_INTEGER_LENGTH = 18  # integers of up to so many characters fit into 64 bits
_MISSING = ("?", "nan")


class _Header(NamedTuple):
    tags: dict[str, list[str]]
    rows: list[tuple[int, str]]

    def is_set(self, tag: str) -> bool:
        return self.tags.get(tag, ["false"])[:1] in (["true"], ["True"], ["TRUE"])


def read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Return the sequences (T, C) of a .ts file in float64, and their targets.

    Targets are classes (integers or text) or numbers to predict, (n,); None if the file has none.
    Steps at the end that are missing in every channel are left out.

    Raises:
        InputError: the file cannot be read, or has time stamps within its data; names the file and
            the line.
    """
    header = _read_header(path)
    if header.is_set("timestamps"):
        raise InputError(
            f"{path} has time stamps in its data (@timestamps true), which are not read. Write the "
            "values at equal steps of time without them (@timestamps false)."
        )
    has_classes = header.is_set("classlabel")
    has_targets = header.is_set("targetlabel")
    X = []
    labels = []
    for line, text in header.rows:
        parts = text.split(":")
        if has_classes or has_targets:
            labels.append(parts.pop().strip())
            if not parts or not labels[-1]:
                raise InputError(
                    f"Line {line} of {path} must end in ':' and a label. Received: {text[-40:]!r}"
                )
        X.append(_read_sequence(path, line, parts))
        if X[-1].shape[1] != X[0].shape[1]:
            raise InputError(
                f"Line {line} of {path} must have {X[0].shape[1]} channels, as the first line of "
                f"data. Received: {X[-1].shape[1]}"
            )
    if not X:
        raise InputError(f"{path} holds no sequences.")
    if has_targets:
        return X, _read_numbers(path, [line for line, _ in header.rows], labels)
    if not has_classes:
        return X, None
    if all(_INTEGER.fullmatch(label) and len(label) <= _INTEGER_LENGTH for label in labels):
        return X, np.array(labels, "int64")
    return X, np.array(labels)


def _read_header(path: Path) -> _Header:
    lines = _numbered_lines(path)
    tags: dict[str, list[str]] = {}
    for number, line in lines:
        if not line.startswith("@"):
            raise InputError(
                f"Line {number} of {path} must begin with @ or follow @data. Received: "
                f"{line[:40]!r}"
            )
        tag, *values = line.split()
        if tag.lower() == "@data":
            return _Header(tags, list(lines))
        tags[tag[1:].lower()] = values
    raise InputError(f"{path} holds no sequences.")


def _numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is neither empty nor a comment."""
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        text = line.strip()
        if text and text[0] not in "#%":
            yield number, text


def _read_sequence(path: Path, line: int, channels: list[str]) -> np.ndarray:
    values = [_read_numbers(path, [line], channel.split(",")) for channel in channels]
    if len({len(channel) for channel in values}) > 1:
        raise InputError(
            f"Line {line} of {path} must have equally many steps in each channel. Received: "
            f"{', '.join(str(len(channel)) for channel in values)}"
        )
    steps = np.stack(values, axis=1)
    filled = np.flatnonzero(~np.isnan(steps).all(axis=1))
    if not len(filled):
        return steps
    return steps[: filled[-1] + 1]


def _read_numbers(path: Path, lines: list[int], cells: list[str]) -> np.ndarray:
    """Return cells as numbers, missing ones as NaN.

    Args:
        lines: the line of each cell, or the only line of all cells.
    """
    values = np.empty(len(cells))
    for position, cell in enumerate(cells):
        text = cell.strip()
        try:
            values[position] = _number(text)
        except ValueError as error:
            line = lines[position] if len(lines) == len(cells) else lines[0]
            raise InputError(
                f"Line {line} of {path} must hold numbers. Received: {text[:40]!r}"
            ) from error
    return values


def _number(text: str) -> float:
    if text.lower() in _MISSING:
        return float("nan")
    if "_" in text:  # Python would read it as a mark of thousands
        raise ValueError(text)
    return float(text)
