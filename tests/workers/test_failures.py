"""The status of a trial after an error, or after its process died."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_search.errors import InputError
from tcn_search.workers.failures import oom_kills, status_of_error, status_of_exit


class ResourceExhaustedError(Exception):
    """The name of TensorFlow's class."""


class XlaRuntimeError(RuntimeError):
    """The name of JAX's class for every error."""


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 8.00 EiB"),
        ResourceExhaustedError("OOM when allocating tensor with shape[64,600,64]"),
        XlaRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 123 bytes."),
        RuntimeError(
            "[enforce fail at alloc_cpu.cpp:125] DefaultCPUAllocator: can't allocate memory"
        ),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("CUDA_ERROR_OUT_OF_MEMORY: out of memory"),
        XlaRuntimeError("INTERNAL: Failed to create cuDNN handle: CUDNN_STATUS_ALLOC_FAILED"),
        XlaRuntimeError("FAILED_PRECONDITION: DNN library initialization failed."),
        RuntimeError(
            "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`"
        ),
        raised_from(ValueError("the layer could not be called"), MemoryError()),
    ],
)
@pytest.mark.parametrize("building", [True, False])
def test_memory_errors_are_recognised_by_class_or_text(error: Exception, building: bool) -> None:
    assert status_of_error(error, building=building) == "out_of_memory"


def test_numpys_memory_error_is_recognised() -> None:
    with pytest.raises(MemoryError) as caught:
        np.empty((2**40, 2**15))
    assert status_of_error(caught.value, building=False) == "out_of_memory"


@pytest.mark.parametrize(
    ("error", "building", "status"),
    [
        (ValueError("negative dimension size"), True, "unbuildable"),
        (InputError("activation must be the name of a Keras activation"), True, "unbuildable"),
        (ValueError("negative dimension size"), False, "failed"),
        (TypeError("model_fn() takes 1 positional argument"), True, "failed"),
        (RuntimeError("the loss function is wrong"), False, "failed"),
    ],
)
def test_other_errors_are_unbuildable_or_failed(
    error: Exception, building: bool, status: str
) -> None:
    assert status_of_error(error, building=building) == status


@pytest.mark.parametrize(
    ("code", "error_line", "kills", "status"),
    [
        (-9, "", 0, "stale"),
        (-9, "failed to allocate", 0, "stale"),
        (-9, "", 1, "out_of_memory"),
        (-6, "terminate called after throwing an instance of 'std::bad_alloc'", 0, "out_of_memory"),
        (1, "MemoryError", 0, "out_of_memory"),
        (-11, "", 1, "stale"),
        (1, "ImportError: no module named keras", 0, "stale"),
    ],
)
def test_the_trial_of_a_dead_process_is_stale_unless_memory_was_the_cause(
    code: int, error_line: str, kills: int, status: str
) -> None:
    assert status_of_exit(code, error_line, kills) == status


@pytest.mark.parametrize(
    ("group", "counter"),
    [
        ("0::/a/b\n", "sys/fs/cgroup/a/b/memory.events"),
        ("4:cpu,memory:/a\n0::/\n", "sys/fs/cgroup/memory/a/memory.oom_control"),
        ("0::/not-mounted-here\n", "sys/fs/cgroup/memory.events"),
        ("", "proc/vmstat"),
    ],
)
def test_kills_are_counted_in_the_control_group_or_on_the_machine(
    tmp_path: Path, group: str, counter: str
) -> None:
    assert oom_kills(tmp_path) == 0
    for file, text in (("proc/self/cgroup", group), (counter, "oom 7\noom_kill 3\n")):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    assert oom_kills(tmp_path) == 3
