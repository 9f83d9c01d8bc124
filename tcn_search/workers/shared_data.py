"""Training data on disk, so that every worker process maps the same pages into its memory.

The test split is never written: a worker cannot read a file that does not exist.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData, TrainingData


def write_training_data(data: TrainingData, folder: Path) -> None:
    """Write specification, training and validation split, and folds if any, into `folder`."""
    (folder / "spec.json").write_text(json.dumps(data.spec.to_dict()))
    for name, split in (("train", data.train), ("validation", data.validation)):
        np.save(folder / f"X_{name}.npy", split.X)
        np.save(folder / f"y_{name}.npy", split.y)
    if data.folds is not None:
        np.save(folder / "folds.npy", data.folds)


def read_training_data(folder: Path) -> TrainingData:
    """Read the data that `write_training_data` wrote, with the splits memory-mapped, read-only."""
    folds = None
    if (folder / "folds.npy").exists():
        folds = np.load(folder / "folds.npy", allow_pickle=False)
    return TrainingData(
        spec=TaskSpec.from_dict(json.loads((folder / "spec.json").read_text())),
        train=_mapped_split(folder, "train"),
        validation=_mapped_split(folder, "validation"),
        folds=folds,
    )


def _mapped_split(folder: Path, name: str) -> SplitData:
    """Return the "train" or "validation" split of `folder` without reading its arrays."""
    X = np.load(folder / f"X_{name}.npy", mmap_mode="r", allow_pickle=False)
    y = np.load(folder / f"y_{name}.npy", mmap_mode="r", allow_pickle=False)
    return SplitData(X, y)
