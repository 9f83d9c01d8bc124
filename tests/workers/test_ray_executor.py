"""What a Ray executor is told and plans; tests/workers/test_ray_cluster.py runs one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tcn_search import RayExecutor
from tcn_search.cli.main import main
from tcn_search.errors import ClusterError, InputError
from tcn_search.workers import ray_cluster
from tcn_search.workers.ray_cluster import RayCluster
from tcn_search.workers.ray_plan import RayPlan, TrialResources, machines_in_words

GIB = float(1 << 30)
BIG = {"CPU": 16.0, "GPU": 2.0, "memory": 64 * GIB}
SMALL = {"CPU": 4.0, "memory": 3 * GIB}
HEAD = {"memory": 8 * GIB}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"address": "ray://head:10001"}, "address must be auto or HOST:PORT. Received: 'ray://"),
        ({"address": "head"}, "address must be auto or HOST:PORT. Received: 'head'"),
        ({"workers": 0}, "workers must be an integer of at least 1. Received: 0"),
        ({"workers": "all"}, "workers must be \"auto\" or at least 1. Received: 'all'"),
        ({"cpus_per_trial": 0.5}, "cpus_per_trial must be an integer of at least 1. Received: 0.5"),
        ({"gpus_per_trial": 2}, "gpus_per_trial must be 0, or a share of a GPU from 0.0001 to"),
        ({"gpus_per_trial": 1e-5}, "a share of a GPU from 0.0001 to 1: .* Received: 1e-05"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RayExecutor(**arguments)


def test_ray_is_needed_only_here(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wave_file: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: None)
    for create in (RayExecutor, lambda: RayCluster(None)):
        with pytest.raises(InputError, match=r"needs Ray: pip install 'tcn-search\[ray\]'"):
            create()
    assert main(["run", str(wave_file), "--executor", "ray"]) == 2
    error = capsys.readouterr().err
    assert (
        error == "tcn-search run: Training on a cluster needs Ray: pip install 'tcn-search[ray]'\n"
    )


def test_a_cluster_that_refuses_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**options: Any) -> None:
        raise ConnectionError("Failed to connect to Ray cluster at head:6379\n\nMore lines")

    fake = SimpleNamespace(init=init, is_initialized=lambda: False)
    monkeypatch.setitem(sys.modules, "ray", fake)
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: object())
    with pytest.raises(
        ClusterError,
        match="cannot be used from this machine: Failed to connect to Ray cluster at head:6379. "
        "Its token authentication must be that of this command: set RAY_AUTH_MODE",
    ):
        RayCluster("auto")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--address", "auto"], "--address goes with --executor ray. Received: --address auto"),
        (["--gpus-per-trial", "0.25"], "--gpus-per-trial goes with --executor ray."),
        (
            ["--executor", "ray", "--workers-per-gpu", "4"],
            "With --executor ray, give --gpus-per-trial 0.25",
        ),
        (
            ["--executor", "ray", "--workers-per-gpu", "6"],
            "With --executor ray, give --gpus-per-trial 0.1666",
        ),
    ],
)
def test_options_that_do_not_go_together(
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wave_file: Path,
) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: object())
    assert main(["run", str(wave_file), *options]) == 2
    assert message in capsys.readouterr().err


def plan(**arguments: Any) -> RayPlan:
    resources = TrialResources(cpus=1, gpus=arguments.pop("gpus", 0))
    return RayPlan(resources=resources, environment={}, versions={}, files={}, **arguments)


@pytest.mark.parametrize(
    ("arguments", "slots"),
    [
        ({}, 16 + 3),  # the small machine has memory for 3
        ({"gpus": 0.25}, 8),
        ({"gpus": 1}, 2),
        ({"gpus": 0.2}, 10),
        ({"gpus": 0.1666}, 12),
        ({"gpus": 1 / 3}, 6),
        ({"gpus": 0.6}, 2),
        ({"most": 5}, 5),
        ({"workers": 40}, 40),  # 21 of them wait for machines
        ({"workers": 40, "most": 7}, 7),
    ],
)
def test_as_many_slots_as_the_machines_can_hold(arguments: dict[str, Any], slots: int) -> None:
    assert plan(**arguments).slots_on([HEAD, BIG, SMALL]) == slots


def test_numbers_of_numpy_are_those_of_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "find_spec", lambda name: object())
    executor = RayExecutor(
        workers=np.int64(2), cpus_per_trial=np.int64(3), gpus_per_trial=np.float32(0.25)
    )
    kept = (executor._workers, executor._cpus, executor._gpus)
    assert kept == (2, 3, 0.25)
    assert [type(number) for number in kept] == [int, int, float]


def test_one_head_that_does_not_answer_once_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(ray_cluster.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(ray_cluster, "_accepts_connections", lambda address: False)
    cluster = RayCluster.__new__(RayCluster)
    cluster._head = "head:6379"
    cluster._silent_since = None
    clock[0] = 1000.0  # nobody has looked for long
    assert not cluster.head_answers()
    clock[0] += 15
    assert not cluster.head_answers()
    clock[0] += 15
    with pytest.raises(ClusterError, match="has not answered for 20 seconds"):
        cluster.head_answers()
    assert cluster._is_lost


def test_one_worker_waits_for_a_machine_that_may_join() -> None:
    assert plan(gpus=1).slots_on([HEAD, SMALL]) == 1
    assert TrialResources(cpus=1, gpus=0).trials_on({"CPU": 2.0, "memory": GIB / 2}) == 1


def test_machines_in_words() -> None:
    assert machines_in_words([HEAD, BIG, SMALL]) == "3 machines with 20 CPUs and 2 GPUs"
    assert machines_in_words([{"CPU": 1.0}]) == "1 machine with 1 CPU"
    assert str(TrialResources(cpus=2, gpus=0.25)) == "2 CPUs and 0.25 GPU"
