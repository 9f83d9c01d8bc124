"""Extract the code of a Python file that one of its functions uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def source_used_by(source: str, name: str) -> str:
    """Return the top-level statements that define `name` and every name they use, in file order.

    Comments and layout are dropped. Imports are kept as statements; the code of imported files is
    not followed.

    Args:
        source: text of a Python file.
        name: name of a function or class at its top level.

    Raises:
        KeyError: the file does not define the name.
        SyntaxError: the file is not Python.

    >>> source_used_by("WIDTH = 4\\nSEED = 1\\ndef build():  # a model\\n    return WIDTH", "build")
    'WIDTH = 4\\ndef build():\\n    return WIDTH'
    """
    statements = [
        statement for statement in ast.parse(source).body if not _is_main_guard(statement)
    ]
    definitions: dict[str, list[ast.stmt]] = {}
    imported = {
        (node.asname or node.name).split(".")[0]
        for statement in statements
        for node in ast.walk(statement)
        if isinstance(node, ast.alias)
    }
    for statement in statements:
        changed = set(_names_changed_by(statement)) - imported  # keras.utils.clear_session()
        for defined in (*_names_defined_by(statement), *changed):
            if statement not in definitions.setdefault(defined, []):
                definitions[defined].append(statement)
    if name not in definitions:
        raise KeyError(name)
    used = set[ast.stmt]()
    names_to_follow = [name]
    while names_to_follow:
        for statement in definitions.get(names_to_follow.pop(), []):
            if statement not in used:
                used.add(statement)
                names_to_follow += [
                    node.id for node in ast.walk(statement) if isinstance(node, ast.Name)
                ]
    return "\n".join(ast.unparse(statement) for statement in statements if statement in used)


def _is_main_guard(statement: ast.stmt) -> bool:
    """Return whether a statement is `if __name__ == "__main__":`."""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _names_defined_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement may define."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
        return
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]


def _names_changed_by(statement: ast.stmt) -> Iterator[str]:
    """Yield the names whose objects a statement may change.

    These are `X` in `X["a"] = 4`, `X.a = 4`, `del X["a"]` and `X.append(4)`.
    """
    for node in ast.walk(statement):
        changed: ast.expr | None = None
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            changed = node
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            changed = node.value.func
            if not isinstance(changed, ast.Attribute):
                continue
        while isinstance(changed, ast.Subscript | ast.Attribute):
            changed = changed.value
        if isinstance(changed, ast.Name):
            yield changed.id
