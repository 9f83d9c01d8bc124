"""Read text files in any encoding, compressed with gzip or not."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from tcn_search.errors import InputError, first_line

_BYTE_ORDER_MARKS = {  # UTF-32's begins with UTF-16's, so it comes first
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_ARCHIVES = {
    b"\x1f\x8b": "compressed with gzip: call it .csv.gz",
    b"PK\x03\x04": "a zip archive or a spreadsheet: save it as CSV",
}


def read_text(path: Path, encoding: str | None = None, expected: str | None = None) -> str:
    """Return the text of a file, decompressed first if its name ends in .gz.

    The encoding is the one of a byte order mark, else `encoding`, else UTF-8.

    Args:
        encoding: a name that Python knows, or None.
        expected: encoding to try if `encoding` is None and the bytes are not UTF-8.

    Raises:
        InputError: the file does not exist, cannot be read or is not text in this encoding.
    """
    data = _read_bytes(path)
    for magic, description in _ARCHIVES.items():
        if data.startswith(magic):
            raise InputError(f"{path} is {description}.")
    marked = next((name for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), None)
    try:
        text = _decode(data, marked or encoding, expected)
    except UnicodeError as error:
        raise InputError(
            f"{path} is not written in {encoding or 'UTF-8'}: {first_line(error)}. Set its "
            'encoding, such as encoding = "latin-1", or save it as UTF-8.'
        ) from error
    if "\0" in text:
        raise InputError(
            f"{path} contains zero bytes, so it is not text in {marked or encoding or 'UTF-8'}. "
            'If it is UTF-16, set encoding = "utf-16-le" or "utf-16-be".'
        )
    return text


def _read_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        data = path.read_bytes()
        if path.name.lower().endswith(".gz"):
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {first_line(error)}") from error
    return data


def _decode(data: bytes, encoding: str | None, expected: str | None) -> str:
    if encoding is not None or expected is None:
        return data.decode(encoding or "utf-8")
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return data.decode(expected)
    if "\0" in text:
        return data.decode(expected)
    return text
