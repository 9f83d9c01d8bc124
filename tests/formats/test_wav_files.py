"""WAV files: the same values from every format, and one line for what cannot be read."""

from __future__ import annotations

import builtins
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_search.errors import InputError
from tcn_search.formats.wav_files import read_wav
from tests.formats.written_wav import write_wav

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
STREAMED = 0xFFFFFFFF


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    length = len(data) if size is None else size
    return name + struct.pack("<I", length) + data + b"\0" * (len(data) % 2)


def form(tag: int, bits: int, channels: int = 1, rate: int = 8000) -> bytes:
    frame = channels * bits // 8
    said = struct.pack("<HHIIHH", tag, channels, rate, rate * frame, frame, bits)
    return chunk(b"fmt ", said)


def extensible(tag: int, bits: int) -> bytes:
    kind = struct.pack("<HHIH", 22, bits, 0, tag) + bytes.fromhex("000000001000800000aa00389b71")
    said = struct.pack("<HHIIHH", EXTENSIBLE, 1, 8000, 8000 * bits // 8, bits // 8, bits)
    return chunk(b"fmt ", said + kind)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks), size)


def big_endian(samples: list[int]) -> bytes:
    said = struct.pack(">4sIHHIIHH", b"fmt ", 16, PCM, 1, 8000, 16000, 2, 16)
    data = struct.pack(f">4sI{len(samples)}h", b"data", 2 * len(samples), *samples)
    return b"RIFX" + struct.pack(">I", 4 + len(said) + len(data)) + b"WAVE" + said + data


VALUES = [-0.5, -0.25, 0.0, 0.125, 0.5]
IN_16_BITS = struct.pack("<5h", *(round(value * 2**15) for value in VALUES))
IN_24_BITS = b"".join(round(v * 2**23).to_bytes(3, "little", signed=True) for v in VALUES)
NOTES = (
    chunk(b"LIST", b"INFOISFT\5\0\0\0abcde"),
    chunk(b"bext", b"x" * 601),
    chunk(b"fact", b"\5\0\0\0"),
)


FORMATS = {
    "8": riff(form(PCM, 8), chunk(b"data", bytes(round(128 + value * 128) for value in VALUES))),
    "16": riff(form(PCM, 16), chunk(b"data", IN_16_BITS)),
    "24": riff(form(PCM, 24), chunk(b"data", IN_24_BITS)),
    "32": riff(
        form(PCM, 32), chunk(b"data", struct.pack("<5i", *(round(v * 2**31) for v in VALUES)))
    ),
    "float": riff(form(FLOAT, 32), chunk(b"data", struct.pack("<5f", *VALUES))),
    "double": riff(form(FLOAT, 64), chunk(b"data", struct.pack("<5d", *VALUES))),
    "ext16": riff(extensible(PCM, 16), chunk(b"data", IN_16_BITS)),
    "ext24": riff(extensible(PCM, 24), chunk(b"data", IN_24_BITS)),
    "extfloat": riff(extensible(FLOAT, 32), chunk(b"data", struct.pack("<5f", *VALUES))),
    "rifx": big_endian([round(value * 2**15) for value in VALUES]),
    "chunks": riff(*NOTES, form(PCM, 16), *NOTES, chunk(b"data", IN_16_BITS), *NOTES),
    "ffmpeg": riff(form(PCM, 16), chunk(b"data", IN_16_BITS, STREAMED), size=STREAMED),
    "sox": riff(form(PCM, 16), chunk(b"data", IN_16_BITS, 0x7FFFFFFF - 36), size=0x7FFFFFFF),
    "riff0": riff(form(PCM, 16), chunk(b"data", IN_16_BITS), size=0),
    "tail": riff(form(PCM, 16), chunk(b"data", IN_16_BITS)) + b"more",
    "cut": riff(form(PCM, 16), chunk(b"data", IN_16_BITS + b"\1\2"))[:-1],
}


@pytest.mark.parametrize("data", FORMATS.values(), ids=FORMATS.keys())
def test_every_format_has_the_same_values(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "one.wav").write_bytes(data)
    samples, rate = read_wav(tmp_path / "one.wav")
    assert samples.dtype == np.float32
    assert (samples.tolist(), rate) == (VALUES, 8000)


def test_floating_point_numbers_beyond_one_are_kept(tmp_path: Path) -> None:
    data = riff(form(FLOAT, 32), chunk(b"data", struct.pack("<3f", 1.5, -300, 0.5)))
    (tmp_path / "one.wav").write_bytes(data)
    assert read_wav(tmp_path / "one.wav")[0].tolist() == [1.5, -300, 0.5]


