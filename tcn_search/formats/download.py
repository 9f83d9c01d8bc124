"""Files from the network, kept in a cache directory: checked, continued where they were cut, never half there."""

from __future__ import annotations

import hashlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tcn_search.errors import InputError

ENVIRONMENT = "TCN_SEARCH_DATA"
_BLOCK = 1 << 20
_TIMEOUT = 30  # seconds without a byte
_UNSATISFIABLE = 416


@dataclass(frozen=True)
class RemoteFile:
    """A file of the data directory and where it comes from.

    Args:
        path: relative to the data directory, with /.
        urls: tried in this order.
        sha256: of its bytes, or "" where nobody publishes one: what came first is then held to.
    """

    path: str
    urls: tuple[str, ...]
    sha256: str = ""


def data_directory(given: str | Path | None = None) -> Path:
    """Where datasets are kept: as given, else $TCN_SEARCH_DATA, else the user's cache directory."""
    chosen = given or os.environ.get(ENVIRONMENT)
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "win32":
        cache = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "tcn_search"


def fetch(
    file: RemoteFile,
    data_dir: str | Path | None = None,
    accepts: Callable[[Path], bool] | None = None,
) -> Path:
    """The file's path on this machine, downloaded if it is not there.

    Args:
        accepts: judges a file with another checksum, or without a published one, by what is in it: the same
            data can be packed otherwise.

    Raises:
        InputError: it cannot be had, or is not what it should be; says which file to put where.
    """
    target = data_directory(data_dir) / file.path
    if target.is_file():
        if not _is_right(target, file, accepts):
            raise InputError(
                f"{target} is not the file that is wanted: {_why_wrong(target, target, file)}. Remove it to have "
                "it downloaded again."
            )
        return target
    failures = []
    for url in file.urls:
        try:
            _download(url, target, file, accepts)
            return target
        except (OSError, http.client.HTTPException, _WrongContentError) as error:
            failures.append(f"{url}: {_in_words(error)}")
    raise InputError(
        f"{file.path} could not be downloaded ({'; '.join(failures)}). Without a network, put the file at "
        f"{target}, or name the directory that has {file.path} with data_dir or ${ENVIRONMENT}."
    )


class _WrongContentError(Exception):
    """A download came to its end and is not the file."""


def _download(
    url: str, target: Path, file: RemoteFile, accepts: Callable[[Path], bool] | None
) -> None:
    """Into `target`.part, from where an earlier attempt ended; renamed when it is whole and right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    _complete(url, part)
    if not _is_right(part, file, accepts):
        why = _why_wrong(part, target, file)
        part.unlink()
        raise _WrongContentError(why)
    if not file.sha256:
        _record(target).write_text(_sha256(part) + "\n")
    os.replace(part, target)


def _complete(url: str, part: Path) -> None:
    """Append to `part` what it lacks; begin anew where the server does not continue."""
    there = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "tcn-search"})
    if there:
        request.add_header("Range", f"bytes={there}-")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:
            continues = answer.status == http.client.PARTIAL_CONTENT
            length = answer.headers.get("Content-Length")
            start = there if continues else 0
            total = None if length is None else start + int(length)
            with part.open("ab" if continues else "wb") as out:
                _copy(answer, out, url, start, total)
    except urllib.error.HTTPError as error:
        if not (there and error.code == _UNSATISFIABLE):  # 416: all of it is there already
            raise


def _copy(answer: Any, out: IO[bytes], url: str, done: int, total: int | None) -> None:
    """Copy in blocks and say how far it is, on a terminal."""
    name = url.rsplit("/", 1)[-1]
    shows = sys.stderr.isatty()
    while block := answer.read(_BLOCK):
        out.write(block)
        done += len(block)
        if shows:
            of = "" if total is None else f" of {total / 1e6:.1f}"
            print(
                f"\rdownloading {name}: {done / 1e6:.1f}{of} MB",
                end="",
                file=sys.stderr,
                flush=True,
            )
    if shows:
        print(file=sys.stderr)
    if total is not None and done < total:
        raise ConnectionError(
            f"the connection ended after {done:,} of {total:,} bytes; try again to go on"
        )


def _is_right(path: Path, file: RemoteFile, accepts: Callable[[Path], bool] | None) -> bool:
    wanted = _wanted_sha256(path, file)
    if not wanted:
        return accepts is None or accepts(path)
    return _sha256(path) == wanted or (accepts is not None and accepts(path))


def _why_wrong(found: Path, target: Path, file: RemoteFile) -> str:
    wanted = _wanted_sha256(target, file)
    return (
        f"its SHA-256 is {_sha256(found)}, not {wanted}"
        if wanted
        else f"it is no {target.suffix} file"
    )


def _wanted_sha256(path: Path, file: RemoteFile) -> str:
    """The published checksum, else that of the first download, else "" for a file that was put there."""
    record = _record(path)
    return file.sha256 or (record.read_text().strip() if record.is_file() else "")


def _record(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".part") + ".sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _in_words(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    return str(reason or error) or type(error).__name__
