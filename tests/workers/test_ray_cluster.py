"""Trials on a Ray cluster of two machines in one, some of which are lost.

`tests/workers/test_executors.py` has what Ray's executor has in common with the others.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search import Range, RayExecutor, Study, Task, TrainingSettings, TrialCallback
from tcn_search.custom_model.model_function import model_function
from tcn_search.errors import ClusterError, InputError
from tcn_search.workers import ray_workers
from tcn_search.workers.job_data import JobData
from tcn_search.workers.process_executor import import_path
from tcn_search.workers.ray_workers import RayWorkers
from tcn_search.workers.trial import EpochReport, TrialJob, TrialOutcome
from tcn_search.workers.trial_training import run_trial
from tests.conftest import waves
from tests.study.synthetic import small_space
from tests.workers.instant_ray_worker import HANGS, InstantWorker
from tests.workers.test_executors import JOB, TASK, ListOwner

ray = pytest.importorskip("ray", reason="needs pip install 'tcn-search[ray]'")
cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # files that Ray leaves open
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

CPUS = 4  # of each of the two machines
BACKEND = "tensorflow"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A head without cores and two machines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", import_path())
        cluster = cluster_utils.Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        for _ in range(2):
            cluster.add_node(num_cpus=CPUS)
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers train nothing, and look at the cluster often."""
    monkeypatch.setattr(ray_workers, "RayWorker", InstantWorker)
    monkeypatch.setattr(ray_workers, "_LOOK_SECONDS", 0.5)


@pytest.fixture
def start(cluster: Any) -> Iterator[Any]:
    """Start executors, which are closed in the end."""
    started: list[RayWorkers] = []

    def start(data: Any = TASK.training, **options: Any) -> RayWorkers:
        model = options.pop("model", None)
        most = options.pop("most", None)
        executor = RayExecutor(cluster.address, **options)
        started.append(executor.workers_for(data, BACKEND, model, most))
        return started[-1]

    yield start
    for workers in started:
        workers.close()


def jobs(count: int, **changes: Any) -> list[TrialJob]:
    return [replace(JOB, number=number, **changes) for number in range(count)]


class Watcher(ListOwner):
    """An owner that knows where its trials run."""

    def __init__(self, jobs: list[TrialJob], **options: Any) -> None:
        super().__init__(jobs, **options)
        self.running: dict[int, dict[str, Any]] = {}
        self.processes: set[int] = set()
        self.most_running = 0

    def keep_going(self, report: EpochReport) -> bool:
        self.running[report.number] = report.numbers
        self.processes.add(report.numbers["process"])  # type: ignore[arg-type]
        self.most_running = max(self.most_running, len(self.running))
        return super().keep_going(report)

    def finish(self, outcome: TrialOutcome) -> None:
        self.running.pop(outcome.number, None)
        super().finish(outcome)

    @property
    def statuses(self) -> Counter[str]:
        return Counter(outcome.status.value for outcome in self.outcomes.values())


