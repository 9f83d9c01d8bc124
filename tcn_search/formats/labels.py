"""Read labels, numbers to predict, groups and class names from any array, list or column."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from tcn_search.errors import InputError

_SHOWN_CHARACTERS = 60
_DTYPES: dict[str, Any] = {
    "strings": str,
    "bytes": bytes,
    "booleans": bool,
    "integers": "int64",
    "floats": float,
}


def read_labels(values: Any, name: str) -> np.ndarray:
    """Return an array of booleans, integers, floats or text from an array, list or column.

    Args:
        values: anything that NumPy turns into an array, pandas columns too. Python objects must be
            of one type; bytes are read as UTF-8.
        name: name of the values in errors.

    Raises:
        InputError: missing entries, mixed or unknown types, or bytes that are not UTF-8.
    """
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(
            f"{name} must be an array with one entry for each sequence. Received: "
            f"{type(values).__name__} whose entries differ in length or type"
        ) from error
    if array.dtype.kind == "U" and isinstance(values, list | tuple):
        # NumPy has turned NaN and None into the texts "nan" and "None".
        _require_complete(_as_objects(values, array), name)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):
            array = array.astype("float64")
    if array.dtype.kind in "OT":
        array = _convert_objects(array.astype(object), name)
    if array.dtype.kind == "S":
        array = _decode(array, name)
    if array.dtype.kind not in "biufU":
        raise InputError(f"{name} must hold numbers or strings. Received: dtype {array.dtype}")
    return array


def read_class_names(names: Any) -> tuple[str, ...] | None:
    """Return class names as text, or None if there are none.

    Raises:
        InputError: not a list of names, an empty name, or a name that occurs twice.
    """
    if names is None:
        return None
    is_single = isinstance(names, str | bytes | Mapping | set) or getattr(names, "ndim", 1) == 0
    if is_single or not isinstance(names, Iterable):
        raise InputError(
            f"class_names must be a list of names, one for each class. Received: {names!r}"
        )
    class_names = tuple(_class_name(name, number) for number, name in enumerate(names))
    require_proper_names(class_names, "class_names")
    return class_names


def require_proper_names(names: Iterable[str], source: str) -> None:
    """Raise an InputError if a class name is empty or occurs twice.

    Args:
        source: name of the list in errors.
    """
    seen: set[str] = set()
    for number, name in enumerate(names):
        if not name.strip():
            raise InputError(
                f"{source} must not hold an empty name. Received: {name!r} for class {number}"
            )
        if name in seen:
            raise InputError(f"{source} must name each class once. Received twice: {name!r}")
        seen.add(name)


def _class_name(name: Any, number: int) -> str:
    if isinstance(name, bytes):
        return str(_decode(np.array([name]), "class_names")[0])
    is_name = isinstance(name, str | numbers.Real | np.bool_)
    if not is_name or _is_missing(name):
        raise InputError(
            f"class_names must hold text. Received: {short_repr(name)} for class {number}"
        )
    return str(name)


def short_repr(value: Any) -> str:
    """Return the repr of a value for a message: on one line, short, and without NumPy's type."""
    if isinstance(value, np.generic):
        value = value.item()
    text = " ".join(repr(value).split())
    if len(text) <= _SHOWN_CHARACTERS:
        return text
    return text[: _SHOWN_CHARACTERS - 3] + "..."


def _as_objects(values: Any, array: np.ndarray) -> np.ndarray:
    objects = np.empty(array.shape, dtype=object)
    objects[...] = values
    return objects


def _require_complete(objects: np.ndarray, name: str) -> None:
    """Raise an InputError if an entry is missing."""
    missing = np.argwhere(np.frompyfunc(_is_missing, 1, 1)(objects).astype(bool))
    if len(missing):
        value = objects[tuple(missing[0])]
        raise InputError(
            f"{name} must not have missing entries. Received: {short_repr(value)} for sequence "
            f"{missing[0][0]}, {len(missing)} in all"
        )


def _convert_objects(objects: np.ndarray, name: str) -> np.ndarray:
    """Return Python objects of one type as an array of this type."""
    values = objects.ravel()
    types = [_type_of(value) for value in values]
    if types and set(types) == {"other"}:
        raise InputError(
            f"{name} must hold numbers or strings. Received: Python objects (dtype object)"
        )
    if "other" in types:
        position = types.index("other")
        raise InputError(
            f"{name} must hold numbers or strings. Received: {short_repr(values[position])} for "
            f"sequence {_row_of(position, objects)}"
        )
    _require_complete(objects, name)
    distinct_types = set(types)
    if distinct_types == {"integers", "floats"}:
        distinct_types = {"floats"}
    if len(distinct_types) > 1:
        position = next(k for k, type_name in enumerate(types) if type_name != types[0])
        raise InputError(
            f"{name} must hold values of one type, numbers or strings. Received: "
            f"{short_repr(values[0])} for sequence 0, but {short_repr(values[position])} for "
            f"sequence {_row_of(position, objects)}"
        )
    if not distinct_types:
        return objects.astype("float64")
    dtype = _DTYPES[distinct_types.pop()]
    try:
        converted: np.ndarray = objects.astype(dtype)
    except OverflowError as error:
        largest = max(values, key=abs)
        raise InputError(
            f"{name} must hold integers of 64 bits. Received: {short_repr(largest)}. Give such "
            "numbers as text."
        ) from error
    return converted


def _row_of(position: int, objects: np.ndarray) -> int:
    """Return the first index of an entry, given its position in the flat array."""
    if not objects.ndim:
        return 0
    return int(np.unravel_index(position, objects.shape)[0])


def _is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or pandas' NA or NaT.

    Types are compared by name, because workers do not import pandas.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, numbers.Real) and bool(value != value)


def _type_of(value: Any) -> str:
    """Return a key of `_DTYPES`, or "other"."""
    if _is_missing(value):
        return "floats"  # refused by _require_complete
    if isinstance(value, str):
        return "strings"
    if isinstance(value, bytes):
        return "bytes"
    if isinstance(value, bool | np.bool_):
        return "booleans"
    if isinstance(value, numbers.Integral):
        return "integers"
    if isinstance(value, numbers.Real):
        return "floats"
    return "other"


def _decode(array: np.ndarray, name: str) -> np.ndarray:
    try:
        return np.char.decode(array, "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name} must hold text in UTF-8 where it holds bytes. Received: "
            f"{short_repr(error.object)}"
        ) from error
