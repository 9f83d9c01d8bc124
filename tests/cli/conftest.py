"""A folder with data and a study file, and the processes of commands on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import waves

STUDY = """
[task]
name = "waves.npz"
[space]
nb_filters = [4]
kernel_size = [3]
levels = { low = 2, high = 3 }
readout = ["max"]
norm = ["none"]
learning_rate = [0.02]
[training]
epochs = 4
batch_size = 8
[search]
trials = 2
pruner = "none"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a working directory with data (waves.npz) and a study file (mine.toml)."""
    (X, y), (X_test, y_test) = waves(40), waves(20, seed=1)
    np.savez(
        tmp_path / "waves.npz",
        X_train=X,
        y_train=y,
        X_test=X_test,
        y_test=y_test,
        class_names=["slow", "fast"],
    )
    (tmp_path / "mine.toml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    return tmp_path
