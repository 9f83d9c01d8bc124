"""A worker in a process of a Ray cluster: it receives jobs and returns reports and outcomes.

Ray imports this module on every machine of the cluster; it must import nothing heavy.
"""

from __future__ import annotations

import gc
import os
import queue
import socket
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

import tcn_search
from tcn_search.custom_model.source_files import write_source_files
from tcn_search.errors import first_line
from tcn_search.workers.compilation_cache import enable_compilation_cache
from tcn_search.workers.keras_import import import_keras_only
from tcn_search.workers.temporary_folder import TemporaryFolder
from tcn_search.workers.trial import EpochReport, TrialJob
from tcn_search.workers.trial_training import run_trial

if TYPE_CHECKING:
    from tcn_search.custom_model.model_function import ModelFunction
    from tcn_search.tasks.training_data import TrainingData

_MODEL_FILE = "model.keras"


def installed_versions(backend: str) -> dict[str, str]:
    """Return the versions that must be the same on all machines, without an import of Keras."""
    versions = {"tcn-search": tcn_search.__version__}
    for name in ("keras", backend):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # it has another name, such as tensorflow-cpu
            versions[name] = ""
    return versions


class RayWorker:
    """The actor of one worker slot.

    Each call of `exchange` brings a message and returns the worker's next one, as plain values:

    - {"versions": ...}, the versions of the study's process: {"problem": text}, "" if there is none
    - {"job": ...}, or {"keep_going": true|false} after an epoch: {"epoch": ...}, or at the end
      {"outcome": ..., "model": bytes or None}

    Trials are trained in a thread of their own, so that a trial can wait for the answer to a report
    between two calls.

    Args:
        data: training and validation split, or folds: a view of Ray's object store.
        environment: variables that are set before the tensor library is imported.
        files: source files of a custom model, by their path.
    """

    def __init__(
        self, data: TrainingData, environment: Mapping[str, str], files: Mapping[str, bytes]
    ) -> None:
        os.environ.update(environment)
        self._data = data
        self._files = files
        self._folder = TemporaryFolder()
        self._functions: dict[ModelFunction, ModelFunction] = {}  # as written to the folder
        self._received: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._sent: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        threading.Thread(target=self._work, daemon=True).start()

    def exchange(self, message: dict[str, Any]) -> dict[str, Any]:
        """Receive a message and return the next one of the worker."""
        self._received.put(message)
        return self._sent.get()

    def _work(self) -> None:
        """Answer messages for ever. An error that is no trial's ends the process."""
        try:
            while True:
                message = self._received.get()
                if "versions" in message:
                    self._sent.put({"problem": self.prepare(message["versions"])})
                else:
                    self._sent.put(self.train(TrialJob.from_dict(message["job"])))
        except BaseException:
            traceback.print_exc()  # into Ray's log of the worker
            os._exit(1)

    def prepare(self, versions: Mapping[str, str]) -> str:
        """Import the tensor library; return why this machine cannot train, or ""."""
        backend = os.environ["KERAS_BACKEND"]
        here = installed_versions(backend)
        differences = [
            f"{name} {here[name]} (the study's process has {wanted})"
            for name, wanted in versions.items()
            if here[name] and wanted and here[name] != wanted
        ]
        if differences:
            return f"{socket.gethostname()} has other versions: {', '.join(differences)}"
        enable_compilation_cache()
        try:
            import_keras_only()
        except Exception as error:
            return f"{socket.gethostname()} cannot import Keras: {first_line(error)}"
        gc.freeze()  # what is imported now stays; the collector need not look at it
        return ""

    def train(self, job: TrialJob) -> dict[str, Any]:
        """Train a job; return its outcome, and its model if it is to be saved."""
        file = self._folder.path / _MODEL_FILE
        file.unlink(missing_ok=True)
        local_job = job
        if job.model_files:
            local_job = replace(local_job, model_files=(str(file),))
        if job.model is not None:
            local_job = replace(local_job, model=self._function_here(job.model))
        outcome = run_trial(local_job, self._data, self.report)
        gc.freeze()  # the objects that Keras has leaked, too
        model = None
        if file.exists():
            model = file.read_bytes()
        return {"outcome": outcome.to_dict(), "model": model}

    def report(self, report: EpochReport) -> bool:
        """Report an epoch; return whether to go on."""
        self._sent.put({"epoch": asdict(report)})
        return bool(self._received.get()["keep_going"])

    def _function_here(self, function: ModelFunction) -> ModelFunction:
        """Return a model function as this machine can import it."""
        if function not in self._functions:
            folder = self._folder.path / "source"
            self._functions[function] = write_source_files(self._files, function, folder)
        return self._functions[function]
