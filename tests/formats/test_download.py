"""Downloads from a local server: complete, resumed, wrong, missing, and without a network."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tcn_search.errors import InputError
from tcn_search.formats.download import RemoteFile, data_directory, fetch

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serve /whole, /cut (ends early unless a range is requested) and /no-range, else 404."""

    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        requested = self.headers.get("Range")
        self.ranges.append(requested)
        kind = self.path.strip("/")
        if kind not in ("whole", "cut", "no-range"):
            self.send_error(404)
            return
        start = int(requested[6:-1]) if requested and kind != "no-range" else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:4000] if kind == "cut" and not start else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Handler.ranges.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_a_file_is_downloaded_once(server: str, tmp_path: Path) -> None:
    file = RemoteFile("sub/data.bin", (f"{server}/nothing", f"{server}/whole"), SHA256)
    for _ in range(2):
        assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert Handler.ranges == [None, None]
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["data.bin"]


def test_progress_is_logged_every_tenth(
    server: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tcn_search.formats.download._BLOCK", 256)
    with caplog.at_level(logging.INFO, "tcn_search"):
        fetch(RemoteFile("data.bin", (f"{server}/whole",), SHA256), tmp_path)
    assert len(caplog.messages) == 11
    assert set(caplog.messages) == {"Downloading whole: 0.0 of 0.0 MB"}
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_download_is_resumed(server: str, tmp_path: Path) -> None:
    file = RemoteFile("data.bin", (f"{server}/cut",), SHA256)
    with pytest.raises(InputError) as error:
        fetch(file, tmp_path)
    assert "the connection ended after 4,000 of 10,240 bytes; try again to resume" in str(
        error.value
    )
    assert not (tmp_path / "data.bin").exists()
    assert fetch(file, tmp_path).read_bytes() == CONTENT
    assert Handler.ranges == [None, "bytes=4000-"]


@pytest.mark.parametrize(("kind", "there"), [("no-range", CONTENT[:100]), ("whole", CONTENT)])
def test_a_partial_file_is_resumed_or_replaced(
    server: str, tmp_path: Path, kind: str, there: bytes
) -> None:
    (tmp_path / "data.bin.part").write_bytes(there)
    assert (
        fetch(RemoteFile("data.bin", (f"{server}/{kind}",), SHA256), tmp_path).read_bytes()
        == CONTENT
    )
    assert not (tmp_path / "data.bin.part").exists()


def test_a_wrong_checksum_leaves_nothing(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        fetch(RemoteFile("data.bin", (f"{server}/whole",), "0" * 64), tmp_path)
    assert str(error.value) == (
        f"data.bin could not be downloaded ({server}/whole: its SHA-256 is {SHA256}, not {'0' * 64}). Without a "
        f"network, put the file at {tmp_path}/data.bin, or name the directory that has data.bin with data_dir or "
        "$TCN_SEARCH_DATA."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_says_which_file_to_put_where(server: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        fetch(RemoteFile("ucr/Some.zip", (f"{server}/nothing",)), tmp_path)
    assert str(error.value) == (
        f"ucr/Some.zip could not be downloaded ({server}/nothing: HTTP 404 Not Found). Without a network, put the "
        f"file at {tmp_path}/ucr/Some.zip, or name the directory that has ucr/Some.zip with data_dir or "
        "$TCN_SEARCH_DATA."
    )


def test_without_a_network(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"could not be downloaded \(http://127.0.0.1:1/data.bin: .*refused"
    ):
        fetch(RemoteFile("data.bin", ("http://127.0.0.1:1/data.bin",)), tmp_path)


def test_without_a_published_checksum_the_first_download_is_held_to(
    server: str, tmp_path: Path
) -> None:
    file = RemoteFile("data.bin", (f"{server}/whole",))
    path = fetch(file, tmp_path)
    path.write_bytes(b"changed")
    with pytest.raises(
        InputError,
        match=rf"data.bin is not the expected file: its SHA-256 is .*, not {SHA256}",
    ):
        fetch(file, tmp_path)
    path.unlink()
    assert fetch(file, tmp_path).read_bytes() == CONTENT


def test_the_content_decides_where_the_checksum_is_another(tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(b"same data, packed otherwise")
    assert fetch(RemoteFile("data.bin", (), SHA256), tmp_path, lambda path: True).name == "data.bin"
    with pytest.raises(InputError, match=f"its SHA-256 is .*, not {SHA256}. Remove it"):
        fetch(RemoteFile("data.bin", (), SHA256), tmp_path, lambda path: False)
    with pytest.raises(InputError, match="data.bin is not the expected file: it is no .bin file"):
        fetch(RemoteFile("data.bin", ()), tmp_path, lambda path: False)


def test_the_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TCN_SEARCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.platform", "linux")
    assert data_directory() == tmp_path / "cache" / "tcn_search"
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path / "data"))
    assert data_directory() == tmp_path / "data"
    assert data_directory("here") == Path("here")
