"""What a user would write instead, for one dataset: Optuna around keras-tcn. Called by suite.py.

    python benchmarks/suite_plain.py FILE.npz RESULT.json SECONDS

Splits, batch size and epochs are those of the study; the inputs are standardised. The result
is added to RESULT.json.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from suite_study import machine, usable_file
from suite_tables import read_result, write_result

import tcn_search as ts
from tcn_search.settings import settings_for
from tcn_search.space.geometry import most_useful_levels

SCRIPT = Path(__file__).parent / "plain" / "optuna_keras_tcn_accuracy.py"
SPACE: dict[str, Any] = {
    "nb_filters": [16, 32, 64],
    "kernel_size": [2, 8],
    "nb_stacks": [1, 2],
    "norm": ["none", "batch", "layer"],
    "dropout_rate": [0.0, 0.3],
    "learning_rate": [1e-4, 1e-2],
}


def arrays_of(task: ts.Task) -> dict[str, np.ndarray]:
    """Return standardised sequences, all of one length, and the classes of the three splits."""
    assert task.test is not None
    mean = task.train.X.mean(axis=(0, 1), dtype="float64")
    deviation = task.train.X.std(axis=(0, 1), dtype="float64")
    deviation[deviation == 0] = 1.0
    arrays = {}
    for name, split in (("train", task.train), ("val", task.validation), ("test", task.test)):
        arrays[f"X_{name}"] = ((split.X - mean) / deviation).astype("float32")
        arrays[f"y_{name}"] = split.y
    return arrays


def measure(file: Path, folder: Path, seconds: float) -> dict[str, Any]:
    """Run the plain search in a process of its own, and return what it prints."""
    task = ts.load_task(str(usable_file(file, folder)))
    data = folder / "data.npz"
    np.savez(data, **arrays_of(task))
    settings = settings_for(len(task.train), seq_len=task.spec.seq_len)
    asked = {
        "data": str(data),
        "outputs": task.spec.outputs,
        "space": {**SPACE, "levels": [1, most_useful_levels(2, task.spec.seq_len)]},
        "batch_size": settings.batch_size,
        "epochs": settings.epochs,
        "seed": 0,
        "seconds": seconds,
    }
    asked_file = folder / "asked.json"
    asked_file.write_text(json.dumps(asked), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(asked_file)], capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(done.stderr[-2000:])
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main(file: str, target: str, seconds: str) -> None:
    result_file = Path(target)
    with tempfile.TemporaryDirectory(prefix="suite-") as folder:
        plain = measure(Path(file).resolve(), Path(folder), float(seconds))
    result = read_result(result_file.parent, result_file.stem)
    if result is None:
        sys.exit(f"There is no {result_file}. Run the study of this dataset first.")
    write_result(result_file.parent, {**result, "plain": plain | {"machine": machine()}})


if __name__ == "__main__":
    main(*sys.argv[1:])
