"""The part of a Python file that one of its functions uses."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def source_used_by(source: str, name: str) -> str:
    """What a file's top level defines under `name`, and whatever that names in turn, in the file's order.

    Comments and layout are gone, imports of other files are kept as the lines that they are.

    >>> source_used_by("WIDTH = 4\\nSEED = 1\\ndef build():  # a model\\n    return WIDTH", "build")
    'WIDTH = 4\\ndef build():\\n    return WIDTH'

    Raises:
        KeyError: the file does not define it.
        SyntaxError: the file is not Python.
    """
    statements = [one for one in ast.parse(source).body if not _is_main_part(one)]
    homes: dict[str, list[ast.stmt]] = {}
    for statement in statements:
        for defined in _defined_by(statement):
            homes.setdefault(defined, []).append(statement)
    if name not in homes:
        raise KeyError(name)
    used = set[ast.stmt]()
    wanted = [name]
    while wanted:
        for statement in homes.get(wanted.pop(), []):
            if statement not in used:
                used.add(statement)
                wanted += [node.id for node in ast.walk(statement) if isinstance(node, ast.Name)]
    return "\n".join(ast.unparse(statement) for statement in statements if statement in used)


def _is_main_part(statement: ast.stmt) -> bool:
    """`if __name__ == "__main__":`"""
    return isinstance(statement, ast.If) and any(
        isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(statement.test)
    )


def _defined_by(statement: ast.stmt) -> Iterator[str]:
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
