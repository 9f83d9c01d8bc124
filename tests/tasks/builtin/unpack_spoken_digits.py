"""Writes the clips of an fsdd.npz (audio, offsets, labels, speakers, indices) as the dataset's own WAV files.

python tests/tasks/builtin/unpack_spoken_digits.py fsdd.npz studies/free-spoken-digit-dataset/recordings
"""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import numpy as np


def unpack(file: Path, folder: Path) -> int:
    """Write every clip as DIGIT_SPEAKER_NUMBER.wav into `folder`; returns how many."""
    with np.load(file, allow_pickle=False) as archive:
        stored = {name: archive[name] for name in archive.files}
    folder.mkdir(parents=True, exist_ok=True)
    for row, label in enumerate(stored["labels"]):
        start, end = stored["offsets"][row : row + 2]
        speaker = stored["speaker_names"][stored["speakers"][row]]
        with wave.open(
            str(folder / f"{label}_{speaker}_{stored['indices'][row]}.wav"), "wb"
        ) as clip:
            clip.setparams((1, 2, int(stored["rate"]), 0, "NONE", ""))
            clip.writeframes(stored["audio"][start:end].astype("<i2").tobytes())
    return len(stored["labels"])


if __name__ == "__main__":
    print(f"wrote {unpack(Path(sys.argv[1]), Path(sys.argv[2]))} files")
