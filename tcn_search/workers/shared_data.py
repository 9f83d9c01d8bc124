"""Training data on disk, so that every worker process maps the same pages into its memory.

The test part is never written here: a worker cannot read what it does not have.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import Part, TrainingData


def write_training_data(data: TrainingData, folder: Path) -> None:
    """Write specification, training and validation part, and folds if any, into `folder`."""
    (folder / "spec.json").write_text(json.dumps(data.spec.to_dict()))
    for name, part in (("train", data.train), ("validation", data.validation)):
        np.save(folder / f"X_{name}.npy", part.X)
        np.save(folder / f"y_{name}.npy", part.y)
    if data.folds is not None:
        np.save(folder / "folds.npy", data.folds)


def read_training_data(folder: Path) -> TrainingData:
    """What `write_training_data` wrote, memory-mapped and read-only."""
    spec = TaskSpec.from_dict(json.loads((folder / "spec.json").read_text()))
    train, validation = (
        Part(
            *(
                np.load(folder / f"{array}_{name}.npy", mmap_mode="r", allow_pickle=False)
                for array in "Xy"
            )
        )
        for name in ("train", "validation")
    )
    file = folder / "folds.npy"
    folds = np.load(file, allow_pickle=False) if file.exists() else None
    return TrainingData(spec, train, validation, folds)
