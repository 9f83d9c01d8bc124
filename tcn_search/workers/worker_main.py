"""Main program of a worker process: `python -m tcn_search.workers.worker_main DATA_FOLDER`.

The protocol is one JSON object a line. Standard input: a job, or {"keep_going": true|false} after
each epoch. Standard output: {"started": ...}, {"epoch": ...} or {"outcome": ...}. The input ends
when the main process has died: the worker then removes the data folder, because no other process
will, and exits at once, even in the middle of a trial.
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
from pathlib import Path
from typing import Any

from tcn_search.workers.compilation_cache import enable_compilation_cache
from tcn_search.workers.keras_import import import_keras_only
from tcn_search.workers.shared_data import read_training_data
from tcn_search.workers.standard_output import reserve_standard_output
from tcn_search.workers.trial import EpochReport, TrialJob
from tcn_search.workers.trial_training import run_trial


def main(folder: str) -> None:
    """Train jobs until the input ends.

    Args:
        folder: where `write_training_data` wrote the data.
    """
    gc.disable()  # collecting garbage during imports takes a third as long as the imports
    # Ctrl-C is for the main process, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    output = reserve_standard_output()
    messages: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_read_messages, args=(messages, folder), daemon=True).start()
    _prefer_for_oom_kill()
    data = read_training_data(Path(folder))
    enable_compilation_cache()
    import_keras_only()  # takes seconds, which must not count against a trial's time limit
    gc.freeze()  # what is imported now stays; the collector need not look at it after each trial
    gc.enable()

    def send(kind: str, values: dict[str, Any]) -> None:
        output.write(json.dumps({kind: values}) + "\n")
        output.flush()

    def on_epoch(report: EpochReport) -> bool:
        send("epoch", asdict(report))
        return bool(messages.get()["keep_going"])

    while True:
        job = TrialJob.from_dict(messages.get())
        send("started", {"number": job.number})
        outcome = run_trial(job, data, on_epoch)
        gc.freeze()  # the objects that Keras has leaked, too
        send("outcome", outcome.to_dict())


def _prefer_for_oom_kill() -> None:
    """Ask the OOM killer to pick a worker, which is replaced, not the main process."""
    with suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/oom_score_adj").write_text("500")


def _read_messages(messages: queue.Queue[dict[str, Any]], folder: str) -> None:
    """Put each line of standard input into the queue; at its end remove `folder` and exit."""
    for line in sys.stdin:
        messages.put(json.loads(line))
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
