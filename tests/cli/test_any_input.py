"""Commands on any file: each one works, or ends with one line and leaves no file behind."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tcn_search import Architecture, Task, build_model, delete_study
from tcn_search.cli import files as files_of_commands
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tests.conftest import waves
from tests.study.synthetic import Synthetic
from tests.study.test_odd_study_files import KEYS, odd
from tests.tasks.written_tables import damaged, written_tables

DTYPES = [
    "float64",
    "float32",
    "float16",
    "int64",
    "uint8",
    "bool",
    "<U3",
    "S3",
    "complex64",
    "M8[s]",
    ">f4",
]
NAMES = [
    *("X_train", "y_train", "X_test", "y_test", "X_val", "y_val", "lengths_train", "lengths_test"),
    *("groups_train", "class_names", "groups", "X_valid", "X_Test", "length_train", "X", "lengths"),
]


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray:
    """Draw an array of any type and shape, with numbers far from zero, NaN and infinity among them."""
    shape = draw(
        st.sampled_from(
            [
                (),
                (0,),
                (6,),
                (6, 1),
                (6, 3),
                (6, 4, 0),
                (6, 4, 1),
                (6, 4, 2),
                (6, 1, 9),
                (6, 2, 2, 2),
            ]
        )
    )
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    values = generator.integers(0, draw(st.integers(1, 4)), size=shape).astype("float64")
    values += draw(st.sampled_from([0.0, 0.5, 1.7e9, 1e38, 1e300])) * generator.normal(size=shape)
    if values.size and draw(st.booleans()):
        values.flat[0] = draw(st.sampled_from([np.nan, np.inf, -1.0, 1e39]))
    return cast(values, draw(st.sampled_from(DTYPES)))


def cast(values: np.ndarray, dtype: str) -> np.ndarray:
    """Convert numbers to another type, with loss where it is not exact; text stays as it is."""
    if values.dtype.kind not in "biufc":
        return values
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if np.dtype(dtype).kind not in "fc":
            values = np.nan_to_num(values, posinf=9, neginf=-9)
        return values.astype(dtype)


@st.composite
def archives(draw: st.DrawFn) -> bytes:
    """Draw an .npz with valid arrays, some of which are replaced or damaged."""
    X, y = waves(8, steps=6)
    content = {"X_train": X, "y_train": y}
    content |= draw(st.dictionaries(st.sampled_from(NAMES), arrays(), max_size=2))
    for name in draw(st.sets(st.sampled_from(["X_train", "y_train"]), max_size=1)):
        content[name] = cast(
            content[name], draw(st.sampled_from(["float64", "float16", "int64", "int8"]))
        )
    stream = io.BytesIO()
    np.savez(stream, **content)  # type: ignore[arg-type]
    data = stream.getvalue()
    return draw(damaged(data)) if draw(st.booleans()) and draw(st.booleans()) else data


@st.composite
def studies(draw: st.DrawFn) -> bytes:
    """Draw a study file of the task adding with odd values."""
    lines = {
        "task": ['name = "adding"', "seq_len = 8", "train_size = 20"],
        "search": [],
        "training": [],
    }
    for key in draw(st.sets(st.sampled_from(KEYS), max_size=2)):
        section, _, name = key.partition(".")
        if name:
            lines.setdefault(section, []).append(f"{name} = {_toml(draw(odd))}")
    text = "\n".join(f"[{name}]\n" + "\n".join(entries) for name, entries in lines.items())
    data = text.encode("utf-8", "surrogatepass")
    return draw(damaged(data)) if draw(st.booleans()) else data


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        pairs = (f"{_quoted(str(key))} = {_toml(entry)}" for key, entry in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, int) and abs(value) > 10**4000:
        return "9" * 5000
    return repr(value) if isinstance(value, int | float) else _quoted(str(value))


def _quoted(text: str) -> str:
    escaped = "".join(
        f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}" for code in map(ord, text)
    )
    return f'"{escaped}"'


@st.composite
def files(draw: st.DrawFn) -> tuple[str, bytes, list[str]]:
    """Draw a file name, the content, and further arguments of `run`."""
    kind = draw(st.sampled_from(["table", "archive", "study"]))
    if kind == "archive":
        return "own.npz", draw(archives()), []
    if kind == "study":
        return "own.toml", draw(studies()), []
    table = draw(written_tables())
    data = table.data()
    if draw(st.booleans()):
        data = draw(damaged(data))
    more = ["--horizon", "1", "--set", "task.look_back=2"] if table.form == "forecast" else []
    return f"own{table.ending}", data, more


@contextlib.contextmanager
def working_directory() -> Iterator[Path]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(before)


def command(*arguments: str) -> int:
    """Run a command, check what it prints, and return its exit code."""
    out = io.StringIO()
    err = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
    assert code in (0, 1, 2), (arguments, err.getvalue())
    lines = [line for line in err.getvalue().splitlines() if not line.endswith(" ...")]  # progress
    if code == 2:
        assert len(lines) == 1, lines
    return code


def run_everything(name: str, data: bytes, more: list[str], model: Path) -> None:
    """Give a file to every command that takes one, and delete the study that `run` makes."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with working_directory() as folder:
        (folder / name).write_bytes(data)
        command("check", "--task", name, "--kernel-size", "3", "--dilations", "1,2")
        command("predict", str(model), name)
        command("evaluate", str(model), name)
        for verb in ("status", "best", "report", "compare", "trials"):
            assert command(verb, name) == 2
        assert [path.name for path in folder.iterdir()] == [name]
        exit_code = command(
            "run", name, "--trials", "1", "--workers", "1", "--set", "name=own", *more
        )
        if exit_code == 2:
            assert [path.name for path in folder.iterdir()] == [name]
            with pytest.raises(InputError):
                delete_study("own")
            return
        assert command("status", "own") == 0
        delete_study("own")
        assert command("status", "own") == 2


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model of sequences of six steps and two channels."""
    file = tmp_path_factory.mktemp("model") / "own.keras"
    build_model(Architecture(2, 2, (1,)), Task.from_arrays(*waves(8, steps=6))).save(file)
    return file


@pytest.fixture(autouse=True)
def _trains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tcn_search.study.running.ProcessExecutor", lambda data, slots: Synthetic())


@pytest.fixture(autouse=True)
def _loads_a_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep loaded models: each one that is loaded again takes Keras a second to trace."""
    load = functools.cache(files_of_commands.load_saved_model)
    monkeypatch.setattr("tcn_search.cli.predict.load_saved_model", load)
    monkeypatch.setattr("tcn_search.cli.evaluate.load_saved_model", load)


few = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@few
@given(file=files())
def test_any_file_is_used_or_refused(file: tuple[str, bytes, list[str]], model: Path) -> None:
    run_everything(*file, model)


@pytest.mark.slow
@settings(few, max_examples=2000, derandomize=False)
@given(file=files())
def test_two_thousand_files_are_used_or_refused(
    file: tuple[str, bytes, list[str]], model: Path
) -> None:
    run_everything(*file, model)
