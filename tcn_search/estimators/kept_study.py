"""Study and model of a fitted estimator, in a form that can be pickled."""

from __future__ import annotations

import sqlite3
import tempfile
import weakref
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tcn_search.study.study import Study
from tcn_search.workers.backends import use_backend
from tcn_search.workers.temporary_folder import TemporaryFolder

if TYPE_CHECKING:
    import keras

_DATABASE = "studies.db"
_TEMPORARY_NAME = "estimator"


class KeptStudy:
    """The study of an estimator: in a storage of the user, or in a temporary folder.

    A pickle names a study in a storage. It holds the database of a temporary study, which gets
    another temporary folder when it is opened again. The folder is removed with the last reference
    to the study.

    Args:
        name: of the study; None for a temporary study.
        storage: database URL, or None for the default one.
    """

    def __init__(self, name: str | None, storage: str | None) -> None:
        self._name = name
        self._storage = storage
        self._study: Study | None = None
        self._database: bytes | None = None  # of a temporary study that is not open
        self._file: Path | None = None  # of a temporary study that is open

    def open(self, **arguments: Any) -> Study:
        """Create or load the study; the arguments are those of `Study`."""
        if self._study is None:
            if self._name is None:
                self._study = self._open_temporary(arguments)
            else:
                self._study = Study(self._name, storage=self._storage, **arguments)
        return self._study

    def _open_temporary(self, arguments: dict[str, Any]) -> Study:
        folder = TemporaryFolder()
        self._file = folder.path / _DATABASE
        if self._database is not None:
            self._file.write_bytes(self._database)
        study = Study(
            _TEMPORARY_NAME,
            storage=f"sqlite:///{self._file}",
            folder=folder.path / "models",
            **arguments,
        )
        weakref.finalize(study, folder.remove)
        self._database = None
        return study

    def __getstate__(self) -> dict[str, Any]:
        database = self._database
        if self._study is not None and self._file is not None:
            with closing(sqlite3.connect(self._file)) as connection:
                database = connection.serialize()
        return {**self.__dict__, "_study": None, "_file": None, "_database": database}


class KeptModel:
    """A Keras model as the bytes of its file; it is loaded when it is first used.

    Args:
        file: of the model, .keras.
        backend: that the model is to run on.
    """

    def __init__(self, file: Path, backend: str) -> None:
        self._content = file.read_bytes()
        self._backend = backend
        self._model: keras.Model | None = None

    @property
    def model(self) -> keras.Model:
        """The model."""
        if self._model is None:
            use_backend(self._backend)
            from tcn_search.models.build import load_model

            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "model.keras"
                file.write_bytes(self._content)
                self._model = load_model(file)
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}
