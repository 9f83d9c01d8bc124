"""Search and train on one dataset of the suite, with nothing tuned by hand. Called by suite.py.

    python benchmarks/suite_study.py FILE.npz RESULT.json SECONDS

Two fifths of the seconds are for the search; the final trainings end with the rest.
"""

from __future__ import annotations

import math
import os
import platform
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from suite_tables import write_result

import tcn_search as ts
from tcn_search.search.portfolio import portfolio

SEARCH_SHARE = 0.4  # of the seconds
MOST_TRIALS = 10_000
INSTRUCTIONS = ("avx", "avx2", "fma", "avx512f", "avx512_vnni", "amx_tile", "asimd", "sve")


def filled(X: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Interpolate missing values linearly along each sequence, up to its own length.

    Args:
        X: (n, T, C).
        lengths: (n,) steps of each sequence.
    """
    X = X.copy()
    for sequence, length in zip(X, lengths, strict=True):
        steps = np.arange(length)
        for channel in range(X.shape[2]):
            values = sequence[:length, channel]
            known = np.isfinite(values)
            if not known.all() and known.any():
                sequence[:length, channel] = np.interp(steps, steps[known], values[known])
    return X


def usable_file(file: Path, folder: Path) -> Path:
    """Return the file, or one in the folder without the missing values that it has."""
    with np.load(file, allow_pickle=False) as opened:
        arrays = {name: opened[name] for name in opened.files}
    changed = False
    for split in ("train", "test"):
        X = arrays[f"X_{split}"]
        arrays[f"X_{split}"] = filled(X, arrays[f"lengths_{split}"])
        changed = changed or not np.array_equal(X, arrays[f"X_{split}"], equal_nan=True)
    if not changed:
        return file
    written = folder / file.name
    np.savez(written, **arrays)
    return written


def simple_baselines(study: ts.Study) -> dict[str, float]:
    """Return the test accuracy of each simple model that `best` has scored, by its name."""
    found = study.results.simple_baselines
    if found is None:
        return {}
    return {each.name: each.test for each in found.baselines if each.test is not None}


def recorded_trials(study: ts.Study) -> list[dict[str, Any]]:
    """Return every trial that was built, as plain values: configuration, score and seconds."""
    rows = []
    for record in study.results.records():
        if record.architecture is None or record.outcome is None:
            continue
        outcome = record.outcome
        best_epoch = {}
        if 0 < outcome.best_epoch <= len(outcome.curve):
            best_epoch = outcome.curve[outcome.best_epoch - 1]
        rows.append(
            {
                "trial": record.number,
                "name": record.enqueued_as,
                "status": record.status.value,
                "score": outcome.score,
                "best_epoch": outcome.best_epoch,
                "numbers": {
                    name: value for name, value in best_epoch.items() if name.startswith("val_")
                },
                "epochs": len(outcome.curve),
                "seconds": outcome.seconds.get("total"),
                "parameters": outcome.parameters,
                "architecture": record.architecture.to_dict(),
                "settings": record.settings.to_dict() if record.settings else None,
            }
        )
    return rows


def machine() -> dict[str, Any]:
    """Return what the seconds depend on."""
    flags: set[str] = set()
    described = Path("/proc/cpuinfo")
    if described.exists():
        flags = set(described.read_text(encoding="utf-8").split())
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    return {
        "cores": cores,
        "load": round(os.getloadavg()[0], 1),  # processes at work in the last minute
        "processor": platform.machine(),
        "instructions": [name for name in INSTRUCTIONS if name in flags],
    }


def versions() -> dict[str, str]:
    """Return the versions of the packages that matter."""
    found = {"python": platform.python_version(), "tcn-search": ts.__version__}
    return found | {name: version(name) for name in ("tensorflow", "keras", "optuna", "numpy")}


def measure(file: Path, seconds: float) -> dict[str, Any]:
    """Run a study on the file in the working directory, and return the result."""
    started = time.monotonic()
    task = ts.load_task(str(usable_file(file, Path.cwd())))
    study = ts.Study(file.stem, task)
    study.run(MOST_TRIALS, timeout=SEARCH_SHARE * seconds)
    while "complete" not in set(study.trials()["ended"]):
        study.run(study.finished + 1)
    searched = time.monotonic()
    trials = recorded_trials(study)
    seconds_left = max(1.0, seconds - (searched - started))  # the search may have taken longer
    winner = study.best(timeout=seconds_left)
    ended = time.monotonic()
    candidate = study.results.candidate(winner.trial)
    architecture = candidate.architecture
    return {
        "dataset": file.stem,
        "versions": versions(),
        "machine": machine(),
        "portfolio": portfolio().source,
        "minutes": seconds / 60,
        "seconds": {
            "search": round(searched - started, 1),
            "final_trainings": round(ended - searched, 1),
        },
        "sequences": {"training": len(task.train), "validation": len(task.validation)},
        "trials": dict(Counter(row["status"] for row in trials)),
        "winner": {
            "trial": winner.trial,
            "architecture": architecture.to_dict(),
            "settings": candidate.settings.to_dict(),
            "receptive_field": architecture.receptive_field,
            "seq_len": task.spec.seq_len,
        },
        "validation": {"objective": winner.objective, "score": study.best_score},
        "final_trainings": [asdict(run) for run in winner.runs],
        "test": {
            "metric": winner.metric,
            "members": winner.test_scores,
            "ensemble": winner.ensemble_score,
        },
        "simple_baselines": simple_baselines(study),
        "recorded": trials,
    }


def main(file: str, target: str, seconds: str) -> None:
    source = Path(file).resolve()
    result_file = Path(target).resolve()
    with tempfile.TemporaryDirectory(prefix="suite-") as folder:
        os.chdir(folder)
        result = measure(source, float(seconds))
        os.chdir(source.parent)
    scores = result["test"]["members"]
    if not scores or not all(map(math.isfinite, scores)):
        sys.exit(f"{source.stem}: the test scores are {scores}")
    write_result(result_file.parent, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
