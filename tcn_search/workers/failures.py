"""How a trial may end badly, and what an error or a dead process says about it.

A trial that ran into a limit of the machine, or whose configuration cannot work, is something that a sampler can
learn from. A bug in the training code, or a process that somebody killed, is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

# Ends that are the configuration's doing: pruned, with a constraint of this name.
LIMITS = ("diverged", "out_of_memory", "over_time", "unbuildable", "too_large")
# Those of them that were never trained: they do not count as finished trials.
UNTRAINED = ("unbuildable", "too_large")
# Ends that say nothing about the configuration: an error in the code, a process that died.
ERRORS = ("failed", "lost")

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


def ending_of(error: BaseException, *, building: bool) -> str:
    """What the error ends its trial with: "out_of_memory", "unbuildable" or "failed".

    Keras and its backends raise a ValueError where shapes or settings do not fit; while a model is built that is
    the configuration's doing. Any other error is a bug, ours or in a user's model.

    >>> ending_of(MemoryError(), building=False), ending_of(ValueError("shape"), building=True)
    ('out_of_memory', 'unbuildable')
    >>> ending_of(ValueError("shape"), building=False), ending_of(TypeError(), building=True)
    ('failed', 'failed')
    """
    if any(map(_says_memory, _chain(error))):
        return "out_of_memory"
    return "unbuildable" if building and isinstance(error, ValueError) else "failed"


def ending_of_process(code: int, last_words: str, oom_kills_meanwhile: int) -> str:
    """What a dead worker's exit code ends its trial with: "out_of_memory" or "lost".

    SIGKILL alone may come from anybody: only a kernel that has counted a kill for memory in the worker's
    lifetime makes it one. TensorFlow and the C++ runtime abort where an allocation fails, and say so.

    >>> ending_of_process(-9, "", 0), ending_of_process(-9, "", 1)
    ('lost', 'out_of_memory')
    >>> ending_of_process(-6, "terminate called after throwing an instance of 'std::bad_alloc'", 0)
    'out_of_memory'
    """
    if code == _SIGKILL:
        return "out_of_memory" if oom_kills_meanwhile else "lost"
    return "out_of_memory" if _MEMORY_TEXT.search(last_words) else "lost"


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
