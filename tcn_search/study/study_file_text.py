"""Write a study's definition as the study file that creates the same study."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tcn_search.search.definition import Definition

_ARRAYS = "# Made from arrays: a study file needs the data in a file, such as an .npz."


def study_file_text(name: str, definition: Definition) -> str:
    """Return a study as TOML, with every setting of its definition.

    Trials, patience and time limits belong to a run, and are not part of a definition. A study that
    was made from arrays has a comment in place of its data.
    """
    top: dict[str, Any] = {"name": name}
    if definition.model is not None:
        top["model"] = str(definition.model)
    parts = [_lines(top)]
    if definition.source is None:
        parts.append(f"[task]\n{_ARRAYS}\n{_lines({'name': definition.spec.name})}")
    else:
        task = {"name": definition.source["name"], **definition.source["options"]}
        parts.append(f"[task]\n{_lines(task)}")
    space = definition.space.to_dict()
    training = definition.training.to_dict()
    search = definition.search.to_dict()
    final = definition.final.to_dict()
    final_epochs = search.pop("final_epochs")
    if final["epochs"] is None:
        final["epochs"] = final_epochs
    sections = {
        "space": space,
        "constraints": definition.constraints.to_dict(),
        "training": {name: value for name, value in training.items() if name not in space},
        "search": search,
        "final": final,
    }
    parts += [f"[{section}]\n{_lines(values)}" for section, values in sections.items()]
    return "\n".join(parts)


def _lines(values: Mapping[str, Any]) -> str:
    """Return a line for each value; None, which TOML does not have, is left out."""
    return "".join(
        f"{_key(key)} = {_value(value)}\n" for key, value in values.items() if value is not None
    )


def _key(key: str) -> str:
    is_bare = key.replace("_", "").replace("-", "").isalnum() and key.isascii()
    return key if is_bare else _text(key)


def _value(value: Any) -> str:
    """Return a plain value as TOML.

    >>> _value({"low": 1e-05, "log": True}), _value(["a", 2])
    ('{ low = 1e-05, log = true }', '["a", 2]')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        pairs = [f"{_key(key)} = {_value(each)}" for key, each in value.items() if each is not None]
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, int | float):
        return repr(value)
    return _text(str(value))


def _text(text: str) -> str:
    """Return a text in quotes; of the characters that JSON leaves, TOML refuses one."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
