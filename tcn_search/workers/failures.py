"""Derive a trial's status from an error or from the exit of its worker process.

A sampler can learn from a trial that ran into a limit of the machine, or whose configuration
cannot work. It cannot learn from a bug in the training code, nor from a process that was killed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tcn_search.trial_status import TrialStatus

_SIGKILL = -9
# TensorFlow's class and torch's; JAX has one class for every error, so its text decides.
_MEMORY_CLASSES = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
_MEMORY_TEXT = re.compile(
    r"RESOURCE_EXHAUSTED|out of memory|OUT_OF_MEMORY|can't allocate memory|cannot allocate memory"
    r"|failed to allocate|unable to allocate|bad_alloc|MemoryError"
    # CUDA's libraries, where other processes have taken all memory of the GPU.
    r"|CU[A-Z]+_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)|DNN library initialization failed",
    re.IGNORECASE,
)

# What TensorFlow's C++ part logs about the machine, which explains no failure.
_MACHINE_LOG = re.compile(
    r"WARNING: All log messages before absl::|[IW]\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d .*: [IW] "
    r"|To enable the following instructions"
)


def last_error_line(text: str) -> str:
    """Return the last line of standard error that may say why a process died, or "".

    It is cut to 300 characters, and lines that TensorFlow logs about the machine are left out.

    >>> last_error_line("Killed\\nI0000 00:00:1795.8  17 port.cc:153] oneDNN is on.\\n")
    'Killed'
    """
    lines = [line for line in text.strip().splitlines() if not _MACHINE_LOG.match(line)]
    return lines[-1][:300] if lines else ""


def status_of_error(error: BaseException, *, building: bool) -> TrialStatus:
    """Return the status of a trial that raised `error`: out of memory, unbuildable or failed.

    Keras and its backends raise a ValueError where shapes or settings do not fit. While a model is
    built, the configuration is the cause. Any other error is a bug, in the package or in a user's
    model.

    Args:
        error: the exception that ended the trial.
        building: whether the model was being built when it was raised.

    >>> status_of_error(MemoryError(), building=False).value
    'out_of_memory'
    >>> status_of_error(ValueError("shape"), building=True).value
    'unbuildable'
    >>> status_of_error(ValueError("shape"), building=False).value
    'failed'
    """
    if any(map(_is_memory_error, _with_causes(error))):
        return TrialStatus.OUT_OF_MEMORY
    if building and isinstance(error, ValueError):
        return TrialStatus.UNBUILDABLE
    return TrialStatus.FAILED


def status_of_exit(code: int, last_error_line: str, oom_kills_meanwhile: int) -> TrialStatus:
    """Return the status of a trial whose worker process exited: out of memory or stale.

    SIGKILL alone may come from any process: it means out of memory only if the kernel has counted
    a kill for memory in the worker's lifetime. TensorFlow and the C++ runtime abort where an
    allocation fails, with a message.

    Args:
        code: exit code; −n for signal n.
        last_error_line: last line that the worker wrote to standard error.
        oom_kills_meanwhile: kills for memory that the kernel has counted since the trial began.

    >>> status_of_exit(-9, "", 0).value, status_of_exit(-9, "", 1).value
    ('stale', 'out_of_memory')
    >>> status_of_exit(-6, "terminate called after throwing 'std::bad_alloc'", 0).value
    'out_of_memory'
    """
    if code == _SIGKILL:
        ran_out_of_memory = oom_kills_meanwhile > 0
    else:
        ran_out_of_memory = _MEMORY_TEXT.search(last_error_line) is not None
    return TrialStatus.OUT_OF_MEMORY if ran_out_of_memory else TrialStatus.STALE


def oom_kills(root: Path = Path("/")) -> int:
    """Return how many processes the kernel has killed for memory.

    The counter of this process's control group (version 2, then 1) is the better evidence; the
    machine's is the last resort. The count is 0 if no counter can be read.
    """
    counters = (*_group_counters(root), root / "proc/vmstat")
    for file in counters:
        try:
            match = re.search(r"^oom_kill (\d+)", file.read_text(), re.MULTILINE)
        except OSError:
            continue
        if match:
            return int(match[1])
    return 0


def _group_counters(root: Path) -> Iterator[Path]:
    """Yield the files that may hold the counter of this process's control group."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            yield root / "sys/fs/cgroup" / path.lstrip("/") / "memory.events"
        elif "memory" in controllers.split(","):
            yield root / "sys/fs/cgroup/memory" / path.lstrip("/") / "memory.oom_control"
    yield root / "sys/fs/cgroup/memory.events"
    yield root / "sys/fs/cgroup/memory/memory.oom_control"


def _is_memory_error(error: BaseException) -> bool:
    """Return whether the class or text of an error, without its causes, reports lack of memory."""
    names = {kind.__name__ for kind in type(error).__mro__}
    return not names.isdisjoint(_MEMORY_CLASSES) or bool(_MEMORY_TEXT.search(str(error)))


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and the errors that it was raised from."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__
