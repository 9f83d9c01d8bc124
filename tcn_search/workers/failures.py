"""How a trial may end badly, and what an error or a dead process says about it.

A trial that ran into a limit of the machine, or whose configuration cannot work, is something that a sampler can
learn from. A bug in the training code, or a process that somebody killed, is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tcn_search.trial_status import TrialStatus

_SIGKILL = -9
# TensorFlow's class and torch's; JAX has one class for everything, told by its text.
_MEMORY_CLASSES = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")
_MEMORY_TEXT = re.compile(
    r"RESOURCE_EXHAUSTED|out of memory|OUT_OF_MEMORY|can't allocate memory|cannot allocate memory"
    r"|failed to allocate|unable to allocate|bad_alloc|MemoryError"
    # CUDA's libraries, where other processes have left them nothing of the GPU's memory.
    r"|CU[A-Z]+_STATUS_(?:ALLOC_FAILED|NOT_INITIALIZED)|DNN library initialization failed",
    re.IGNORECASE,
)


def status_of_error(error: BaseException, *, building: bool) -> TrialStatus:
    """What the error ends its trial with: out of memory, unbuildable or failed.

    Keras and its backends raise a ValueError where shapes or settings do not fit; while a model is built that is
    the configuration's doing. Any other error is a bug, ours or in a user's model.

    >>> status_of_error(MemoryError(), building=False).value
    'out_of_memory'
    >>> status_of_error(ValueError("shape"), building=True).value
    'unbuildable'
    >>> status_of_error(ValueError("shape"), building=False).value
    'failed'
    """
    if any(map(_says_memory, _chain(error))):
        return TrialStatus.OUT_OF_MEMORY
    if building and isinstance(error, ValueError):
        return TrialStatus.UNBUILDABLE
    return TrialStatus.FAILED


def status_of_process(code: int, last_words: str, oom_kills_meanwhile: int) -> TrialStatus:
    """What a dead worker's exit code ends its trial with: out of memory or stale.

    SIGKILL alone may come from anybody: only a kernel that has counted a kill for memory in the worker's
    lifetime makes it one. TensorFlow and the C++ runtime abort where an allocation fails, and say so.

    >>> status_of_process(-9, "", 0).value, status_of_process(-9, "", 1).value
    ('stale', 'out_of_memory')
    >>> status_of_process(-6, "terminate called after throwing 'std::bad_alloc'", 0).value
    'out_of_memory'
    """
    if code == _SIGKILL:
        ran_out_of_memory = oom_kills_meanwhile > 0
    else:
        ran_out_of_memory = _MEMORY_TEXT.search(last_words) is not None
    return TrialStatus.OUT_OF_MEMORY if ran_out_of_memory else TrialStatus.STALE


def oom_kills(root: Path = Path("/")) -> int:
    """How many processes the kernel has killed for memory in this control group, or else on this machine.

    The count of the control group (version 2, then 1) is the better evidence; the machine's is the last resort.
    0 where none of them can be read.
    """
    counters = (*_group_counters(root), root / "proc/vmstat")
    for file in counters:
        try:
            found = re.search(r"^oom_kill (\d+)", file.read_text(), re.MULTILINE)
        except OSError:
            continue
        if found:
            return int(found[1])
    return 0


def _group_counters(root: Path) -> Iterator[Path]:
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


def _says_memory(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return not names.isdisjoint(_MEMORY_CLASSES) or bool(_MEMORY_TEXT.search(str(error)))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those it was raised from."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__
