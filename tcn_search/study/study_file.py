"""Study files: TOML, every key checked, and every key but `task.name` with a default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from tcn_search.arguments import is_number, positive_integer, positive_seconds, received
from tcn_search.errors import InputError
from tcn_search.formats.file_names import KNOWN, file_format, require_table, stem
from tcn_search.search.definition import Definition
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import SEARCHABLE, TrainingSettings, settings_for
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace
from tcn_search.study.study_file_sections import read_sections
from tcn_search.study.toml_files import read_toml
from tcn_search.tasks.registry import PATH_OPTIONS, load_task
from tcn_search.tasks.task import Task

# Keys of earlier versions.
_RENAMED = {"training.final_epochs": "final.epochs"}
_SECONDS_OF_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600}


class StudyFile(NamedTuple):
    """A study file that has been read and checked; its task's data has not been read yet.

    Attributes:
        name: of the study; the file's name without its suffix if the file gives none.
        task_name, task_options: as `load_task` takes them.
        space, constraints, search: of the study.
        training: the settings that the file gives, by name.
        trials: finished trials that the study has in the end.
        trial_timeout: seconds after which a trial ends, or None.
        patience: stop the search after this many trials in a row without a new best, or None.
        model_fn: name of the user's own function that builds the model, or None.
        final: the settings of final trainings that the file gives, by name.
    """

    name: str
    task_name: str
    task_options: dict[str, Any]
    space: SearchSpace
    constraints: Constraints
    training: dict[str, Any]
    search: SearchSettings
    trials: int
    trial_timeout: float | None
    patience: int | None
    model_fn: str | None
    final: dict[str, Any]

    def load_task(self) -> Task:
        """Return the task with its data."""
        return load_task(self.task_name, **self.task_options)

    def training_settings(self, task: Task, stored: Definition | None = None) -> TrainingSettings:
        """Return the file's training settings; missing ones suit the sequences of a trial.

        Args:
            task: the study's task.
            stored: the definition of the study if it exists. It keeps the settings that the file
                does not name: their default may have been another one in an earlier version.
        """
        if stored is not None:
            return replace(stored.training, **self.training)
        sequences = self.search.sequences_of_a_trial(len(task.train))
        return settings_for(sequences, seq_len=task.spec.seq_len, **self.training)

    def final_settings(self, stored: Definition | None = None) -> FinalSettings:
        """Return the file's settings of final trainings.

        Args:
            stored: as of `training_settings`.
        """
        settings = FinalSettings()
        if stored is not None:
            settings = stored.final
        return replace(settings, **self.final)


def read_study_file(path: str | Path, changes: Mapping[str, Any] | None = None) -> StudyFile:
    """Read a study file, or make the study of a data file with every default.

    Args:
        path: a .toml file, or a data file.
        changes: values that take the place of the file's, by dotted key: {"search.trials": 5}.

    Raises:
        InputError: names the file, the key, the rule and the value; for an unknown key, the nearest
            known one.
    """
    path = Path(path)
    changes = changes or {}
    if file_format(path):
        tree = _tree_of_data_file(path, is_forecast="task.horizon" in changes)
    elif path.suffix.lower() != ".toml" and not path.is_dir():
        raise InputError(f"A study is a .toml file, or data: {KNOWN}. Received: {path}")
    else:
        tree = read_toml(path)
        _resolve_paths(tree, path.parent)
    try:
        _rename_final_epochs(tree)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    for key, value in changes.items():
        _set(tree, _RENAMED.get(key, key), value)
    try:
        return _to_study(tree, default_name=stem(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def seconds(key: str, value: str | float | None) -> float | None:
    """Read a time such as "90s", "30m", "2h" or a plain number of seconds; None stays None.

    Args:
        key: name of the time in an error.

    Raises:
        InputError: the value is no such time.

    >>> seconds("--timeout", "30m")
    1800.0
    """
    if value is None:
        return None
    if not isinstance(value, str) and is_number(value) and value > 0:
        return positive_seconds(key, value)
    match = None
    if isinstance(value, str):
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", value.strip())
    if match is None or float(match[1]) <= 0:
        raise InputError(
            f"{key} must be a time above 0 such as 90s, 30m or 2h. Received: {received(value)}"
        )
    return positive_seconds(key, float(match[1]) * _SECONDS_OF_UNIT[match[2]])


def parse_change(text: str) -> tuple[str, Any]:
    """Parse "key=value". The value is read as TOML, or taken as plain text if it is not TOML.

    Raises:
        InputError: there is no key or no equals sign.

    >>> parse_change("space.nb_filters=[8, 16]")
    ('space.nb_filters', [8, 16])
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise InputError(
            f"--set must be key=value, such as search.trials=5. Received: {received(text)}"
        )
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except (ValueError, RecursionError):  # RecursionError: brackets nested too deeply for Python
        return key, value.strip()


