"""A try of a user's own model before any trial: `python -m tcn_search.workers.model_check`.

It runs in a process of its own, where the function is found as workers find it, and where the tensor library may be
another one than in the study's own process and takes no GPU.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.workers.process_executor import import_path
from tcn_search.workers.trial import TrialJob

if TYPE_CHECKING:
    from tcn_search.tasks.task_spec import TaskSpec


def require_usable(jobs: Sequence[TrialJob], spec: TaskSpec, backend: str) -> None:
    """Build the jobs' models, save and load them. A function that cannot be imported is tried in this process.

    Raises:
        InputError: says what the function, or Keras, did not like.
    """
    model = jobs[0].model
    assert model is not None
    said = problem(jobs, spec) if not model.place else _problem_in_new_process(jobs, spec, backend)
    if said:
        raise InputError(f"The model of {model} cannot be used. {said}")


def problem(jobs: Sequence[TrialJob], spec: TaskSpec) -> str:
    """What keeps the jobs' models from being built, saved and loaded; "" if nothing does."""
    from tcn_search.models.build import build_model, load_model

    model = jobs[0].model
    assert model is not None
    try:
        function = model.load()
        for job in jobs:
            settings = replace(
                job.settings, schedule="constant"
            )  # others need to know the number of steps
            built = build_model(job.architecture, spec, settings, function)
            with tempfile.TemporaryDirectory() as folder:
                built.save(Path(folder) / "model.keras")
                load_model(Path(folder) / "model.keras")
    except Exception as error:
        return _in_words(error, model)
    return ""


def _problem_in_new_process(jobs: Sequence[TrialJob], spec: TaskSpec, backend: str) -> str:
    asked = json.dumps({"jobs": [job.to_dict() for job in jobs], "spec": spec.to_dict()})
    environment = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **os.environ,
        "PYTHONPATH": import_path(),
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-m", "tcn_search.workers.model_check"],
        input=asked,
        capture_output=True,
        text=True,
        env=environment,
    )
    if done.returncode != 0 or not done.stdout:
        words = done.stderr.strip().splitlines() or [""]
        return f"Its process ended with code {done.returncode}. {words[-1][:300]}"
    return json.loads(done.stdout.splitlines()[-1])


def _in_words(error: Exception, model: ModelFunction) -> str:
    """One line; for an error in the user's own file, with the line there."""
    lines = str(error).strip().splitlines() or [""]
    if isinstance(error, InputError):
        return lines[0]
    file = Path(model.place).name if model.place.endswith(".py") else ""
    own = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == file
    ]
    where = f" in line {own[-1].lineno} of {file}" if own else ""
    return f"{type(error).__name__}{where}: {lines[0][:300]}"


def main() -> None:
    """Jobs and a task's specification in, as JSON; the problem out."""
    from tcn_search.tasks.task_spec import TaskSpec

    asked = json.load(sys.stdin)
    with redirect_stdout(sys.stderr):  # what the user's code prints
        said = problem(
            [TrialJob.from_dict(job) for job in asked["jobs"]], TaskSpec.from_dict(asked["spec"])
        )
    print(json.dumps(said))


if __name__ == "__main__":
    main()
