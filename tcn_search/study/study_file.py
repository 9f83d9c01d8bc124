"""Study files: TOML, every key checked, every key but `task.name` with a default."""

from __future__ import annotations

import codecs
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcn_search.arguments import is_number, positive_integer, positive_seconds, received
from tcn_search.errors import InputError
from tcn_search.formats.file_names import KNOWN, file_format, require_table, stem
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import SEARCHABLE, TrainingSettings, settings_for
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace
from tcn_search.tasks.registry import PATH_OPTIONS, load_task
from tcn_search.tasks.task import Task

_MOST_BYTES = 1_000_000


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _TaskSection(BaseModel):
    """The task's own options are checked by the task."""

    model_config = ConfigDict(extra="allow", strict=True)
    name: str


class _ConstraintsSection(_Section):
    required_context: int | str = "seq_len"
    receptive_field: str = "narrow"
    max_params: int | None = None
    allow_blind_spots: bool = False


class _TrainingSection(_Section):
    epochs: int | None = None
    patience: int | None = None
    final_epochs: int | None = None
    precision: str | None = None
    batch_size: int | None = None
    dropout_rate: float | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None


class _SearchSection(_Section):
    trials: int = Field(default=50, ge=1)
    trial_timeout: str | int | float | None = None
    sampler: str = "tpe"
    pruner: str = "asha"
    objectives: list[str] = ["val_loss"]
    seed: int = 0
    patience: int | None = Field(default=None, ge=1)
    warm_start: bool = True
    folds: int = 1


class _File(_Section):
    name: str | None = None
    model: str | None = None
    task: _TaskSection
    space: dict[str, Any] = {}
    constraints: _ConstraintsSection = _ConstraintsSection()
    training: _TrainingSection = _TrainingSection()
    search: _SearchSection = _SearchSection()


_SECTIONS: dict[str, list[str]] = {
    "": list(_File.model_fields),
    "space": [field.name for field in fields(SearchSpace)],
    "constraints": list(_ConstraintsSection.model_fields),
    "training": list(_TrainingSection.model_fields),
    "search": list(_SearchSection.model_fields),
}


class StudyFile(NamedTuple):
    """A study file that has been read and checked, apart from its task's data."""

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
    model_fn: str | None = None

    def load_task(self) -> Task:
        """The task with its data."""
        return load_task(self.task_name, **self.task_options)

    def training_settings(self, task: Task) -> TrainingSettings:
        """Those of the file; what it leaves out suits the size of the task's training part."""
        return settings_for(len(task.train), **self.training)


def read_study_file(path: str | Path, changes: Mapping[str, Any] | None = None) -> StudyFile:
    """Read a .toml study file, or a path to a data file, which is a study of its own with every default.

    Args:
        changes: values put in place of the file's, by dotted key: {"search.trials": 5}.

    Raises:
        InputError: names the file, the key, the rule and the value; an unknown key with the nearest known one.
    """
    path = Path(path)
    if file_format(path):
        tree: dict[str, Any] = {"task": {"name": str(path)}}
        if "task.horizon" in (changes or {}):
            require_table(path)
            tree = {"task": {"name": "forecast", "file": str(path)}}
    elif path.suffix.lower() != ".toml" and not path.is_dir():
        raise InputError(f"A study is a .toml file, or data: {KNOWN}. Received: {path}")
    else:
        tree = _read_toml(path)
        _resolve_paths(tree, path.parent)
    for key, value in (changes or {}).items():
        _put(tree, key, value)
    try:
        return _to_study(tree, default_name=stem(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def seconds(key: str, value: str | float | None) -> float | None:
    """ "90s", "30m", "2h" or a plain number of seconds.

    >>> seconds("--timeout", "30m")
    1800.0
    """
    if value is None:
        return None
    if not isinstance(value, str) and is_number(value) and value > 0:
        return positive_seconds(key, value)
    found = re.fullmatch(
        r"(\d+(?:\.\d+)?)([smh]?)", value.strip() if isinstance(value, str) else ""
    )
    if not found or float(found[1]) <= 0:
        raise InputError(
            f"{key} must be a time above 0 such as 90s, 30m or 2h. Received: {received(value)}"
        )
    return positive_seconds(key, float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]])


