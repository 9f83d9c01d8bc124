"""A worker process: `python -m tcn_search.workers.worker_main DATA_FOLDER`.

One JSON object a line. In: a job, or {"keep_going": true|false} after each epoch. Out: {"started": ...}, {"epoch":
...} or {"outcome": ...}. When its input ends, the owner has died: the worker removes the data, which nobody else will,
and ends at once, in the middle of a trial too.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import shutil
import signal
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any, TextIO

from tcn_search.workers.compiled_programs import keep_compiled_programs
from tcn_search.workers.shared_data import read_training_data
from tcn_search.workers.trial import EpochReport, TrialJob, run_trial


def main(folder: str) -> None:
    """Train jobs until the input ends."""
    gc.disable()  # looking through what is being imported takes a third as long as importing it
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the owner, who decides what becomes of us
    answers = _own_standard_output()
    messages: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read, args=(messages, folder), daemon=True).start()
    _be_the_first_to_go()
    data = read_training_data(Path(folder))
    keep_compiled_programs()
    _import_keras()  # seconds, which no trial's time limit shall count
    gc.freeze()  # what is there now stays: the collector need not look at it after each trial
    gc.enable()

    def say(kind: str, values: dict[str, Any]) -> None:
        answers.write(json.dumps({kind: values}) + "\n")
        answers.flush()

    def on_epoch(report: EpochReport) -> bool:
        say("epoch", asdict(report))
        return bool(messages.get()["keep_going"])

    while True:
        job = TrialJob.from_dict(messages.get())
        say("started", {"number": job.number})
        outcome = run_trial(job, data, on_epoch)
        gc.freeze()  # what Keras has leaked, too
        say("outcome", outcome.to_dict())


def _import_keras() -> None:
    """Keras without what it and TensorFlow import for rare guests only, where that is installed: two thirds as long.

    Who asks for these packages later gets them.
    """
    guests = {"matplotlib", "pandas", "sklearn"}
    guests |= {"jax"} if os.environ.get("KERAS_BACKEND") == "tensorflow" else set()
    guests -= set(sys.modules)
    for name in guests:
        sys.modules[name] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        import_module("keras")
    finally:
        for name in guests:
            del sys.modules[name]


def _own_standard_output() -> TextIO:
    """The pipe to the owner; what libraries print goes to standard error instead."""
    ours = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return ours


def _be_the_first_to_go() -> None:
    """Where memory ends, the kernel shall take a worker, which is replaced, and not the owner of the study."""
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text("500")


def _read(messages: queue.Queue[dict[str, Any]], folder: str) -> None:
    for line in sys.stdin:
        messages.put(json.loads(line))
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
