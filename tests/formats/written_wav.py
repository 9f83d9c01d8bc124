"""Write WAV files for tests."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np


def write_wav(
    path: Path, samples: Any, rate: int = 8000, width: int = 2, channels: int = 1
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    types = {1: "u1", 2: "<i2", 4: "<i4"}
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(np.asarray(samples).astype(types[width]).tobytes())
