"""Read a study file as TOML, with errors that name the file and the reason."""

from __future__ import annotations

import codecs
import tomllib
from pathlib import Path
from typing import Any

from tcn_search.errors import InputError

_MOST_BYTES = 1_000_000


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        InputError: the file cannot be read, is no text in UTF-8, is too large, or is no TOML.
    """
    text = _read_text(path)
    if not text.strip():
        raise InputError(
            f"The study file {path} is empty. It must have a [task] with a name at least."
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    except ValueError as error:
        raise InputError(f"{path} has a number of too many digits: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for a study file.") from error


def _read_text(path: Path) -> str:
    """Return the text of a file, without the byte order mark that some editors put in front."""
    data = _read_bytes(path)
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES:,} bytes: it is no study file.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16 text. Save it as UTF-8.")
    if b"\0" in data:
        raise InputError(
            f"{path} is no text: it holds bytes of value 0. A study file is TOML, saved as UTF-8."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path} is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}. "
            "Save it as UTF-8."
        ) from error


def _read_bytes(path: Path) -> bytes:
    """Return the first bytes of a file, one more than a study file may have."""
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"There is no study file {path}.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder. Give the study file in it.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"The study file {path} cannot be read: {error}") from error
