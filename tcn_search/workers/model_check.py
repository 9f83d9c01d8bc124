"""Try a custom model before the first trial: `python -m tcn_search.workers.model_check`.

The check runs in a new process, which imports the model function as workers do, may use another
tensor library than the study's process, and takes no GPU. The module is not in `custom_model`
because it needs `models` and `workers`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.workers.process_executor import import_path, new_interpreter
from tcn_search.workers.standard_output import reserve_standard_output
from tcn_search.workers.trial import TrialJob

if TYPE_CHECKING:
    from tcn_search.tasks.task_spec import TaskSpec

_LONGEST_MESSAGE = 300


def require_usable(jobs: Sequence[TrialJob], spec: TaskSpec, backend: str) -> None:
    """Raise an InputError if the models of the jobs cannot be built, saved and loaded.

    A function that cannot be imported, such as a lambda, is tried in this process.

    Args:
        jobs: one or several, all with the same model function.
        spec: the task's specification.
        backend: name of the backend that the workers will use.

    Raises:
        InputError: says what is wrong with the function, or quotes the error of Keras.
    """
    function = jobs[0].model
    assert function is not None
    if function.place:
        message = _problem_in_new_process(jobs, spec, backend)
    else:
        message = problem(jobs, spec)
    if message:
        raise InputError(f"The model of {function} cannot be used. {message}")


def problem(jobs: Sequence[TrialJob], spec: TaskSpec) -> str:
    """Return why the jobs' models cannot be built, saved and loaded; "" if they can."""
    from tcn_search.models.build import build_model, load_model

    function = jobs[0].model
    assert function is not None
    try:
        model_fn = function.load()
        for job in jobs:
            # Warm-up and the other schedules need to know the number of training steps.
            settings = replace(job.settings, schedule="constant", warmup=0.0)
            model = build_model(job.architecture, spec, settings, model_fn)
            with tempfile.TemporaryDirectory() as folder:
                model.save(Path(folder) / "model.keras")
                load_model(Path(folder) / "model.keras")
    except Exception as error:
        return _describe_error(error, function)
    return ""


def _problem_in_new_process(jobs: Sequence[TrialJob], spec: TaskSpec, backend: str) -> str:
    """Return `problem` of the jobs, determined in a new process on the CPU."""
    request = json.dumps({"jobs": [job.to_dict() for job in jobs], "spec": spec.to_dict()})
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "PYTHONPATH": import_path(),
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
    }
    process = subprocess.run(
        [*new_interpreter(), "tcn_search.workers.model_check"],
        input=request,
        capture_output=True,
        text=True,
        env=environment,
    )
    if process.returncode != 0 or not process.stdout:
        lines = process.stderr.strip().splitlines() or [""]
        return f"Its process ended with code {process.returncode}. {lines[-1][:_LONGEST_MESSAGE]}"
    return str(json.loads(process.stdout.splitlines()[-1]))


def _describe_error(error: Exception, function: ModelFunction) -> str:
    """Return an error on one line, with the line number if it was raised in the user's file."""
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, InputError):
        return lines[0]
    location = ""
    if function.place.endswith(".py"):
        file = Path(function.place).name
        for frame in traceback.extract_tb(error.__traceback__):
            if Path(frame.filename).name == file:  # the innermost one counts
                location = f" in line {frame.lineno} of {file}"
    return f"{type(error).__name__}{location}: {lines[0][:_LONGEST_MESSAGE]}"


def main() -> None:
    """Read jobs and a task's specification as JSON; write the problem, or "", as JSON."""
    from tcn_search.tasks.task_spec import TaskSpec

    output = reserve_standard_output()
    request = json.load(sys.stdin)
    jobs = [TrialJob.from_dict(job) for job in request["jobs"]]
    message = problem(jobs, TaskSpec.from_dict(request["spec"]))
    output.write(json.dumps(message) + "\n")
    output.close()


if __name__ == "__main__":
    main()