@pytest.mark.parametrize("cut", range(4))
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize(("bits", "kind"), [(8, "B"), (16, "h"), (32, "i")])
def test_channels_are_averaged(
    tmp_path: Path, bits: int, kind: str, channels: int, cut: int
) -> None:
    """(mean − silence) / 2^(bits−1) in float32, whole frames only: to the last bit."""
    low = 0 if bits == 8 else -(2 ** (bits - 1))
    numbers = np.random.default_rng(bits).integers(low, low + 2**bits, 30 * channels)
    data = riff(
        form(PCM, bits, channels), chunk(b"data", struct.pack(f"<{len(numbers)}{kind}", *numbers))
    )
    (tmp_path / "one.wav").write_bytes(data[: len(data) - cut])
    frames = (30 * channels * bits // 8 - cut) // (channels * bits // 8)
    kept = numbers[: frames * channels].astype("float32").reshape(-1, channels)
    silence = np.float32(128 if bits == 8 else 0)
    expected = (kept.mean(axis=1) - silence) / np.float32(2 ** (bits - 1))
    np.testing.assert_array_equal(read_wav(tmp_path / "one.wav")[0], expected)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "FILE cannot be read as a WAV file: it is empty"),
        (b"hello, world", "FILE cannot be read as a WAV file: it does not begin with RIFF. Received: b'hell'"),
        (b"fLaC and more", "FILE cannot be read as a WAV file: it does not begin with RIFF. Received: b'fLaC'"),
        (b"RIFFnothing", "FILE cannot be read as a WAV file: Format not recognised."),
        (b"RIFF\4\0\0\0AVI ", "FILE cannot be read as a WAV file: Format not recognised."),
        (riff(form(PCM, 16)), "FILE cannot be read as a WAV file: Error in WAV file. No 'data' chunk marker."),
        (riff(form(PCM, 16), chunk(b"data", b""), *NOTES), "FILE holds no samples: its header says 0."),
        (riff(form(PCM, 16), chunk(b"data", IN_16_BITS, 0)), "FILE holds no samples: its header says 0."),
        (riff(form(PCM, 16, 0), chunk(b"data", IN_16_BITS)), "FILE cannot be read as a WAV file: Channel count is zero."),
        (
            riff(form(FLOAT, 32), chunk(b"data", struct.pack("<4f", 0, 1, np.nan, np.inf))),
            "FILE must hold numbers. Received: NaN, infinity or numbers beyond 1e+30 in 2 of 4 samples, first in sample 2",
        ),
        (
            riff(form(FLOAT, 64), chunk(b"data", struct.pack("<2d", 1e300, 0))),
            "FILE must hold numbers. Received: NaN, infinity or numbers beyond 1e+30 in 1 of 2 samples, first in sample 0",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_recording_is_one_line_of_error(
    tmp_path: Path, data: bytes, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "one.wav"
    file.write_bytes(data)
    with pytest.raises(InputError) as error:
        read_wav(file)
    assert str(error.value).replace(str(file), "FILE") == message
    assert capfd.readouterr() == ("", "")  # nor does the library write anything


def test_a_path_that_is_no_readable_file_is_one_line_of_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def error_of(name: str) -> str:
        with pytest.raises(InputError) as error:
            read_wav(tmp_path / name)
        return str(error.value).replace(f"{tmp_path}/{name} cannot be read as a WAV file: ", "")

    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "broken.wav").symlink_to(tmp_path / "gone.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert error_of("folder.wav") == "Is a directory"
    assert error_of("broken.wav") == "No such file or directory"
    assert error_of("pipe.wav") == "it is not a regular file"

    def refuse(path: Path, mode: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    write_wav(tmp_path / "mine.wav", [1, 2])
    monkeypatch.setattr(Path, "open", refuse)
    assert error_of("mine.wav") == "Permission denied"


def test_a_missing_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = builtins.__import__

    def without_library(name: str, *arguments: Any) -> Any:
        if name == "soundfile":
            raise OSError("sndfile library not found")
        return plain(name, *arguments)

    write_wav(tmp_path / "one.wav", [1, 2])
    monkeypatch.setattr(builtins, "__import__", without_library)
    with pytest.raises(InputError) as error:
        read_wav(tmp_path / "one.wav")
    assert str(error.value) == (
        "Recordings are read with soundfile, which cannot be used: sndfile library not found. "
        "Install it again: pip install --force-reinstall soundfile"
    )