def parse_change(text: str) -> tuple[str, Any]:
    """ "key=value" with the value as in TOML, or as plain text if it is not.

    >>> parse_change("space.nb_filters=[8, 16]")
    ('space.nb_filters', [8, 16])
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise InputError(
            f"--set must be key=value, such as search.trials=5. Received: {received(text)}"
        )
    try:
        return key.strip(), tomllib.loads(f"value = {value}")["value"]
    except (
        ValueError,
        RecursionError,
    ):  # no TOML, or a number or a nesting that Python does not read
        return key.strip(), value.strip()


def _read_toml(path: Path) -> dict[str, Any]:
    text = _read_text(path)
    if not text.strip():
        raise InputError(
            f"The study file {path} is empty. It must have a [task] with a name at least."
        )
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not valid TOML: {error}") from error
    except ValueError as error:
        raise InputError(f"{path} has a number of too many digits: {error}") from error
    except RecursionError as error:
        raise InputError(f"{path} is nested too deeply for a study file.") from error


def _read_text(path: Path) -> str:
    """The text of a study file, without the byte order mark that some editors put in front of it."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError(f"There is no study file {path}.") from error
    except IsADirectoryError as error:
        raise InputError(f"{path} is a folder. Give the study file in it.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"The study file {path} cannot be read: {error}") from error
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} is larger than {_MOST_BYTES:,} bytes: it is no study file.")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{path} is UTF-16 text. Save it as UTF-8.")
    if b"\0" in data:
        raise InputError(
            f"{path} is no text: it holds bytes of value 0. A study file is TOML, saved as UTF-8."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(
            f"{path} is not UTF-8 text: byte 0x{data[error.start]:02x} in line {line}. Save it as UTF-8."
        ) from error


def _resolve_paths(tree: dict[str, Any], folder: Path) -> None:
    """Relative paths of a model's file and of a task, its name or an option, are looked for beside the study file."""
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


def _put(tree: dict[str, Any], key: str, value: Any) -> None:
    *sections, last = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
        if not isinstance(tree, dict):
            raise InputError(f"--set {key}: {section!r} is a value, not a section.")
    tree[last] = value


def _to_study(tree: dict[str, Any], default_name: str) -> StudyFile:
    _check_keys(tree)
    try:
        file = _File.model_validate(tree)
    except ValidationError as error:
        raise InputError("; ".join(_messages(error))) from error
    training = file.training.model_dump(exclude_none=True)
    final_epochs = training.pop("final_epochs", None)
    with _errors_of("training"):  # before any data is read
        TrainingSettings(**training)
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
            final_epochs=final_epochs,
            folds=file.search.folds,
        ),
        trials=file.search.trials,
        trial_timeout=seconds("search.trial_timeout", file.search.trial_timeout),
        patience=file.search.patience,
        model_fn=file.model,
    )


def _read_space(given: dict[str, Any], training: dict[str, Any]) -> SearchSpace:
    """The space; a setting that [training] fixes is not searched, and must not be given twice."""
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
    """Put the section in front of an error that names a key only."""
    try:
        yield
    except InputError as error:
        raise InputError(f"[{section}] {error}") from error


def _check_keys(tree: dict[str, Any]) -> None:
    """An unknown key is named together with the nearest known one."""
    for section in [name for name in _SECTIONS[""] if name not in ("name", "model")]:
        if not isinstance(tree.get(section, {}), dict):
            raise InputError(
                f"{section} must be a section, [{section}]. Received: {received(tree[section])}"
            )
    for section, known in _SECTIONS.items():
        table = tree.get(section, {}) if section else tree
        for key in table:
            if key not in known:
                where = f"{section}.{key}" if section else key
                raise InputError(f"Unknown key {where!r}. {_nearest(key, section, known)}")


def _nearest(key: str, section: str, known: list[str]) -> str:
    """The nearest key of this section, else of all, else the list."""
    everywhere = {
        name: f"{home}.{name}" if home else name
        for home, names in _SECTIONS.items()
        for name in names
    }
    for names in (known, list(everywhere)):
        near = difflib.get_close_matches(key, names, n=1)
        if near:
            home = f"{section}.{near[0]}" if names is known and section else everywhere[near[0]]
            return f"Did you mean {home!r}?"
    return f"Known here: {', '.join(known)}."


def _messages(error: ValidationError) -> Iterator[str]:
    for found in error.errors():
        place = ".".join(
            str(part) for part in found["loc"] if str(part) not in ("int", "str", "float")
        )
        if found["type"] == "missing":
            yield f"{place} is missing"
        else:
            yield f"{place}: {found['msg']}. Received: {received(found['input'])}"
