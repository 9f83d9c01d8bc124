"""Import a user's function that builds a custom model, in any process.

A `ModelFunction` names the module or file that another process imports, and has a fingerprint of
the source, by which the process knows that the function is the same. Nothing is pickled.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from tcn_search.arguments import received
from tcn_search.custom_model.source import source_used_by
from tcn_search.errors import InputError

# Name of a module imported from a file, so that it replaces no other module. Saved models hold it.
_MODULE_PREFIX = "tcn_search_own_"
_RULE = (
    'model_fn must be a function, or its name as "module:function" or "path/to/file.py:function".'
)
_LOADED: dict[ModelFunction, Callable[..., Any]] = {}
_BEING_IMPORTED: list[str] = []
_IMPORTED: dict[str, str] = {}  # hash of the file with which a module was imported, by its name


@dataclass(frozen=True)
class ModelFunction:
    """Where a model function is defined, and a fingerprint of its source.

    Args:
        place: name of its module, or path of its file; "" if no other process can import it.
        name: name of the function in the module, dotted if it is inside a class.
        folder: folder that must be on the import path.
        fingerprint: hash of its source and of everything it uses in the same file, without
            comments.
    """

    place: str
    name: str
    folder: str
    fingerprint: str

    def __str__(self) -> str:
        if not self.place:
            return self.name
        if self.place.endswith(".py"):
            return f"{Path(self.place).name}:{self.name}"
        return f"{self.place}:{self.name}"

    def require_importable(self) -> None:
        """Raise an InputError if worker processes cannot import the function."""
        if not self.place:
            raise InputError(
                f"Worker processes cannot import the model function {self.name}: it is not at the "
                'top of a file or a module. Write it into a file and give "FILE.py:FUNCTION", or '
                "train in this process: "
                "study.run(executor=InProcessExecutor(study.training_data))."
            )

    def as_it_is_now(self) -> ModelFunction:
        """Return the same function with the fingerprint of its current source.

        Raises:
            InputError: its file or module does not exist any more.
        """
        if not self.place:
            return self
        _append_to_import_path(self.folder)
        return replace(self, fingerprint=_fingerprint(_file_of(self.place), self.name))

    def load(self) -> Callable[..., Any]:
        """Import the function and return it.

        Raises:
            InputError: the function cannot be imported, or its source does not have this
                fingerprint.
        """
        if self in _LOADED:
            return _LOADED[self]
        if not self.place:
            raise InputError(
                f"The model function {self.name} cannot be imported. Give it again: model_fn=..."
            )
        if self.as_it_is_now() != self:
            raise InputError(f"The source of {self} has changed since the study was started.")
        if self.place.endswith(".py"):
            # A module of that name may have been imported from an earlier source.
            sys.modules.pop(_module_name(Path(self.place)), None)
            value: Any = import_file(self.place)
        else:
            _append_to_import_path(self.folder)
            with _noted_as_imported(self.place):
                value = _imported_anew(self.place)
        for attribute in self.name.split("."):
            value = getattr(value, attribute)
        function: Callable[..., Any] = value
        _LOADED[self] = function
        return function


def model_function(given: str | Callable[..., Any] | ModelFunction) -> ModelFunction:
    """Return the `ModelFunction` of a user's `model_fn`.

    Args:
        given: a function, "module:function" or "path/to/file.py:function".

    Raises:
        InputError: `given` is none of these, or its file, module or function does not exist.
    """
    if isinstance(given, ModelFunction):
        return given
    if isinstance(given, str):
        return _from_text(given)
    name = getattr(given, "__qualname__", None)
    if not callable(given) or name is None or not hasattr(given, "__code__"):
        raise InputError(f"{_RULE} Received: {given!r}")
    function = _from_callable(given, name)
    _LOADED[function] = given
    return function


def module_being_imported() -> str | None:
    """Return the file or module that is being imported for a model function, or None."""
    if not _BEING_IMPORTED:
        return None
    return _BEING_IMPORTED[-1]


def import_file(path: str | Path) -> Any:
    """Import a .py file, once, and return its module.

    Its folder is put on the import path, for the imports in the file.

    Raises:
        InputError: there is no such file.
    """
    file = Path(path).resolve()
    name = _module_name(file)
    imported = sys.modules.get(name)
    if imported is not None and imported.__file__ == str(file):
        return imported
    if not file.is_file():
        raise InputError(f"There is no file {file}.")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _append_to_import_path(str(file.parent))
    try:
        with _noted_as_imported(file.name):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _imported_anew(place: str) -> Any:
    """Import a module; again, if it was not imported here from its file as it is now."""
    source = hashlib.sha256(Path(_file_of(place)).read_bytes()).hexdigest()
    if place in sys.modules and _IMPORTED.get(place) != source:
        module = importlib.reload(sys.modules[place])
    else:
        module = import_module(place)
    _IMPORTED[place] = source
    return module


def _module_name(file: Path) -> str:
    return f"{_MODULE_PREFIX}{file.stem}"


def _from_text(given: str) -> ModelFunction:
    """Return the `ModelFunction` of "module:function" or "path/to/file.py:function"."""
    place, _, name = given.rpartition(":")
    if not place or not all(word.isidentifier() for word in name.split(".")):
        raise InputError(f"{_RULE} Received: {received(given)}")
    folder = os.getcwd()
    if place.endswith(".py"):
        place = str(Path(place).resolve())
        folder = str(Path(place).parent)
    _append_to_import_path(folder)
    return ModelFunction(
        place=place, name=name, folder=folder, fingerprint=_fingerprint(_file_of(place), name)
    )


def _from_callable(given: Callable[..., Any], name: str) -> ModelFunction:
    """Return the `ModelFunction` of a function, named by its module if that can be imported."""
    file = Path(inspect.getsourcefile(given) or "").resolve()
    if "<" in name or not file.is_file():
        return ModelFunction(
            place="", name=name, folder="", fingerprint=_hash(_source_text(given, name))
        )
    fingerprint = _fingerprint(file, name)
    module = given.__module__
    if module == "__main__":  # a module run with `python -m` has a name for imports too
        module = getattr(sys.modules["__main__"].__spec__, "name", "")
    if (
        module
        and not module.startswith(_MODULE_PREFIX)
        and getattr(_find_module(module), "origin", None) == str(file)
    ):
        levels = module.count(".") + (file.name == "__init__.py")
        return ModelFunction(
            place=module, name=name, folder=str(file.parents[levels]), fingerprint=fingerprint
        )
    return ModelFunction(
        place=str(file), name=name, folder=str(file.parent), fingerprint=fingerprint
    )


def _file_of(place: str) -> Path:
    """Return the file of a module name or path, or raise an InputError if it does not exist."""
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise InputError(f"There is no file {place} with a model function.")
        return Path(place)
    origin = getattr(_find_module(place), "origin", None)
    if origin is None or not origin.endswith(".py"):
        raise InputError(f"There is no module {place} with a model function on the import path.")
    return Path(origin)


def _find_module(module: str) -> ModuleSpec | None:
    """Return the spec of a module without importing it; None if it cannot be found."""
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def _fingerprint(file: Path, name: str) -> str:
    """Return the hash of the source in `file` that the function `name` uses.

    Raises:
        InputError: the file cannot be read as Python, or does not define the function.
    """
    try:
        return _hash(source_used_by(file.read_text(encoding="utf-8"), name.split(".")[0]))
    except SyntaxError as error:
        raise InputError(
            f"{file} is not valid Python: {error.msg} in line {error.lineno}."
        ) from error
    except KeyError as error:
        raise InputError(f"{file} has no function {name}.") from error
    except (OSError, ValueError) as error:  # not UTF-8, or bytes of value 0
        raise InputError(f"{file} cannot be read as Python: {error}") from error


def _source_text(given: Callable[..., Any], name: str) -> str:
    """Return the source of a function that is not at the top of a file."""
    try:
        return ast.unparse(ast.parse(inspect.cleandoc(inspect.getsource(given))))
    except SyntaxError:  # a lambda's lines may be part of a longer statement
        return inspect.getsource(given)
    except OSError as error:
        raise InputError(
            f"The source of the model function {name} cannot be read. Write it into a file."
        ) from error


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _append_to_import_path(folder: str) -> None:
    """Append a folder to the import path. It stays there, for imports inside the function."""
    if folder not in sys.path:
        sys.path.append(folder)


@contextmanager
def _noted_as_imported(place: str) -> Iterator[None]:
    """Make `module_being_imported` return `place` inside the block."""
    _BEING_IMPORTED.append(place)
    try:
        yield
    finally:
        _BEING_IMPORTED.pop()
