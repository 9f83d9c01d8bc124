"""A user's function that builds the model: where it is found again, and whether it is still the same.

Nothing is pickled: a worker process imports the function, by its module or by its file.
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
from pathlib import Path
from typing import Any

from tcn_search.arguments import received
from tcn_search.custom_model.source import source_used_by
from tcn_search.errors import InputError

_OWN_PREFIX = (
    "tcn_search_own_"  # modules that were imported from a file: no name of theirs is taken
)
_IN_THIS_PROCESS: dict[ModelFunction, Callable[..., Any]] = {}
_being_imported: list[str] = []


@dataclass(frozen=True)
class ModelFunction:
    """What `model_fn` stands for.

    Args:
        place: its module's name, or the path of its file; "" where no other process can import it.
        name: in there, dotted for one inside a class.
        folder: that must be on the import path for it.
        fingerprint: of its source, with whatever it uses of the same file; comments do not count.
    """

    place: str
    name: str
    folder: str
    fingerprint: str

    def __str__(self) -> str:
        place = Path(self.place).name if self.place.endswith(".py") else self.place
        return f"{place}:{self.name}" if place else self.name

    def require_importable(self) -> None:
        """Raise an InputError where worker processes cannot find the function."""
        if not self.place:
            raise InputError(
                f"Worker processes cannot import the model function {self.name}: it is not at the top of a file or a "
                'module. Write it into a file and give "FILE.py:FUNCTION", or train in this process: '
                "study.run(executor=InProcessExecutor(study.training_data))."
            )

    def as_it_is_now(self) -> ModelFunction:
        """The same function with the fingerprint of today's source.

        Raises:
            InputError: its file or module is gone.
        """
        if not self.place:
            return self
        with _on_the_path(self.folder):
            return replace(self, fingerprint=_fingerprint(_file_of(self.place), self.name))

    def load(self) -> Callable[..., Any]:
        """The function itself.

        Raises:
            InputError: it cannot be found, or its source is not what the fingerprint says.
        """
        if self in _IN_THIS_PROCESS:
            return _IN_THIS_PROCESS[self]
        if not self.place:
            raise InputError(
                f"The model function {self.name} cannot be imported. Give it again: model_fn=..."
            )
        if self.as_it_is_now() != self:
            raise InputError(f"The source of {self} has changed since the study was started.")
        if self.place.endswith(".py"):
            sys.modules.pop(_module_name(Path(self.place)), None)  # it may be of an earlier source
            found: Any = import_file(self.place)
        else:
            found = self._module()
        for part in self.name.split("."):
            found = getattr(found, part)
        _IN_THIS_PROCESS[self] = found
        return found

    def _module(self) -> Any:
        with _on_the_path(self.folder), _noted_as_imported(self.place):
            return import_module(self.place)


def model_function(given: str | Callable[..., Any] | ModelFunction) -> ModelFunction:
    """Read what a user gave: a function, "module:function" or "path/to/file.py:function".

    Raises:
        InputError: it is none of these, or there is no such file, module or function.
    """
    if isinstance(given, ModelFunction):
        return given
    if isinstance(given, str):
        return _from_text(given)
    name = getattr(given, "__qualname__", None)
    if not callable(given) or name is None or not hasattr(given, "__code__"):
        raise InputError(
            'model_fn must be a function, or its name as "module:function" or "path/to/file.py:function". '
            f"Received: {given!r}"
        )
    found = _from_callable(given, name)
    _IN_THIS_PROCESS[found] = given
    return found


def importing() -> str | None:
    """The file or module that is being imported to find a model function, or None."""
    return _being_imported[-1] if _being_imported else None


def import_file(path: str | Path) -> Any:
    """The module that a .py file makes, imported once; its folder is searched for what it imports itself."""
    file = Path(path).resolve()
    name = _module_name(file)
    known = sys.modules.get(name)
    if known is not None and known.__file__ == str(file):
        return known
    if not file.is_file():
        raise InputError(f"There is no file {file}.")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with _on_the_path(str(file.parent)), _noted_as_imported(file.name):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module_name(file: Path) -> str:
    return f"{_OWN_PREFIX}{file.stem}"


def _from_text(given: str) -> ModelFunction:
    place, _, name = given.rpartition(":")
    if not place or not all(part.isidentifier() for part in name.split(".")):
        raise InputError(
            'model_fn must be a function, or its name as "module:function" or "path/to/file.py:function". '
            f"Received: {received(given)}"
        )
    folder = os.getcwd()
    if place.endswith(".py"):
        place = str(Path(place).resolve())
        folder = str(Path(place).parent)
    with _on_the_path(folder):
        return ModelFunction(place, name, folder, _fingerprint(_file_of(place), name))


def _from_callable(given: Callable[..., Any], name: str) -> ModelFunction:
    file = Path(inspect.getsourcefile(given) or "").resolve()
    if "<" in name or not file.is_file():
        return ModelFunction("", name, "", _hash(_source_text(given, name)))
    fingerprint = _fingerprint(file, name)
    module = given.__module__
    if module == "__main__":  # run with `python -m`, it has a name that can be imported too
        module = getattr(sys.modules["__main__"].__spec__, "name", "")
    if (
        module
        and not module.startswith(_OWN_PREFIX)
        and getattr(_spec(module), "origin", None) == str(file)
    ):
        levels = module.count(".") + (file.name == "__init__.py")
        return ModelFunction(module, name, str(file.parents[levels]), fingerprint)
    return ModelFunction(str(file), name, str(file.parent), fingerprint)


def _file_of(place: str) -> Path:
    if place.endswith(".py"):
        if not Path(place).is_file():
            raise InputError(f"There is no file {place} with a model function.")
        return Path(place)
    origin = getattr(_spec(place), "origin", None)
    if origin is None or not origin.endswith(".py"):
        raise InputError(f"There is no module {place} with a model function on the import path.")
    return Path(origin)


def _spec(module: str) -> Any:
    try:
        return importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return None


def _fingerprint(file: Path, name: str) -> str:
    try:
        return _hash(source_used_by(file.read_text(encoding="utf-8"), name.split(".")[0]))
    except SyntaxError as error:
        raise InputError(
            f"{file} is not valid Python: {error.msg} in line {error.lineno}."
        ) from error
    except KeyError as error:
        raise InputError(f"{file} has no function {name}.") from error
    except (OSError, ValueError) as error:  # no UTF-8, or bytes of value 0
        raise InputError(f"{file} cannot be read as Python: {error}") from error


def _source_text(given: Callable[..., Any], name: str) -> str:
    try:
        return ast.unparse(ast.parse(inspect.cleandoc(inspect.getsource(given))))
    except SyntaxError:  # a lambda's lines may be part of something
        return inspect.getsource(given)
    except OSError as error:
        raise InputError(
            f"The source of the model function {name} cannot be read. Write it into a file."
        ) from error


def _hash(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]


@contextmanager
def _on_the_path(folder: str) -> Iterator[None]:
    """Last on the import path, and left there: an import inside the function comes later."""
    if folder not in sys.path:
        sys.path.append(folder)
    yield


@contextmanager
def _noted_as_imported(what: str) -> Iterator[None]:
    _being_imported.append(what)
    try:
        yield
    finally:
        _being_imported.pop()
