"""Download files into a cache directory; resume interrupted downloads, verify checksums.

Kept by hand: pooch does not resume an interrupted download, and it replaces a file whose checksum
differs even if the user put it there. Nor does it remember the checksum of a first download for
which none is published, or accept a file by its content.
"""

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
from tcn_search.logs import DOWNLOADS, show_messages

ENVIRONMENT = "TCN_SEARCH_DATA"
_BLOCK = 1 << 20
_TIMEOUT = 30  # seconds without a byte
_PROGRESS_STEPS = 10  # messages about one download of known size


@dataclass(frozen=True)
class RemoteFile:
    """A file of the data directory and where to download it.

    Args:
        path: relative to the data directory, with /.
        urls: tried in this order.
        sha256: published checksum, or "" if there is none: then the checksum of the first download
            is stored beside the file and must match from then on.
    """

    path: str
    urls: tuple[str, ...]
    sha256: str = ""


def data_directory(given: str | Path | None = None) -> Path:
    """Return the directory of datasets: `given`, else $TCN_SEARCH_DATA, else the user's cache."""
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
    """Return the path of a file on this machine, downloading it if it does not exist.

    Progress is logged.

    Args:
        file: which file, and where to download it.
        data_dir: see `data_directory`.
        accepts: returns whether the content of a file is right. Called if there is no checksum or
            it differs, because the same data can be packed in several ways.

    Raises:
        InputError: the file cannot be downloaded, or has the wrong content; says which file to put
            where.
    """
    target = data_directory(data_dir) / file.path
    if target.is_file():
        if not _has_right_content(target, file, accepts):
            raise InputError(
                f"{target} is not the expected file: {_describe_mismatch(target, target, file)}. "
                "Remove it to have it downloaded again."
            )
        return target
    failures = []
    for url in file.urls:
        try:
            _download(url, target, file, accepts)
            return target
        except (OSError, http.client.HTTPException, _WrongContentError) as error:
            failures.append(f"{url}: {_describe_error(error)}")
    raise InputError(
        f"{file.path} could not be downloaded ({'; '.join(failures)}). Without a network, put the "
        f"file at {target}, or name the directory that has {file.path} with data_dir or "
        f"${ENVIRONMENT}."
    )


class _WrongContentError(Exception):
    """A download is complete but has the wrong content."""


def _download(
    url: str, target: Path, file: RemoteFile, accepts: Callable[[Path], bool] | None
) -> None:
    """Download to `target`.part, resuming an earlier attempt; rename it once it is verified."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + ".part")
    _download_rest(url, partial)
    if not _has_right_content(partial, file, accepts):
        reason = _describe_mismatch(partial, target, file)
        partial.unlink()
        raise _WrongContentError(reason)
    if not file.sha256:
        _checksum_file(target).write_text(_sha256(partial) + "\n")
    os.replace(partial, target)


def _download_rest(url: str, partial: Path) -> None:
    """Append the missing bytes to `partial`; start again if the server cannot resume."""
    size = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"User-Agent": "tcn-search"})
    if size:
        request.add_header("Range", f"bytes={size}-")
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
            mode = "ab"
            if response.status != http.client.PARTIAL_CONTENT:
                mode = "wb"
                size = 0
            length = response.headers.get("Content-Length")
            total = None if length is None else size + int(length)
            with partial.open(mode) as out:
                _copy(response, out, url, size, total)
    except urllib.error.HTTPError as error:
        is_complete = size and error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE
        if not is_complete:
            raise


def _copy(response: Any, out: IO[bytes], url: str, done: int, total: int | None) -> None:
    """Copy a response in blocks and log the progress.

    Args:
        done: bytes that `out` holds already.
        total: bytes of the whole file, None if the server does not say.

    Raises:
        ConnectionError: the response ends before `total` bytes.
    """
    show_messages()
    name = url.rsplit("/", 1)[-1]
    if total is None:
        DOWNLOADS.info("Downloading %s", name)
    logged_steps = -1
    while block := response.read(_BLOCK):
        out.write(block)
        done += len(block)
        if total is None:
            continue
        steps = _PROGRESS_STEPS * done // total
        if steps > logged_steps:
            logged_steps = steps
            DOWNLOADS.info("Downloading %s: %.1f of %.1f MB", name, done / 1e6, total / 1e6)
    if total is not None and done < total:
        raise ConnectionError(
            f"the connection ended after {done:,} of {total:,} bytes; try again to resume"
        )


def _has_right_content(
    path: Path, file: RemoteFile, accepts: Callable[[Path], bool] | None
) -> bool:
    expected = _expected_sha256(path, file)
    if expected and _sha256(path) == expected:
        return True
    if accepts is not None:
        return accepts(path)
    return not expected


def _describe_mismatch(path: Path, target: Path, file: RemoteFile) -> str:
    """Return why the file at `path`, which is or was to become `target`, is wrong."""
    expected = _expected_sha256(target, file)
    if expected:
        return f"its SHA-256 is {_sha256(path)}, not {expected}"
    return f"it is no {target.suffix} file"


def _expected_sha256(path: Path, file: RemoteFile) -> str:
    """Return the published checksum, else that of the first download, else ""."""
    if file.sha256:
        return file.sha256
    checksum_file = _checksum_file(path)
    if checksum_file.is_file():
        return checksum_file.read_text().strip()
    return ""


def _checksum_file(path: Path) -> Path:
    """Return the path of the checksum of a file's first download."""
    return path.with_name(path.name.removesuffix(".part") + ".sha256")


def _sha256(path: Path) -> str:
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _describe_error(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code} {error.reason}"
    reason = getattr(error, "reason", None) or error
    return str(reason) or type(error).__name__
