"""Check a task's options against the annotations of its loader."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from tcn_search.arguments import as_integer, at_most, is_number, plain_number, received
from tcn_search.errors import InputError

_WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a finite number",
    str: "a text",
    Path: "a path",
}
_WORDS_OF_MANY = {float: "numbers", str: "texts"}


def option_types(load: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotation of each argument of a loader."""
    while isinstance(load, partial):
        load = load.func
    return get_type_hints(load)


def checked_option(option: str, value: object, annotation: object) -> Any:
    """Return an option's value, with NumPy's numbers as plain ones.

    Raises:
        InputError: names the option, its types and the value received; or its largest value.
    """
    if not _matches(value, annotation):
        raise InputError(f"{option} must be {_in_words(annotation)}. Received: {received(value)}")
    if isinstance(value, os.PathLike) or (isinstance(value, str) and Path in _members(annotation)):
        _require_usable_path(option, Path(value))
    if isinstance(value, list | tuple):
        return type(value)(map(plain_number, value))
    number = as_integer(value)
    if number is None:
        return plain_number(value)
    if number < 0 and option.endswith("seed"):
        raise InputError(f"{option} must be an integer, 0 or more. Received: {number}")
    return at_most(option, number)


def _members(annotation: object) -> tuple[Any, ...]:
    """Return the types of a union, or the single type."""
    is_union = get_origin(annotation) in (Union, types.UnionType)
    return get_args(annotation) if is_union else (annotation,)


def _matches(value: object, annotation: object) -> bool:
    return any(_is_instance(value, member) for member in _members(annotation))


def _is_instance(value: object, kind: Any) -> bool:
    if kind is Any:
        return True
    if kind in (bool, str):
        return isinstance(value, kind)
    if kind is int:
        return as_integer(value) is not None
    if kind is float:
        return is_number(value)
    if kind is Path:
        return isinstance(value, str | os.PathLike)
    if get_origin(kind) is Sequence:
        entry = get_args(kind)[0]
        return isinstance(value, list | tuple) and all(_matches(item, entry) for item in value)
    if get_origin(kind) is Mapping:
        return isinstance(value, Mapping)
    return isinstance(value, kind)


def _in_words(annotation: object) -> str:
    """Return types in words, such as "a text or a list of texts".

    None is not named: it leaves an option out.
    """
    kinds = [kind for kind in _members(annotation) if kind is not types.NoneType]
    if Path in kinds:
        kinds = [kind for kind in kinds if kind is not str]
    return " or ".join(map(_word, kinds))


def _word(kind: Any) -> str:
    """Return a type in words."""
    if get_origin(kind) is Sequence:
        inner = get_args(kind)[0]
        return f"a list of {_WORDS_OF_MANY.get(inner, getattr(inner, '__name__', 'values'))}"
    if get_origin(kind) is Mapping:
        return "a table"
    return _WORDS.get(kind, f"a {getattr(kind, '__name__', 'value')}")


def _require_usable_path(option: str, path: Path) -> None:
    """Raise an InputError for a path that no file can have."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # the loader reports a missing file
    except (OSError, ValueError) as error:  # too long a name, a byte of value 0
        raise InputError(
            f"{option} cannot be a path: {error}. Received: {received(str(path))}"
        ) from error