def _tree_of_data_file(path: Path, is_forecast: bool) -> dict[str, Any]:
    """Return the values of a study file that names a data file only."""
    if is_forecast:
        require_table(path)
        return {"task": {"name": "forecast", "file": str(path)}}
    return {"task": {"name": str(path)}}


def _resolve_paths(tree: dict[str, Any], folder: Path) -> None:
    """Take relative paths as relative to the study file's folder.

    These are the path of the model's file, the task's name if it is a path, and the task's options
    that are paths.
    """
    model = tree.get("model")
    if isinstance(model, str) and model.rpartition(":")[0].endswith(".py"):
        tree["model"] = str(folder / model)
    task = tree.get("task")
    if not isinstance(task, dict):
        return
    if isinstance(task.get("name"), str) and Path(task["name"]).suffix:
        task["name"] = str(folder / task["name"])
    for key in PATH_OPTIONS:
        if isinstance(task.get(key), str):
            task[key] = str(folder / task[key])


def _rename_final_epochs(tree: dict[str, Any]) -> None:
    """Move [training] final_epochs, as files of earlier versions have it, to [final] epochs.

    Raises:
        InputError: the file has both.
    """
    training = tree.get("training")
    if not isinstance(training, dict) or "final_epochs" not in training:
        return
    final = tree.setdefault("final", {})
    if not isinstance(final, dict):
        return  # refused with the other sections
    given = training.pop("final_epochs")
    if "epochs" in final:
        raise InputError(
            "The epochs of final trainings must be given as [final] epochs or, as in earlier "
            f"versions, as [training] final_epochs, not both. Received: {received(final['epochs'])}"
            f" and {received(given)}"
        )
    final["epochs"] = given


def _set(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set a value by its dotted key.

    Raises:
        InputError: a part of the key that must be a section is a value.
    """
    *sections, last = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise InputError(f"--set {key}: {section!r} is a value, not a section.")
    tree[last] = value


def _to_study(tree: dict[str, Any], default_name: str) -> StudyFile:
    """Check the values of a study file."""
    file = read_sections(tree)
    training = file.training.model_dump(exclude_none=True)
    final = file.final.model_dump(exclude_none=True)
    with _errors_of("training"):  # before any data is read
        TrainingSettings(**training)
    with _errors_of("final"):
        FinalSettings(**final)
    positive_integer("trials", file.search.trials)
    if file.search.patience is not None:
        positive_integer("patience", file.search.patience)
    return StudyFile(
        name=file.name or default_name,
        task_name=file.task.name,
        task_options=dict(file.task.model_extra or {}),
        space=_read_space(file.space, training),
        constraints=Constraints(**file.constraints.model_dump()),
        training=training,
        search=SearchSettings(
            objectives=tuple(file.search.objectives),
            sampler=file.search.sampler,
            pruner=file.search.pruner,
            seed=file.search.seed,
            warm_start=file.search.warm_start,
            folds=file.search.folds,
            fraction=file.search.fraction,
        ),
        trials=file.search.trials,
        trial_timeout=seconds("search.trial_timeout", file.search.trial_timeout),
        patience=file.search.patience,
        model_fn=file.model,
        final=final,
    )


def _read_space(given: dict[str, Any], training: dict[str, Any]) -> SearchSpace:
    """Return the space. A setting that [training] fixes is not searched.

    Raises:
        InputError: a setting is in [space] and in [training], or the space cannot be used.
    """
    fixed = [name for name in SEARCHABLE if name in training]
    for name in fixed:
        if name in given:
            raise InputError(
                f"{name} must be given in [space] or in [training]. "
                f"Received: {received(given[name])} and {received(training[name])}"
            )
    with _errors_of("space"):
        return SearchSpace(**{**dict.fromkeys(fixed), **given})


@contextmanager
def _errors_of(section: str) -> Iterator[None]:
    """Put the section's name in front of an error that names a key only."""
    try:
        yield
    except InputError as error:
        raise InputError(f"[{section}] {error}") from error
