"""Sections and keys of a study file, with the types of their values."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tcn_search.arguments import received
from tcn_search.errors import InputError
from tcn_search.space.search_space import SearchSpace


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _TaskSection(BaseModel):
    """The task checks its own options."""

    model_config = ConfigDict(extra="allow", strict=True)
    name: str


class _ConstraintsSection(_Section):
    required_context: int | str = "auto"
    receptive_field: str = "narrow"
    max_params: int | None = None
    allow_blind_spots: bool = False


class _TrainingSection(_Section):
    epochs: int | None = None
    patience: int | None = None
    precision: str | None = None
    batch_size: int | None = None
    dropout_rate: float | None = None
    learning_rate: float | None = None
    optimizer: str | None = None
    schedule: str | None = None
    weight_decay: float | None = None
    clip_norm: float | None = None
    input_norm: str | None = None
    label_smoothing: float | None = None
    warmup: float | None = None
    weights: str | None = None
    batch_norm_statistics: str | None = None
    loss: str | None = None
    quantiles: list[float] | None = None


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
    fraction: float | None = None


class _FinalSection(_Section):
    epochs: int | None = None
    schedule: str | None = None
    weights: str | None = None
    seeds: int | None = None
    rerun: int | None = None
    rerun_seeds: int | None = None
    refit: bool | None = None
    ensemble: bool | None = None
    members: int | None = None
    first_seed: int | None = None


class Sections(_Section):
    """A study file: its keys at the top, and its sections."""

    name: str | None = None
    model: str | None = None
    task: _TaskSection
    space: dict[str, Any] = {}
    constraints: _ConstraintsSection = _ConstraintsSection()
    training: _TrainingSection = _TrainingSection()
    search: _SearchSection = _SearchSection()
    final: _FinalSection = _FinalSection()


_TOP = ""  # in place of a section's name: the keys above all sections
_PLAIN_KEYS = ("name", "model")  # at the top
_KEYS: dict[str, list[str]] = {
    _TOP: list(Sections.model_fields),
    "space": [field.name for field in fields(SearchSpace)],
    "constraints": list(_ConstraintsSection.model_fields),
    "training": list(_TrainingSection.model_fields),
    "search": list(_SearchSection.model_fields),
    "final": list(_FinalSection.model_fields),
}


def read_sections(tree: dict[str, Any]) -> Sections:
    """Check keys and types of a study file's values.

    Args:
        tree: the file as TOML was read: values and sections by name.

    Raises:
        InputError: names the key, the rule and the value received; for an unknown key, the nearest
            known one.
    """
    _check_keys(tree)
    try:
        return Sections.model_validate(tree)
    except ValidationError as error:
        raise InputError("; ".join(_messages(error))) from error


def _check_keys(tree: dict[str, Any]) -> None:
    """Raise an InputError if a key is unknown, or a plain value is in place of a section."""
    for section in _KEYS[_TOP]:
        if section not in _PLAIN_KEYS and not isinstance(tree.get(section, {}), dict):
            raise InputError(
                f"{section} must be a section, [{section}]. Received: {received(tree[section])}"
            )
    for section, known in _KEYS.items():
        table = tree
        if section != _TOP:
            table = tree.get(section, {})
        for key in table:
            if key not in known:
                nearest = _nearest(key, section, known)
                raise InputError(f"Unknown key {_dotted(section, key)!r}. {nearest}")


def _dotted(section: str, key: str) -> str:
    if section == _TOP:
        return key
    return f"{section}.{key}"


def _nearest(key: str, section: str, known: list[str]) -> str:
    """Suggest the nearest key of this section, or of any; if there is none, list the known keys."""
    in_section = difflib.get_close_matches(key, known, n=1)
    if in_section:
        return f"Did you mean {_dotted(section, in_section[0])!r}?"
    everywhere = {name: _dotted(other, name) for other, names in _KEYS.items() for name in names}
    elsewhere = difflib.get_close_matches(key, list(everywhere), n=1)
    if elsewhere:
        return f"Did you mean {everywhere[elsewhere[0]]!r}?"
    return f"Known here: {', '.join(known)}."


def _messages(error: ValidationError) -> Iterator[str]:
    """Yield a line for each value that pydantic refused."""
    for problem in error.errors():
        # Of a key with several types, pydantic names the type that was tried as well.
        parts = [str(part) for part in problem["loc"] if part not in ("int", "str", "float")]
        key = ".".join(parts)
        if problem["type"] == "missing":
            yield f"{key} is missing"
        else:
            yield f"{key}: {problem['msg']}. Received: {received(problem['input'])}"
