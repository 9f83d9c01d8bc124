"""Every block of Python of README and docs runs as it stands.

The blocks of a page run from top to bottom and share their names, in a folder with the files that
reference pages speak of. Tutorials, and a page that brings its own data, begin in an empty folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from importlib.util import find_spec
from inspect import signature
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import tcn_search as ts
from tcn_search.models.export import export_model
from tcn_search.settings import settings_for
from tcn_search.workers.executor import InProcessExecutor
from tests.cli.test_compare import made_up
from tests.conftest import draw_head, waves
from tests.docs_blocks import ALL_BLOCKS, Block
from tests.study.synthetic import Synthetic, small_space

OPTIONAL = ("mlflow", "onnxruntime")
# Blocks that a test below runs, because it has to look at what they do. No other is left out.
WITH_OWN_TEST = (
    "serve_forever",
    "class Tracking(",
    "class Board(",
    "copy_study(",
    "RayExecutor(",
)
# Pages whose blocks are copied one by one: each runs by itself.
SINGLE_BLOCKS = ("docs/use-the-model.md", "docs/results-elsewhere.md")
SELF_CONTAINED = re.compile(r"docs/(tutorial-.*|estimators)\.md")
WITH_TRAININGS = re.compile(
    r"README\.md|docs/(tutorial-.*|estimators|forecasts|keras-tuner|your-own-model)\.md"
)
# What the tests of pages with trainings take instead; their trainings have three epochs.
BUDGETS = {
    r"\btrials=\d+": "trials=2",
    r"\bmax_epochs=\d+": "max_epochs=2",
    r"\bfolds=\d+": "folds=2",
    r"\btime_limit=\d+": "time_limit=20",
    r"\bn_jobs=-1": "n_jobs=1",
}
EPOCHS = 3

PYTHON = [block for block in ALL_BLOCKS if block.language == "python"]


def is_left_to_its_own_test(block: Block) -> bool:
    return any(words in block.text for words in WITH_OWN_TEST)


def units() -> Iterator[Any]:
    """Yield the lists of blocks that run one after the other."""
    for page, blocks in groupby(PYTHON, lambda block: block.page):
        to_run = [block for block in blocks if not is_left_to_its_own_test(block)]
        parts = [to_run] if to_run else []
        if page in SINGLE_BLOCKS:
            parts = [[block] for block in to_run]
        marks = [pytest.mark.slow] if WITH_TRAININGS.fullmatch(page) else []
        for part in parts:
            yield pytest.param(part, id=str(part[0]), marks=marks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with what the pages name: models, new data, and exported files."""
    folder = tmp_path_factory.mktemp("docs")
    (X, y), (X_new, y_new) = waves(24), waves(6, seed=1)
    task = ts.Task.from_arrays(X, y, class_names=["slow", "fast"], name="my_data")
    model = ts.build_model(ts.Architecture(4, 3, (1, 2, 4)), task)
    draw_head(model)
    for name in ("my_data", "osuleaf", "sales"):
        (folder / "runs" / name).mkdir(parents=True)
    model.save(folder / "runs" / "my_data" / "best.keras")
    model.save(folder / "runs" / "osuleaf" / "best.keras")
    np.savez(folder / "my_data.npz", X_train=X, y_train=y, class_names=["slow", "fast"])
    np.savez(folder / "new_data.npz", X=X_new)
    np.savez(folder / "labelled.npz", X=X_new, y=y_new)
    series(60, "time", "sales").to_csv(folder / "sales.csv")
    series(1_500, "date", "OT").to_csv(folder / "ETTh1.csv")
    forecast = ts.load_task("forecast", file=folder / "sales.csv", horizon=2, look_back=8)
    network = ts.build_model(
        ts.Architecture(4, 3, (1, 2)), forecast, ts.TrainingSettings(quantiles=(0.1, 0.5, 0.9))
    )
    network.save(folder / "runs" / "sales" / "best.keras")
    if any("best_saved_model" in block.text for block in PYTHON):
        export_model(model, folder / "best_saved_model", "saved_model")
    if find_spec("onnxruntime") is not None and find_spec("tf2onnx") is not None:
        export_model(model, folder / "best.onnx", "onnx")
    return folder