@pytest.mark.usefixtures("instant")
def test_all_slots_of_both_machines_train_at_once(
    start: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tcn_search")
    owner = Watcher(jobs(40))
    workers = start()
    workers.run(owner)
    assert workers.slots == 2 * CPUS
    assert owner.statuses == {"complete": 40}
    assert 1 < len(owner.processes) <= 2 * CPUS
    assert (
        "8 workers, 1 CPU each, backend tensorflow, on a Ray cluster of 3 machines with 8 CPUs"
        in caplog.messages
    )
    few = start(most=3)
    assert few.slots == 3


@pytest.mark.usefixtures("instant")
def test_the_trial_of_a_killed_worker_is_stale_and_the_worker_is_replaced(start: Any) -> None:
    owner = Watcher(jobs(3), kill_at=2)
    owner.kill = lambda: os.kill(max(owner.processes), signal.SIGKILL)
    start(workers=1).run(owner)
    assert owner.statuses == {"stale": 1, "complete": 2}
    assert owner.outcomes[0].reason.startswith("its worker has died: The actor is dead because")
    assert len(owner.processes) == 2


@pytest.mark.usefixtures("instant")
def test_a_worker_is_replaced_after_some_trials(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_workers, "TRIALS_PER_PROCESS", 2)
    owner = Watcher(jobs(5))
    start(workers=1).run(owner)
    assert owner.statuses == {"complete": 5}
    assert len(owner.processes) == 3


@pytest.mark.usefixtures("instant")
def test_a_trial_that_hangs_is_killed_and_its_worker_replaced(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_workers, "GRACE_SECONDS", 0.5)
    hanging = replace(JOB, number=7, contender=HANGS, time_limit=1.0)
    owner = Watcher([hanging, *jobs(2, time_limit=60.0)])
    start(workers=1).run(owner)
    assert owner.statuses == {"timed_out": 1, "complete": 2}
    assert (
        owner.outcomes[7].reason == "the limit is 1 s; it did not stop, so its process was killed"
    )


@pytest.mark.usefixtures("instant")
def test_a_full_cluster_is_waited_for_with_a_message(
    start: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ray_workers, "_PATIENCE_SECONDS", 1.0)
    workers = start()

    @ray.remote(num_cpus=CPUS)
    class Other:
        def is_there(self) -> bool:
            return True

    others = [Other.remote() for _ in range(2)]
    assert all(ray.get([other.is_there.remote() for other in others]))
    owner = Watcher(jobs(3))

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno == logging.WARNING:
                for other in others:
                    ray.kill(other)

    handler = Handler()
    logging.getLogger("tcn_search").addHandler(handler)
    try:
        workers.run(owner)
    finally:
        logging.getLogger("tcn_search").removeHandler(handler)
    assert owner.statuses == {"complete": 3}
    assert (
        "No worker is ready yet: each takes 1 CPU, and of 3 machines with 8 CPUs of the Ray "
        "cluster, 0 CPUs are free. The run waits; Ctrl-C stops it."
    ) in caplog.messages


@pytest.mark.usefixtures("instant")
def test_a_run_that_waits_for_a_machine_ends_when_nothing_is_left_to_do(start: Any) -> None:
    owner = Watcher(jobs(1))
    deadline = time.monotonic() + 2

    class Impatient(Watcher):
        @property
        def needs_executor(self) -> bool:
            return time.monotonic() < deadline

    owner = Impatient(jobs(1))
    start(gpus_per_trial=1).run(owner)  # no machine has a GPU
    assert owner.outcomes == {}


@pytest.mark.usefixtures("instant")
def test_machines_join_and_leave_during_a_run(cluster: Any, start: Any) -> None:
    owner = Watcher(jobs(120))
    workers = start()
    added: list[Any] = []
    slots: list[int] = []

    def finish(outcome: TrialOutcome) -> None:
        Watcher.finish(owner, outcome)
        slots.append(workers.slots)
        if len(owner.outcomes) == 10:
            added.append(cluster.add_node(num_cpus=CPUS))
        elif added and 3 * CPUS in slots and len(owner.outcomes) == 60:
            cluster.remove_node(added.pop(), allow_graceful=False)

    owner.finish = finish  # type: ignore[method-assign]
    workers.run(owner)
    for node in added:
        cluster.remove_node(node)
    assert set(owner.statuses) <= {"complete", "stale"}
    assert len(owner.outcomes) == 120
    assert owner.statuses["stale"] <= CPUS
    assert 3 * CPUS in slots


@pytest.mark.usefixtures("instant")
@pytest.mark.parametrize("lost", ["nothing", "workers", "a machine"])
def test_200_trials_on_postgresql_none_lost_none_twice(
    lost: str, cluster: Any, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study(
        "many",
        TASK,
        space=small_space(learning_rate=Range(1e-4, 1e-2, log=True)),
        training=TrainingSettings(epochs=3),
        backend=BACKEND,
        storage=database,
    )
    generator = random.Random(0)
    ended: list[int] = []
    killed: list[int] = []

    class Callback(TrialCallback):
        def on_epoch(self, progress: Any) -> None:
            if lost == "workers" and generator.random() < 0.02:
                process = int(progress.numbers["process"])
                killed.append(process)
                os.kill(process, signal.SIGKILL)

        def on_trial(self, progress: Any) -> None:
            ended.append(progress.trial)
            if lost == "a machine" and len(ended) == 60:
                cluster.remove_node(node, allow_graceful=False)

    if lost == "a machine":
        node = cluster.add_node(num_cpus=CPUS)
    study.run(
        200,
        executor=RayExecutor(cluster.address),
        on_progress=lambda progress: None,
        callbacks=[Callback()],
    )
    trials = study.trials()
    assert study.finished == 200
    assert len(ended) == len(set(ended))  # each outcome once
    assert "RUNNING" not in set(trials["state"])
    stale = int((trials["ended"] == "stale").sum())
    if lost == "nothing":
        assert stale == 0
    elif lost == "workers":
        assert 0 < stale <= len(killed)
    else:
        assert 0 < stale <= CPUS


def test_another_version_ends_the_run_with_a_message(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tcn_search.workers.ray_executor.installed_versions",
        lambda backend: {"tcn-search": "0.0.1", "keras": keras.__version__},
    )
    with pytest.raises(
        ClusterError, match=r"cannot train: .* has other versions: tcn-search .* \(the study's "
    ):
        start(workers=1).run(ListOwner(jobs(1)))


def test_too_large_a_trial_and_no_cluster() -> None:
    with pytest.raises(InputError, match="A trial takes 1 CPU and 1 GPU: too much for 1 machine"):
        RayExecutor(workers=1, gpus_per_trial=1).workers_for(TASK.training, BACKEND)
    assert not ray.is_initialized()
    with pytest.raises(ClusterError, match="There is no Ray cluster at 127.0.0.1:1. Start one"):
        RayExecutor("127.0.0.1:1").workers_for(TASK.training, BACKEND)


def test_models_of_final_trainings_come_back(start: Any, tmp_path: Path) -> None:
    folded = Task.from_arrays(*waves(24)).cross_validated(3)
    settings = TrainingSettings(epochs=3, batch_size=8, weights="last")
    file = tmp_path / "model.keras"
    job = replace(JOB, settings=settings, data=JobData.TRAINING)
    remote = replace(job, model_files=(str(tmp_path / "missing" / "model.keras"), str(file)))
    unsaved = replace(job, number=1, model_files=(str(tmp_path / "missing" / "model.keras"),))
    owner = ListOwner([remote, unsaved])
    start(folded, workers=1).run(owner)
    assert owner.outcomes[0].status == "complete"
    assert owner.outcomes[1].status == "failed"
    assert "InputError: The model cannot be saved as " in owner.outcomes[1].reason
    local = replace(job, model_files=(str(tmp_path / "here.keras"),))
    outcome = run_trial(local, folded, lambda report: True)
    assert owner.outcomes[0].score == pytest.approx(outcome.score, rel=1e-5)
    models = [keras.saving.load_model(path) for path in (file, tmp_path / "here.keras")]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_custom_model_needs_no_file_on_the_other_machine(start: Any, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "helpers.py").write_text("WIDTH = 5\n")
    (folder / "model.py").write_text(
        textwrap.dedent("""
            import keras
            import tcn_search as ts
            from helpers import WIDTH

            def build(architecture, task, settings):
                sequences = keras.Input((task.seq_len, task.input_channels))
                x = ts.tcn_body(architecture, settings.dropout_rate)(sequences)
                x = keras.layers.Dense(WIDTH)(x)
                return keras.Model(sequences, keras.layers.Dense(task.outputs)(x))
        """)
    )
    function = model_function(f"{folder / 'model.py'}:build")
    workers = start(workers=1, model=function)
    folder.rename(tmp_path / "gone")
    owner = ListOwner([replace(JOB, model=function)])
    workers.run(owner)
    assert (owner.outcomes[0].status, owner.outcomes[0].reason) == ("complete", "")
    assert owner.outcomes[0].parameters is not None


def test_one_worker_trains_the_trials_of_one_process(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    frames = []
    for name in ("processes", "ray"):
        study = Study(
            name, TASK, space=small_space(), training=TrainingSettings(epochs=2), backend=BACKEND
        )
        if name == "ray":
            study.run(4, executor=RayExecutor(cluster.address, workers=1))
        else:
            study.run(4, workers=1)
        frames.append(study.trials())
    processes, on_ray = frames
    same = ["trial", "ended", "nb_filters", "learning_rate", "epochs"]
    same = [column for column in same if column in processes.columns]
    assert len(same) >= 4
    assert processes[same].equals(on_ray[same])
    np.testing.assert_allclose(processes["score"], on_ray["score"], rtol=1e-4)


def test_final_trainings_and_comparison_use_the_cluster(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "tcn_search.study.training_executors.ProcessExecutor", None
    )  # none may be started
    executor = RayExecutor(cluster.address, workers=2)
    study = Study(
        "waves", TASK, space=small_space(), training=TrainingSettings(epochs=2), backend=BACKEND
    )
    study.run(2, executor=executor)
    winner = study.best(2, seeds=2, executor=executor)
    assert len(winner.test_scores) == 2
    assert Path(winner.model_file).is_file()
    comparison = study.compare(["gru"], 1, 1, executor=executor)
    assert {run.contender for run in comparison.runs} == {"tcn", "gru"}
    assert not ray.is_initialized()


LOST_HEAD = """
import signal, sys
import psutil
import ray
from tcn_search import RayExecutor, Study, Task, TrainingSettings, TrialCallback
from tcn_search.errors import ClusterError
from tcn_search.workers import ray_cluster, ray_workers
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space
from tests.workers.instant_ray_worker import InstantWorker

ray_workers.RayWorker = InstantWorker
ray_workers._LOOK_SECONDS = 0.5
ray_cluster.LOST_SECONDS = 3.0
sent = getattr(signal, sys.argv[1])
if sent == signal.SIGSTOP:
    ray_cluster._SHUTDOWN_SECONDS = 1.0
ended = []
lost = []

class Callback(TrialCallback):
    def on_trial(self, progress):
        ended.append(progress.trial)
        if len(ended) == 5:
            for process in psutil.Process().children(recursive=True):
                if process.name() in sys.argv[2:]:
                    process.send_signal(sent)
                    lost.append(process)

study = Study(
    "lost", Task.from_arrays(*waves(24)), space=small_space(nb_filters=list(range(1, 65))),
    training=TrainingSettings(epochs=3), backend="tensorflow",
)
quiet = lambda progress: None
try:
    study.run(200, executor=RayExecutor(workers=2), on_progress=quiet, callbacks=[Callback()])
except ClusterError as error:
    print(error)
print("connected" if ray.is_initialized() else "disconnected")
for process in lost:
    if process.is_running():
        process.kill()
print(study.finished, set(study.trials()["state"]) & {"RUNNING"})
study.run(study.finished + 2, executor=Synthetic(), on_progress=quiet)
print("continued")
"""


@pytest.mark.parametrize(
    ("sent", "processes"),
    [
        ("SIGKILL", ["gcs_server"]),
        ("SIGKILL", ["gcs_server", "raylet"]),
        ("SIGSTOP", ["gcs_server"]),  # it goes on to accept connections, and answers nothing
    ],
)
def test_a_lost_head_ends_the_run_with_a_message(
    sent: str, processes: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST_HEAD, sent, *processes],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": import_path()},
    )
    lines = done.stdout.strip().splitlines()[-4:]
    assert len(lines) == 4, done.stderr
    message, connection, counts, continued = lines
    assert message.startswith("The head of the Ray cluster, "), done.stderr
    assert "has not answered for 3 seconds. The study is kept" in message
    if sent == "SIGKILL":  # otherwise Ray would end this process a minute after the loss
        assert connection == "disconnected"
    assert counts.endswith(" set()")
    assert int(counts.split()[0]) >= 5
    assert continued == "continued"
    assert done.returncode == 0, done.stderr


def test_authentication_that_is_on_only_here_is_named(
    cluster: Any, wave_file: Path, tmp_path: Path
) -> None:
    on_cluster = ["--executor", "ray", "--address", cluster.address]
    done = subprocess.run(
        [sys.executable, "-m", "tcn_search", "run", str(wave_file), "--trials", "1", *on_cluster],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": import_path(),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": "0" * 64,
        },
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert (
        "Ray's token authentication may be on here and off there, or the other way round: set "
        "RAY_AUTH_MODE to the same value"
    ) in done.stderr


def test_ctrl_c_leaves_a_study_that_continues_without_the_cluster(
    cluster: Any, wave_file: Path, tmp_path: Path
) -> None:
    options = ["run", str(wave_file), "--trials", "30", "--set", "training.epochs=40"]
    on_cluster = ["--executor", "ray", "--address", cluster.address, "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": import_path()}
    command = [sys.executable, "-m", "tcn_search", *options]
    process = subprocess.Popen(
        [*command, *on_cluster],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith("trial 0:"):
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "The same command continues." in out
    assert "Traceback" not in err
    assert any("1 worker, 1 CPU, backend tensorflow, on a Ray cluster" in line for line in lines)
    again = subprocess.run(
        [*command[:-4], "--trials", "2", "--set", "training.epochs=40"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
    )
    assert again.returncode == 0, again.stderr
