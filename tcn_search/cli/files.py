"""Files of commands: the saved model that they read, and the table that they write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError
from tcn_search.workers.backends import resolve_backend, use_backend
from tcn_search.workers.keras_import import import_keras_quietly

if TYPE_CHECKING:
    import keras
    import pandas as pd


def require_model_file(file: str | Path) -> None:
    """Raise an InputError if there is no such file."""
    if not Path(file).is_file():
        raise InputError(
            f"There is no model file {file}. `tcn-search best NAME` saves that of a study as "
            "runs/NAME/best.keras."
        )


def load_saved_model(
    file: str | Path, code: str | None = None, backend: str | None = None
) -> keras.Model:
    """Import Keras without the lines that it writes, and load a model.

    Args:
        code: a file that defines custom layers of the model, which is imported first.
        backend: name of the backend; None for KERAS_BACKEND, or else what suits the machine.
    """
    if backend is None:
        backend = resolve_backend("auto")
    use_backend(backend)
    import_keras_quietly()
    from tcn_search.models.build import load_model

    if code is not None:
        from tcn_search.custom_model.model_function import import_file

        import_file(code)
    return load_model(file)


def write_frame(frame: pd.DataFrame, out: str | None, what: str, rows: str) -> None:
    """Write a data frame as CSV, to standard output if `out` is None.

    Args:
        what: what the frame is, to begin an error with.
        rows: what its rows are.
    """
    if out is None:
        print(frame.to_csv(index=False), end="")
        return
    with replacing(out, f"{what} cannot be written to {out}") as temporary:
        frame.to_csv(temporary, index=False)
    print(f"wrote {len(frame)} {rows} to {out}")
