"""The shipped study files: each can be read, and its space has feasible networks."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from tcn_search.cli.main import main
from tcn_search.study.study_file import read_study_file
from tests.study.test_results import module_of
from tests.tasks.builtin.unpack_spoken_digits import unpack

STUDIES = Path(__file__).parents[2] / "studies"
# name: (kind, steps, channels, outputs, required context)
TASKS = {
    "adding-200": ("regression", 200, 2, 1, 200),
    "adding-600": ("regression", 600, 2, 1, 600),
    "copy_memory": ("labelling", 520, 1, 9, 511),
    "seq_mnist": ("classification", 784, 1, 10, 784),
    "permuted_mnist": ("classification", 784, 1, 10, 784),
    "japanese_vowels": ("classification", 29, 12, 9, 29),
    "osuleaf": ("classification", 427, 1, 6, 427),
    "spoken_digits": ("classification", 229, 40, 10, 229),
    "word_ptb": ("labelling", 80, 1, 10_000, 40),
    "etth1": ("forecast", 336, 7, 672, None),
    "ettm1": ("forecast", 336, 7, 672, None),
    "exchange_rate": ("forecast", 336, 8, 768, None),
    "national_illness": ("forecast", 104, 7, 168, None),
    "pjm_in_zone": ("forecast", 336, 3, 24, None),
    "electricity_price": ("forecast", 168, 7, 24, None),
    "beijing_pm25": ("forecast", 168, 20, 24, None),
    "m4_hourly": ("forecast", 336, 1, 48, None),
}
KEYS = {"name", "task", "space", "constraints", "training", "search", "final"}


def test_every_shipped_study_is_tested() -> None:
    assert {file.stem for file in STUDIES.glob("*.toml")} == set(TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_a_shipped_study_has_feasible_networks(name: str) -> None:
    kind, steps, channels, outputs, context = TASKS[name]
    path = STUDIES / f"{name}.toml"
    file = read_study_file(path, {"constraints.required_context": context} if context else {})
    space = file.space.for_task(kind, steps, channels, outputs, file.constraints)
    assert space.limits.required_context == (context or steps)
    assert file.name == name
    assert set(tomllib.loads(path.read_text())) <= KEYS


def file_of(name: str) -> str:
    """Return the name of a forecast's data file."""
    return tomllib.loads((STUDIES / f"{name}.toml").read_text())["task"]["file"]


SMALL = {
    "adding": ["task.train_size=200", "task.validation_size=50", "task.test_size=50"],
    "copy_memory": ["task.train_size=100", "task.validation_size=50", "task.test_size=50"],
    "seq_mnist": ["task.train=200", "task.validation_size=100", "task.test_size=100"],
    "word_ptb": [
        "task.train_tokens=5000",
        "task.vocabulary=100",
        "space.nb_filters=[8]",
        "search.warm_start=false",
    ],
    "permuted_mnist": ["task.train=200", "task.validation_size=100", "task.test_size=100"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TASKS)
def test_a_shipped_study_runs_from_end_to_end(
    name: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist.npz").symlink_to(shared_data / "mnist.npz")
    if name == "spoken_digits":
        unpack(shared_data / "fsdd.npz", tmp_path / "recordings")
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    task = tomllib.loads((STUDIES / f"{name}.toml").read_text())["task"]["name"]
    elsewhere = {
        "word_ptb": [f"task.folder={shared_data}"],
        "spoken_digits": [f"task.folder={tmp_path / 'recordings'}"],
    }
    if name == "m4_hourly":
        tables = [
            pd.read_csv(shared_data / f"M4_Hourly_{part}.csv.gz") for part in ("train", "test")
        ]
        module_of("m4_hourly").in_long_form(*tables).to_csv("m4_hourly.csv", index=False)
        elsewhere[name] = ["task.file=m4_hourly.csv"]
    elif task == "forecast":
        elsewhere[name] = [f"task.file={shared_data / file_of(name)}.gz"]
    changes = [
        *SMALL.get(task, []),
        *elsewhere.get(name, []),
        "training.epochs=1",
        "final.epochs=1",
    ]
    options = [part for change in changes for part in ("--set", change)]
    assert main(["run", str(STUDIES / f"{name}.toml"), "--trials", "2", *options]) == 0
    assert main(["best", name, "--seeds", "1"]) == 0
    assert main(["report", name]) == 0
