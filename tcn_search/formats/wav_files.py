"""Samples of WAV files, read with soundfile."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tcn_search.errors import InputError
from tcn_search.formats.recordings import Recording

_STARTS = (b"RIFF", b"RIFX", b"RF64", b"riff")  # the last: Sony's Wave64
_LOUDEST = 1e30  # sums over the samples of one step stay far below the largest float32


def read_clips(recordings: Sequence[Recording]) -> tuple[list[np.ndarray], int]:
    """Return the samples of each recording, as `read_wav` does, and the rate that all share.

    Raises:
        InputError: a file cannot be read, or its sampling rate differs.
    """
    clips, rates = zip(*(read_wav(recording.path) for recording in recordings), strict=True)
    for recording, rate in zip(recordings, rates, strict=True):
        if rate != rates[0]:
            raise InputError(
                f"All files must have one sampling rate. Received: {rates[0]} Hz in "
                f"{recordings[0].path} and {rate} Hz in {recording.path}"
            )
    return list(clips), rates[0]


def read_wav(path: Path) -> tuple[np.ndarray, int]:
    """Return a file's samples (n,) float32, the mean of its channels, and its rate in Hz.

    Integers are scaled to −1 .. 1, floating-point numbers are as they are. A file may be cut in the
    middle of a frame, and its header may lack the length, as the header of a stream does.

    Raises:
        InputError: names the file and the reason.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:  # OSError: it finds no libsndfile
        raise InputError(
            f"Recordings are read with soundfile, which cannot be used: {error}. Install it again: "
            "pip install --force-reinstall soundfile"
        ) from error
    try:
        _require_wav(path)
        with soundfile.SoundFile(str(path)) as file:
            rate = file.samplerate
            is_unsigned = file.subtype == "PCM_U8"
            samples = file.read(file.frames, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        reason = error.error_string
    except OSError as error:
        reason = error.strerror or str(error)
    except (RuntimeError, ValueError, MemoryError) as error:
        reason = str(error)
    else:
        _require_numbers(path, samples)
        # Samples of 8 bits are averaged on the scale on which they are stored, which begins at 0:
        # around 0, float32 would round their mean in another way.
        silence = np.float32(is_unsigned)
        return (samples + silence).mean(axis=1) - silence, rate
    raise InputError(f"{path} cannot be read as a WAV file: {reason}")


def _require_wav(path: Path) -> None:
    """Raise an OSError for a file that is no WAV file, with the system's reason or a clear one.

    libsndfile would only call a text "not recognised", and writes to the terminal for some
    compressed files.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        raise OSError("it is not a regular file")  # a pipe would be waited for
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise OSError("it is empty")
    if start not in _STARTS:
        raise OSError(f"it does not begin with RIFF. Received: {start!r}")


def _require_numbers(path: Path, samples: np.ndarray) -> None:
    """Raise an InputError unless there are samples (frames, channels), all finite and usable."""
    if not len(samples):
        raise InputError(f"{path} holds no samples: its header says 0.")
    with np.errstate(invalid="ignore"):
        usable = (np.abs(samples) < _LOUDEST).all(axis=1)
    if not usable.all():
        raise InputError(
            f"{path} must hold numbers. Received: NaN, infinity or numbers beyond {_LOUDEST:g} in "
            f"{np.count_nonzero(~usable):,} of {len(usable):,} samples, first in sample "
            f"{usable.argmin():,}"
        )