def series(steps: int, time: str, name: str) -> pd.DataFrame:
    """Return an hourly series with a daily season."""
    hours = pd.date_range("2024-01-01", periods=steps, freq="h", name=time)
    return pd.DataFrame({name: np.sin(2 * np.pi * np.arange(steps) / 24)}, index=hours)


@pytest.fixture
def ready(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("TCN_SEARCH_STORAGE", f"sqlite:///{tmp_path}/studies.db")
    # Trials that train nothing, whoever starts the run.
    monkeypatch.setattr("tcn_search.study.running.ProcessExecutor", lambda data, slots: Synthetic())


@pytest.fixture(scope="module")
def database(folder: Path) -> Path:
    """Studies with 17 trials and a comparison: `my_data`, and `osuleaf`, which is like it."""
    file = folder / "studies.db"
    task = ts.load_task(folder / "my_data.npz")
    space = small_space(learning_rate=ts.Range(1e-3, 1e-2, log=True))
    for name in ("my_data", "osuleaf"):
        study = ts.Study(
            name,
            task,
            space,
            training=ts.TrainingSettings(epochs=2),
            storage=f"sqlite:///{file}",
            folder=folder / "runs" / name,
        )
        study.run(17, executor=Synthetic(), on_progress=lambda progress: None)
        study._handle.optuna_study.set_user_attr("comparison", made_up().to_dict())
    return file


@pytest.fixture
def study(ready: None, database: Path, tmp_path: Path) -> Iterator[ts.Study]:
    shutil.copy(database, tmp_path)
    yield ts.load_study("my_data")
    plt.close("all")


def given(study: ts.Study) -> dict[str, object]:
    """Return the names that reference pages take for given: the reader's own data and layers."""
    (X, y), (X_new, y_new) = waves(24), waves(6, seed=1)
    layers = [ts.TCN(nb_filters=4, kernel_size=2, dilations=[1, 2]) for _ in range(2)]
    layers[1].build(X.shape)
    return {
        "ts": ts,
        "pd": pd,
        "study": study,
        "names": ["my_data", "osuleaf"],
        "task": study.task,
        "space": small_space(),
        "frame": series(600, "date", "OT"),
        "X": X,
        "y": y,
        "X_train": X,
        "y_train": y,
        "X_test": X_new,
        "y_test": y_new,
        "X_new": X_new,
        "X_labelled": X_new,
        "y_labelled": y_new,
        "ours": layers[0],
        "theirs": layers[1],
        "input_shape": X.shape,
        "first_chunk": X[:, :8],
        "next_chunk": X[:, 8:],
    }


def make_trainings_short(monkeypatch: pytest.MonkeyPatch) -> None:
    def settings(sequences: int, **given: Any) -> ts.TrainingSettings:
        return settings_for(sequences, **{**given, "epochs": EPOCHS})

    monkeypatch.setattr("tcn_search.search.definition.settings_for", settings)
    monkeypatch.setattr("tcn_search.search.final_settings._STEPS", 1)  # as many epochs as a trial


def run(block: Block, names: dict[str, object], text: str = "") -> None:
    """Run a block. One that begins with `# NAME.py` is a file as well, for others to import."""
    text = text or block.text
    file = re.match(r"# (\w+\.py)\n", text)
    if file is not None:
        Path(file[1]).write_text(text)
    for package in OPTIONAL:
        if f"import {package}" in text and find_spec(package) is None:
            pytest.skip(f"{package} is not installed")
    names.setdefault("__name__", "__main__")
    exec(compile("\n" * (block.line - 1) + text, block.page, "exec"), names)


@pytest.mark.filterwarnings("ignore")  # those of other packages
@pytest.mark.parametrize("blocks", list(units()))
def test_the_code_of_a_page_runs(
    blocks: list[Block],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    page = blocks[0].page
    commands = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", commands)  # `tcn-search` of this environment
    names: dict[str, object] = {}
    budgets = {}
    if WITH_TRAININGS.fullmatch(page):
        budgets = BUDGETS
        make_trainings_short(monkeypatch)
    if SELF_CONTAINED.fullmatch(page):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("TCN_SEARCH_STORAGE", raising=False)
    else:
        study = request.getfixturevalue("study")
        if page not in SINGLE_BLOCKS:
            names = given(study)
    for block in blocks:
        text = block.text
        for pattern, smaller in budgets.items():
            text = re.sub(pattern, smaller, text)
        run(block, names, text)
    if page == "docs/estimators.md":  # as it says, without a name nothing is left behind
        assert not list(tmp_path.iterdir())


def test_blocks_that_are_left_out_have_a_test_of_their_own() -> None:
    left_out = [block for block in PYTHON if is_left_to_its_own_test(block)]
    assert len(left_out) == len(WITH_OWN_TEST)


def own_block(words: str) -> Block:
    [block] = [block for block in PYTHON if words in block.text]
    return block


def test_the_server_answers_requests(ready: None, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[HTTPServer] = []
    bind = HTTPServer.__init__
    serve = HTTPServer.serve_forever
    monkeypatch.setattr(
        HTTPServer,
        "__init__",
        lambda server, address, handler: bind(server, (address[0], 0), handler),
    )
    monkeypatch.setattr(HTTPServer, "serve_forever", lambda server: started.append(server))
    names: dict[str, Any] = {}
    run(own_block("serve_forever"), names)
    names["Handler"].log_message = lambda *arguments: None
    [server] = started
    thread = threading.Thread(target=serve, args=(server,), daemon=True)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        X = np.load("new_data.npz")["X"]
        body = json.dumps({"sequences": X.tolist()}).encode()
        with urlopen(Request(url, data=body)) as response:
            rows = json.loads(response.read())
        model = ts.load_model("runs/my_data/best.keras")
        assert [row["prediction"] for row in rows] == ts.predict(model, X)["prediction"].tolist()
        for bad in (b"no json", b'{"sequences": [[1]]}', b"{}", b'{"sequences": [[[1, 2, 3]]]}'):
            with pytest.raises(OSError, match="400"):
                urlopen(Request(url, data=bad))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.filterwarnings("ignore")
def test_the_tracker_has_every_trial_and_epoch(study: ts.Study) -> None:
    run(own_block("class Tracking("), {})
    import mlflow

    client = mlflow.MlflowClient("sqlite:///mlflow.db")
    experiment = client.get_experiment_by_name("my_data")
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 3  # the study had 17 trials
    for each in runs:
        assert each.info.status == "FINISHED"
        assert "learning_rate" in each.data.params
        losses = client.get_metric_history(each.info.run_id, "val_loss")
        assert [metric.step for metric in losses] == list(range(1, len(losses) + 1))


def test_the_board_has_every_epoch(study: ts.Study) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(own_block("class Board("), {})
    logs = sorted(Path("logs").glob("trial-*"))
    assert len(logs) >= 3
    events = EventAccumulator(str(logs[0]))
    events.Reload()
    assert "val_loss" in events.Tags()["tensors"]


def test_a_study_is_copied_to_another_storage(study: ts.Study, tmp_path: Path) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    text = own_block("copy_study(").text.replace("my_study", "my_data")
    places = {
        "sqlite:///runs/studies.db": f"sqlite:///{tmp_path}/studies.db",
        "postgresql+psycopg://ann@db.example.org/studies": other,
    }
    for place, here in places.items():
        assert place in text
        text = text.replace(place, here)
    run(own_block("copy_study("), {}, text)
    copy = ts.load_study("my_data", other)
    pd.testing.assert_frame_equal(copy.trials(), study.trials())
    copy.run(copy.finished + 1)
    assert len(copy.trials()) == len(study.trials()) + 1


@pytest.mark.slow
def test_a_search_and_its_final_trainings_on_a_cluster(
    study: ts.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    arguments = signature(ts.RayExecutor)

    def here(*given: Any, **options: Any) -> InProcessExecutor:
        arguments.bind(*given, **options)
        made.append(InProcessExecutor(study.training_data))
        return made[-1]

    monkeypatch.setattr(ts, "RayExecutor", here)
    make_trainings_short(monkeypatch)
    names: dict[str, Any] = {"study": study}
    block = own_block("RayExecutor(")
    run(block, names, block.text.replace("trials=200", "trials=18"))
    assert len(made) == 1
    assert study.finished == 18
    assert len(names["winner"].runs) > 1
    assert Path(names["winner"].model_file).is_file()
