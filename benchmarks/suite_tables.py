"""Tables of the suite: its datasets, published accuracies, and results, one JSON a dataset."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from tcn_search.atomic_files import replacing

HERE = Path(__file__).parent
RESULTS = HERE / "suite_results"
HALVES = ("dev", "held")
# Datasets of "held" that were opened too early: their results have influenced the defaults.
OPENED = ("Adiac", "ArticularyWordRecognition", "Beef", "Car", "Computers")


class Dataset(NamedTuple):
    """A row of suite_datasets.csv.

    Attributes:
        name: of the problem, and of its file `NAME.npz`.
        half: "dev" or "held". In alphabetical order, capitals before small letters, the first
            dataset is "dev", the second "held", and so on in turn.
        plain: whether keras-tcn with Optuna is measured too: every seventh, from the first.
        note: how it differs from the others; "" for most.
    """

    name: str
    half: str
    plain: bool
    note: str


def datasets() -> list[Dataset]:
    """Read the datasets of the suite, in alphabetical order."""
    with (HERE / "suite_datasets.csv").open(encoding="utf-8", newline="") as opened:
        return [
            Dataset(row["dataset"], row["half"], row["plain"] == "yes", row["note"])
            for row in csv.DictReader(opened)
        ]


def published_accuracies() -> dict[str, dict[str, float]]:
    """Read the published accuracies: by dataset, then by model.

    Where two sources give one, it is the higher.
    """
    accuracies: dict[str, dict[str, float]] = {}
    with (HERE / "published_accuracies.csv").open(encoding="utf-8", newline="") as opened:
        for row in csv.DictReader(opened):
            models = accuracies.setdefault(row["dataset"], {})
            accuracy = float(row["accuracy"])
            models[row["model"]] = max(accuracy, models.get(row["model"], 0.0))
    return accuracies


def published_sources() -> list[str]:
    """Return the sources of the published accuracies."""
    with (HERE / "published_accuracies.csv").open(encoding="utf-8", newline="") as opened:
        return sorted({row["source"] for row in csv.DictReader(opened)})


def result_file(folder: Path, dataset: str) -> Path:
    """Return where the result of a dataset is stored."""
    return folder / f"{dataset}.json"


def read_result(folder: Path, dataset: str) -> dict[str, Any] | None:
    """Read the result of a dataset; None if there is none yet."""
    file = result_file(folder, dataset)
    if not file.exists():
        return None
    result: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return result


def read_results(folder: Path, names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read the results that there are, by dataset."""
    found = {name: read_result(folder, name) for name in names}
    return {name: result for name, result in found.items() if result is not None}


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """Write the result of a dataset; a killed process leaves the earlier file or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(result_file(folder, result["dataset"])) as part:
        part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
