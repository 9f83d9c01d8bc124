"""Labels, numbers to predict, groups and names of classes, whatever array or column they come in."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tcn_search.errors import InputError


def read_labels(values: Any, name: str) -> np.ndarray:
    """Return an array of booleans, integers, floats or text from arrays, lists or columns of pandas.

    Args:
        values: anything that NumPy makes an array of. Python objects must be of one type; bytes are read
            as UTF-8.
        name: what errors call it.

    Raises:
        InputError: missing entries, mixed or other types, bytes that are not UTF-8.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{name} must be an array with one entry for each sequence. Received: {type(values).__name__} "
            "whose entries differ in length or type"
        ) from error
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        _require_all(
            _as_objects(values, array), name
        )  # NumPy has made the texts "nan" and "None" of them
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            array = array.astype("float64")
    if array.dtype.kind in "OT":
        array = _of_objects(array.astype(object), name)
    if array.dtype.kind == "S":
        array = _decoded(array, name)
    if array.dtype.kind not in "biufU":
        raise InputError(f"{name} must hold numbers or strings. Received: dtype {array.dtype}")
    return array


def read_class_names(names: Any) -> tuple[str, ...] | None:
    """Return names of classes as text, or None where there are none.

    Raises:
        InputError: a single text, other than a list of names, an empty name, or a name twice.
    """
    if names is None:
        return None
    is_single = isinstance(names, str | bytes | Mapping | set) or getattr(names, "ndim", 1) == 0
    if is_single or not isinstance(names, Iterable):
        raise InputError(
            f"class_names must be a list of names, one for each class. Received: {names!r}"
        )
    found = tuple(_name_of_class(name, number) for number, name in enumerate(names))
    require_proper_names(found, "class_names")
    return found


def require_proper_names(names: Iterable[str], source: str) -> None:
    """Raise an InputError if one of the names of classes is empty or there twice."""
    seen: set[str] = set()
    for number, name in enumerate(names):
        if not name.strip():
            raise InputError(
                f"{source} must not hold an empty name. Received: {name!r} for class {number}"
            )
        if name in seen:
            raise InputError(f"{source} must name each class once. Received twice: {name!r}")
        seen.add(name)


def _name_of_class(name: Any, number: int) -> str:
    if isinstance(name, bytes):
        return str(_decoded(np.array([name]), "class_names")[0])
    is_name = isinstance(name, str | numbers.Real | np.bool_)
    if not is_name or _is_missing(name):
        raise InputError(f"class_names must hold text. Received: {shown(name)} for class {number}")
    return str(name)


def shown(value: Any) -> str:
    """Return a value as a message shows it: short, and without NumPy's type."""
    text = " ".join(repr(value.item() if isinstance(value, np.generic) else value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def _as_objects(values: Any, array: np.ndarray) -> np.ndarray:
    objects = np.empty(array.shape, dtype=object)
    objects[...] = values
    return objects


def _require_all(objects: np.ndarray, name: str) -> None:
    missing = np.argwhere(np.frompyfunc(_is_missing, 1, 1)(objects).astype(bool))
    if len(missing):
        value = objects[tuple(missing[0])]
        raise InputError(
            f"{name} must not have missing entries. Received: {shown(value)} for sequence {missing[0][0]}, "
            f"{len(missing)} in all"
        )


def _of_objects(objects: np.ndarray, name: str) -> np.ndarray:
    """Return Python objects of one type as an array of this type."""
    flat = objects.ravel()
    types = [_type_of(value) for value in flat]
    if types and set(types) == {"other"}:
        raise InputError(
            f"{name} must hold numbers or strings. Received: Python objects (dtype object)"
        )
    for position, one in enumerate(types):
        row = np.unravel_index(position, objects.shape)[0] if objects.ndim else 0
        if one == "other":
            raise InputError(
                f"{name} must hold numbers or strings. Received: {shown(flat[position])} for sequence {row}"
            )
    _require_all(objects, name)
    kinds = set(types)
    if kinds == {"integers", "floats"}:
        kinds = {"floats"}
    if len(kinds) > 1:
        position = next(position for position, one in enumerate(types) if one != types[0])
        row = np.unravel_index(position, objects.shape)[0]
        raise InputError(
            f"{name} must hold values of one type, numbers or strings. Received: {shown(flat[0])} for "
            f"sequence 0, but {shown(flat[position])} for sequence {row}"
        )
    if not kinds:
        return objects.astype("float64")
    try:
        return objects.astype(
            {"strings": str, "bytes": bytes, "booleans": bool, "floats": float}.get(
                kinds.pop(), "int64"
            )
        )
    except OverflowError as error:
        largest = max(flat, key=abs)
        raise InputError(
            f"{name} must hold integers of 64 bits. Received: {shown(largest)}. Give such numbers as text."
        ) from error


def _is_missing(value: Any) -> bool:
    """Whether a value is None, NaN, or one of pandas' missing ones; workers do without pandas."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and bool(value != value)


def _type_of(value: Any) -> str:
    if _is_missing(value):
        return "floats"  # it is refused by itself
    for name, types in (
        ("strings", str),
        ("bytes", bytes),
        ("booleans", bool | np.bool_),
        ("integers", numbers.Integral),
        ("floats", numbers.Real),
    ):
        if isinstance(value, types):  # type: ignore[arg-type]
            return name
    return "other"


def _decoded(array: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} must hold text in UTF-8 where it holds bytes. Received: {shown(error.object)}"
        ) from error
