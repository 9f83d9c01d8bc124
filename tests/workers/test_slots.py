"""How trials are spread over made-up machines."""

from __future__ import annotations

import pytest

from tcn_search.errors import InputError
from tcn_search.workers.backends import backend_version
from tcn_search.workers.resources import Machine
from tcn_search.workers.slots import spread

GIB = 1 << 30
TWO_CORES = Machine(cores=(0, 1), memory=16 * GIB)
BIG = Machine(cores=tuple(range(20)), memory=256 * GIB)
GPUS = Machine(cores=tuple(range(16)), memory=128 * GIB, gpus=("0", "3"))


def cores(machine: Machine, **asked: object) -> list[tuple[int, ...]]:
    return [place.cores for place in spread(machine, "tensorflow", **asked).places]  # type: ignore[arg-type]


def test_two_cores_are_two_workers_of_one_thread() -> None:
    crew = spread(TWO_CORES, "tensorflow")
    assert [place.cores for place in crew.places] == [(0,), (1,)]
    for place in crew.places:
        assert place.environment["KERAS_BACKEND"] == "tensorflow"
        assert (
            place.environment["TF_NUM_INTRAOP_THREADS"]
            == place.environment["OMP_NUM_THREADS"]
            == "1"
        )
    version = backend_version("tensorflow")
    assert str(crew) == f"2 workers, 1 core each, backend tensorflow {version} on CPU"


def test_one_worker_has_the_machine_and_the_library_decides() -> None:
    crew = spread(TWO_CORES, "jax", workers=1)
    assert crew.places[0].cores == ()
    assert crew.places[0].environment == {"KERAS_BACKEND": "jax"}
    assert str(crew).startswith("1 worker, 2 cores, backend jax")


def test_many_cores_are_divided_among_eight() -> None:
    shares = cores(BIG)
    assert sorted(len(share) for share in shares) == [2] * 4 + [3] * 4
    assert sorted(core for share in shares for core in share) == list(range(20))
    assert str(spread(BIG, "torch")).startswith("8 workers, 2 to 3 cores each, backend torch")


def test_memory_and_trials_limit_what_auto_takes_but_not_what_is_asked_for() -> None:
    small = Machine(cores=(0, 1, 2, 3), memory=3 * GIB)
    assert len(cores(small)) == 3
    assert len(cores(small, data_bytes=2 * GIB)) == 1
    assert len(cores(small, trials=2)) == 2
    assert len(cores(small, trials=0)) == len(cores(Machine((0, 1), memory=0))) == 1
    assert len(cores(small, workers=6, trials=2)) == 6
    assert cores(small, workers=6)[4:] == [(0,), (1,)]


def test_a_quota_counts_but_pins_nobody() -> None:
    crew = spread(Machine(cores=tuple(range(32)), memory=64 * GIB, quota=2), "tensorflow")
    assert [place.cores for place in crew.places] == [(), ()]
    assert [place.environment["OMP_NUM_THREADS"] for place in crew.places] == ["1", "1"]


def test_one_process_a_gpu_more_on_request_memory_growing() -> None:
    crew = spread(GPUS, "jax", on_gpu=True)
    assert [place.gpu for place in crew.places] == ["0", "3"]
    assert [place.environment["CUDA_VISIBLE_DEVICES"] for place in crew.places] == ["0", "3"]
    for place in crew.places:
        assert place.environment["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
        assert place.environment["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
        assert place.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] == "0.90"
        assert len(place.cores) == 8
    assert str(crew).endswith("on 2 GPUs (0, 3), memory as it grows")
    more = spread(GPUS, "jax", on_gpu=True, workers_per_gpu=2)
    assert str(more).endswith("memory as it grows, up to 2 workers each")
    assert [place.gpu for place in more.places] == ["0", "3", "0", "3"]
    assert {place.environment["XLA_PYTHON_CLIENT_MEM_FRACTION"] for place in more.places} == {
        "0.45"
    }
    assert [place.gpu for place in spread(GPUS, "jax", on_gpu=True, workers=3).places] == [
        "0",
        "3",
        "0",
    ]


def test_a_backend_without_gpu_parts_gets_none() -> None:
    crew = spread(GPUS, "tensorflow")
    assert {place.environment["CUDA_VISIBLE_DEVICES"] for place in crew.places} == {"-1"}
    assert str(crew).endswith("on CPU")


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"workers": 0}, 'workers must be "auto" or at least 1. Received: 0'),
        ({"workers": "many"}, "workers must be \"auto\" or at least 1. Received: 'many'"),
        ({"workers_per_gpu": 0}, "workers_per_gpu must be at least 1. Received: 0"),
    ],
)
def test_bad_numbers_are_refused(asked: dict[str, object], message: str) -> None:
    with pytest.raises(InputError) as caught:
        cores(TWO_CORES, **asked)
    assert str(caught.value) == message
