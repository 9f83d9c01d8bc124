"""Text that commands print, and checks of the numbers that they are given."""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from typing import IO, Any

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.limits import most

FORMATS = ("text", "json")
_LONGEST_SHOWN = 300
_INDENT = 4  # of the further lines of a text
_GAP = "  "  # between the columns of a table


def printable(text: object) -> str:
    r"""Return text on one line, without control characters that would move a terminal's cursor.

    >>> printable("two\nlines\x1b[2J")
    'two\\nlines\\x1b[2J'
    """
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in str(text)
    )


def shortened(text: str) -> str:
    """Return a text, cut after 300 characters."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def columns() -> int:
    """Return the width of the terminal, or of $COLUMNS; 80 where the output is no terminal."""
    return max(20, shutil.get_terminal_size().columns)


def wrapped(text: str, indent: int = 0) -> list[str]:
    """Return text in lines that fit the terminal, all but the first further to the right.

    Words are not broken, so that a long path stays whole.

    Args:
        indent: columns before the first line; a line break in the text begins a first line again.
    """
    lines: list[str] = []
    for part in text.split("\n"):
        lines += textwrap.wrap(
            part,
            columns(),
            initial_indent=" " * indent,
            subsequent_indent=" " * (indent + _INDENT),
            break_long_words=False,
            break_on_hyphens=False,
        ) or [""]
    return lines


def print_text(text: str, indent: int = 0) -> None:
    """Print text in lines that fit the terminal; see `wrapped`."""
    print("\n".join(wrapped(text, indent)), flush=True)


def table_lines(
    head: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (0,)
) -> list[str]:
    """Return the lines of a table with aligned columns; a line break in a cell is kept.

    Args:
        left: columns that are aligned to the left; the others are to the right.
    """
    cells = [[cell.split("\n") for cell in row] for row in (head, *rows)]
    widths = [
        max(len(line) for row in cells for line in row[column]) for column in range(len(head))
    ]
    lines = []
    for row in cells:
        for number in range(max(map(len, row))):
            parts = []
            for column, cell in enumerate(row):
                text = cell[number] if number < len(cell) else ""
                align = text.ljust if column in left else text.rjust
                parts.append(align(widths[column]))
            lines.append(_GAP.join(parts).rstrip())
    return lines


def folded(text: str, most: int) -> str:
    """Return the text of a cell in lines of at most this many characters."""
    return "\n".join(textwrap.wrap(text, most, break_on_hyphens=False)) or ""


def add_format(
    parser: argparse.ArgumentParser, more_help: str = "", more: tuple[str, ...] = ()
) -> None:
    """Add --format: text, JSON, or what a command has more."""
    words = ["json: for scripts, with the keys of docs/command-line.md", more_help]
    parser.add_argument(
        "--format",
        choices=(*FORMATS, *more),
        default="text",
        help=f"{'; '.join(filter(None, words))} (default: text)",
    )


def print_json(values: Any) -> None:
    """Print a value as JSON; numbers that are not finite become null."""
    print(json.dumps(_finite(values), indent=1, ensure_ascii=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def require_option(name: str, value: int) -> None:
    """Raise an InputError if the number of an option is below 1 or above `limits.most(name)`."""
    option = f"--{name.replace('_', '-')}"
    if value < 1:
        raise InputError(f"{option} must be at least 1. Received: {received(value)}")
    if value > most(name):
        raise InputError(f"{option} must be at most {most(name):,}. Received: {received(value)}")


def read_workers(text: str) -> int | str:
    """Return the number of workers of --workers, or "auto"."""
    if text == "auto":
        return text
    if not text.isdecimal() or not text.strip("0"):
        raise InputError(f"--workers must be auto or at least 1. Received: {shortened(text)}")
    if len(text) > 4300:  # Python reads no integer with more digits
        raise InputError(
            f"--workers must be at most {most('workers'):,}. Received: {len(text):,} digits"
        )
    require_option("workers", int(text))
    return int(text)


@contextmanager
def ignore_broken_output() -> Iterator[None]:
    """Drop what is printed once standard output is broken, so that a training goes on.

    It is broken if its reader has gone (`tcn-search run ... | head`) or its disk is full.
    """
    if sys.stdout is None:  # closed from the beginning; print() does nothing then
        yield
        return
    with redirect_stdout(_UnbreakableStream(sys.stdout)):
        yield


class _UnbreakableStream:
    """A stream that drops its text when it cannot be written."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._redirect_to_null()
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._redirect_to_null()

    def _redirect_to_null(self) -> None:
        """Send the file descriptor to the null device, with what the stream has buffered."""
        # A stream without a file descriptor raises a ValueError.
        with open(os.devnull, "w") as null, suppress(OSError, ValueError):
            os.dup2(null.fileno(), self._stream.fileno())
            self._stream.flush()
