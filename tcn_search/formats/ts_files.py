"""The .ts format of the UCR/UEA archive. Class names stay as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.csv_files import decoded

_INTEGER = re.compile(r"-?(0|[1-9]\d*)")
_MISSING = ("?", "nan")


class _Header(NamedTuple):
    tags: dict[str, list[str]]
    rows: list[tuple[int, str]]

    def says(self, tag: str) -> bool:
        return self.tags.get(tag, ["false"])[:1] in (["true"], ["True"], ["TRUE"])


def read_ts(path: Path) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Return sequences (T, C) in float64, and classes (integers or text), numbers to predict, or None.

    Steps at the end that are missing in every channel are left out.

    Raises:
        InputError: names the file, the line and what is wanted; time stamps within the data are not read.
    """
    header = _read_header(path)
    if header.says("timestamps"):
        raise InputError(
            f"{path} has time stamps in its data (@timestamps true), which are not read. Write the values at equal "
            "steps of time without them (@timestamps false)."
        )
    has_classes = header.says("classlabel")
    has_targets = header.says("targetlabel")
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
        X.append(_sequence(path, line, parts))
        if X[-1].shape[1] != X[0].shape[1]:
            raise InputError(
                f"Line {line} of {path} must have {X[0].shape[1]} channels, as the first line of data. Received: "
                f"{X[-1].shape[1]}"
            )
    if not X:
        raise InputError(f"{path} holds no sequences.")
    if has_targets:
        return X, _numbers(path, [line for line, _ in header.rows], labels)
    if not has_classes:
        return X, None
    if all(_INTEGER.fullmatch(label) and len(label) < 19 for label in labels):
        return X, np.array(labels, "int64")
    return X, np.array(labels)


def _read_header(path: Path) -> _Header:
    lines = _lines(path)
    tags: dict[str, list[str]] = {}
    for number, line in lines:
        if not line.startswith("@"):
            raise InputError(
                f"Line {number} of {path} must begin with @ or follow @data. Received: {line[:40]!r}"
            )
        tag, *values = line.split()
        if tag.lower() == "@data":
            return _Header(tags, list(lines))
        tags[tag[1:].lower()] = values
    raise InputError(f"{path} holds no sequences.")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is neither empty nor a remark."""
    for number, line in enumerate(decoded(path).splitlines(), start=1):
        text = line.strip()
        if text and text[0] not in "#%":
            yield number, text


def _sequence(path: Path, line: int, channels: list[str]) -> np.ndarray:
    values = [_numbers(path, [line], channel.split(",")) for channel in channels]
    if len({len(channel) for channel in values}) > 1:
        raise InputError(
            f"Line {line} of {path} must have equally many steps in each channel. Received: "
            f"{', '.join(str(len(channel)) for channel in values)}"
        )
    steps = np.stack(values, axis=1)
    there = np.flatnonzero(~np.isnan(steps).all(axis=1))
    return steps[: there[-1] + 1] if len(there) else steps


def _numbers(path: Path, lines: list[int], cells: list[str]) -> np.ndarray:
    """Return cells as numbers; they stand in `lines`, each in one of its own or all in the same."""
    values = np.empty(len(cells))
    for place, cell in enumerate(cells):
        text = cell.strip()
        try:
            values[place] = np.nan if text.lower() in _MISSING else _number(text)
        except ValueError as error:
            line = lines[place] if len(lines) == len(cells) else lines[0]
            raise InputError(
                f"Line {line} of {path} must hold numbers. Received: {text[:40]!r}"
            ) from error
    return values


def _number(text: str) -> float:
    if "_" in text:  # which Python takes as a mark of thousands
        raise ValueError(text)
    return float(text)
