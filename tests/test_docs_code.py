"""Every block of Python on the pages about using models and results runs as it stands."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from http.server import HTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.request import Request, urlopen

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import tcn_search as ts
from tcn_search.models.export import export_model
from tests.conftest import draw_head, waves
from tests.study.synthetic import Synthetic, small_space

DOCS = Path(__file__).parents[1] / "docs"
OPTIONAL = ("mlflow", "onnxruntime")


def blocks(page: str) -> list[str]:
    text = (DOCS / page).read_text()
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


USE = blocks("use-the-model.md")
ELSEWHERE = blocks("results-elsewhere.md")
CALLBACKS = [block for block in ELSEWHERE if "TrialCallback" in block]  # tests of their own
SERVERS = [block for block in USE if "serve_forever" in block]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with what the pages name: two models, new data, and exported files."""
    folder = tmp_path_factory.mktemp("docs")
    (X, y), (X_new, y_new) = waves(24), waves(6, seed=1)
    task = ts.Task.from_arrays(X, y, class_names=["slow", "fast"], name="my_data")
    model = ts.build_model(ts.Architecture(4, 3, (1, 2, 4)), task)
    draw_head(model)
    (folder / "runs" / "my_data").mkdir(parents=True)
    (folder / "runs" / "sales").mkdir()
    model.save(folder / "runs" / "my_data" / "best.keras")
    np.savez(folder / "new_data.npz", X=X_new)
    np.savez(folder / "labelled.npz", X=X_new, y=y_new)
    hours = pd.date_range("2024-01-01", periods=60, freq="h")
    sales = pd.DataFrame({"time": hours, "sales": np.sin(np.arange(60.0))})
    sales.to_csv(folder / "sales.csv", index=False)
    forecast = ts.load_task("forecast", file=folder / "sales.csv", horizon=2, look_back=8)
    network = ts.build_model(
        ts.Architecture(4, 3, (1, 2)), forecast, ts.TrainingSettings(quantiles=(0.1, 0.5, 0.9))
    )
    network.save(folder / "runs" / "sales" / "best.keras")
    if any("best_saved_model" in block for block in USE):
        export_model(model, folder / "best_saved_model", "saved_model")
    if find_spec("onnxruntime") is not None and find_spec("tf2onnx") is not None:
        export_model(model, folder / "best.onnx", "onnx")
    return folder


@pytest.fixture
def ready(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("TCN_SEARCH_STORAGE", raising=False)
    # Trials that train nothing, whoever starts the run.
    monkeypatch.setattr("tcn_search.study.running.ProcessExecutor", lambda data, slots: Synthetic())


def run(block: str) -> dict[str, object]:
    for name in OPTIONAL:
        if f"import {name}" in block and find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(block, "<docs>", "exec"), names)
    return names


@pytest.mark.filterwarnings("ignore")  # those of other packages
@pytest.mark.parametrize(
    "block", [block for block in USE if block not in SERVERS], ids=lambda block: block[-40:].strip()
)
def test_blocks_about_a_model_run(ready: None, block: str) -> None:
    run(block)


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
    [block] = SERVERS
    names = run(block)
    names["Handler"].log_message = lambda *arguments: None  # type: ignore[attr-defined]
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


@pytest.fixture
def study(ready: None) -> Iterator[ts.Study]:
    X, y = waves(24)
    np.savez("my_data.npz", X_train=X, y_train=y)
    task = ts.load_task("my_data.npz")
    if "my_data" in ts.list_studies():
        ts.delete_study("my_data")
    space = small_space(learning_rate=ts.Range(1e-3, 1e-2, log=True))
    study = ts.Study("my_data", task, space, training=ts.TrainingSettings(epochs=2))
    study.run(17, executor=Synthetic(), on_progress=lambda progress: None)
    yield study
    plt.close("all")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "block",
    [block for block in ELSEWHERE if block not in CALLBACKS],
    ids=lambda block: block[-40:].strip(),
)
def test_blocks_about_results_run(study: ts.Study, block: str) -> None:
    run(block)


@pytest.mark.filterwarnings("ignore")
def test_the_tracker_has_every_trial_and_epoch(study: ts.Study) -> None:
    [block] = [block for block in CALLBACKS if "import mlflow" in block]
    run(block)
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

    [block] = [block for block in CALLBACKS if "tf.summary" in block]
    run(block)
    logs = sorted(Path("logs").glob("trial-*"))
    assert len(logs) >= 3
    events = EventAccumulator(str(logs[0]))
    events.Reload()
    assert "val_loss" in events.Tags()["tensors"]
