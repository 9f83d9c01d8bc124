"""How trials are spread over made-up machines."""

from __future__ import annotations

import pytest

from tcn_search.errors import InputError
from tcn_search.workers.backends import backend_version
from tcn_search.workers.resources import Machine
from tcn_search.workers.slots import plan_workers

GIB = 1 << 30
TWO_CORES = Machine(cores=(0, 1), memory=16 * GIB)
BIG = Machine(cores=tuple(range(20)), memory=256 * GIB)
GPUS = Machine(cores=tuple(range(16)), memory=128 * GIB, gpus=("0", "3"))


def cores(machine: Machine, **arguments: object) -> list[tuple[int, ...]]:
    return [slot.cores for slot in plan_workers(machine, "tensorflow", **arguments).slots]  # type: ignore[arg-type]


def test_two_cores_give_two_workers_of_one_thread() -> None:
    plan = plan_workers(TWO_CORES, "tensorflow")
    assert [slot.cores for slot in plan.slots] == [(0,), (1,)]
    for slot in plan.slots:
        assert slot.environment["KERAS_BACKEND"] == "tensorflow"
        assert (
            slot.environment["TF_NUM_INTRAOP_THREADS"] == slot.environment["OMP_NUM_THREADS"] == "1"
        )
    version = backend_version("tensorflow")
    assert str(plan) == f"2 workers, 1 core each, backend tensorflow {version} on CPU"


def test_a_single_worker_is_not_pinned_and_sets_no_threads() -> None:
    plan = plan_workers(TWO_CORES, "jax", workers=1)
    assert plan.slots[0].cores == ()
    assert plan.slots[0].environment == {"KERAS_BACKEND": "jax"}
    assert str(plan).startswith("1 worker, 2 cores, backend jax")


def test_many_cores_are_divided_among_eight_workers() -> None:
    shares = cores(BIG)
    assert sorted(len(share) for share in shares) == [2] * 4 + [3] * 4
    assert sorted(core for share in shares for core in share) == list(range(20))
    assert str(plan_workers(BIG, "torch")).startswith("8 workers, 2 to 3 cores each, backend torch")


def test_memory_and_trials_limit_auto_but_not_a_given_number_of_workers() -> None:
    small = Machine(cores=(0, 1, 2, 3), memory=3 * GIB)
    assert len(cores(small)) == 3
    assert len(cores(small, data_bytes=2 * GIB)) == 1
    assert len(cores(small, trials=2)) == 2
    assert len(cores(small, trials=0)) == len(cores(Machine((0, 1), memory=0))) == 1
    assert len(cores(small, workers=6, trials=2)) == 6
    assert cores(small, workers=6)[4:] == [(0,), (1,)]


def test_a_quota_limits_the_workers_but_pins_none() -> None:
    plan = plan_workers(Machine(cores=tuple(range(32)), memory=64 * GIB, quota=2), "tensorflow")
    assert [slot.cores for slot in plan.slots] == [(), ()]
    assert [slot.environment["OMP_NUM_THREADS"] for slot in plan.slots] == ["1", "1"]


def test_each_gpu_has_one_worker_or_more_on_request() -> None:
    plan = plan_workers(GPUS, "jax", on_gpu=True)
    assert [slot.gpu for slot in plan.slots] == ["0", "3"]
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in plan.slots] == ["0", "3"]
    for slot in plan.slots:
        assert slot.environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert slot.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
        assert slot.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.90"
        assert len(slot.cores) == 8
    assert str(plan).endswith("on 2 GPUs (0, 3), memory as it grows")
    more = plan_workers(GPUS, "jax", on_gpu=True, workers_per_gpu=2)
    assert str(more).endswith("memory as it grows, up to 2 workers each")
    assert [slot.gpu for slot in more.slots] == ["0", "3", "0", "3"]
    assert {slot.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] for slot in more.slots} == {"0.45"}
    assert [slot.gpu for slot in plan_workers(GPUS, "jax", on_gpu=True, workers=3).slots] == [
        "0",
        "3",
        "0",
    ]


def test_a_backend_without_gpu_support_sees_no_gpu() -> None:
    plan = plan_workers(GPUS, "tensorflow")
    assert {slot.environment["CUDA_VISIBLE_DEVICES"] for slot in plan.slots} == {"-1"}
    assert str(plan).endswith("on CPU")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, 'workers must be "auto" or at least 1. Received: 0'),
        ({"workers": "many"}, "workers must be \"auto\" or at least 1. Received: 'many'"),
        ({"workers_per_gpu": 0}, "workers_per_gpu must be at least 1. Received: 0"),
    ],
)
def test_bad_numbers_of_workers_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        cores(TWO_CORES, **arguments)
    assert str(caught.value) == message
