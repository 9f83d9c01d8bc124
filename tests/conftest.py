"""Small data and one small finished study that many tests read."""

from __future__ import annotations

import functools
import gc
import os
import signal
import sqlite3
from collections.abc import Iterator

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# Ray reads it once. Without it, a local cluster turns authentication on for all later ones.
os.environ["RAY_AUTH_MODE"] = "disabled"

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

from tests.postgresql import database, postgresql  # noqa: F401 - fixtures

# The background job of a shell ignores Ctrl-C, and the commands that tests start and stop would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The default tests draw the same examples each time; those marked slow draw new ones.
settings.register_profile("repeatable", derandomize=True)
settings.load_profile("repeatable")

SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@event.listens_for(Engine, "connect")
def _do_not_wait_for_the_disk(connection: Any, record: Any) -> None:
    """Tests write to databases that nobody needs after a power cut."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA synchronous=OFF")
    _read_migrations_once()


@functools.cache
def _read_migrations_once() -> None:
    """Let Optuna run its migration scripts once, not each time that a storage is opened.

    It runs them to learn the newest version of its tables: 25 of the 30 ms of an opening, and half
    of the time of the tests that open many studies.
    """
    from optuna.storages._rdb.storage import _VersionManager

    read = _VersionManager.get_head_version
    newest: list[str] = []

    def remembered(self: Any) -> str:
        if not newest:
            newest.append(read(self))
        return newest[0]

    _VersionManager.get_head_version = remembered


@pytest.fixture(scope="module", autouse=True)
def _collect_once() -> Iterator[None]:
    """What a module has left behind is collected, and the rest no longer looked through after every trial."""
    yield
    gc.collect()
    gc.freeze()


def waves(count: int, steps: int = 16, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two classes, a slow and a fast wave, with noise and one channel of nothing but noise."""
    generator = np.random.default_rng(seed)
    y = np.arange(count) % 2
    phase = generator.uniform(0, 2 * np.pi, (count, 1))
    speed = np.where(y == 0, 0.5, 1.5)[:, None]
    wave = np.sin(phase + speed * np.arange(steps)) + generator.normal(0, 0.1, (count, steps))
    return np.stack([wave, generator.normal(size=(count, steps))], axis=-1).astype("float32"), y


def draw_head(model: Any) -> None:
    """Give the head random weights: it begins at zero, and the outputs would tell nothing."""
    kernel = model.get_layer("head").kernel
    kernel.assign(np.random.default_rng(0).normal(size=kernel.shape))


@pytest.fixture(scope="session")
def wave_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An .npz as a user would write it."""
    (X, y), (X_test, y_test) = waves(40), waves(20, seed=1)
    file = tmp_path_factory.mktemp("data") / "waves.npz"
    np.savez(file, X_train=X, y_train=y, X_test=X_test, y_test=y_test, class_names=["slow", "fast"])
    return file


@pytest.fixture
def shared_data() -> Path:
    """The real datasets, where they are at hand."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the shared datasets are not beside this checkout")
    return SHARED_DATA
