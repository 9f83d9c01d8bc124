"""Files of a custom model that go to other machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tcn_search.custom_model import source_files as module
from tcn_search.custom_model.model_function import ModelFunction, model_function
from tcn_search.custom_model.source_files import source_files, write_source_files
from tcn_search.errors import InputError

MODEL = "from helpers import WIDTH\n\ndef build(architecture, task, settings):\n    return WIDTH\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in {
        "my-model.py": MODEL,
        "helpers.py": "WIDTH = 4\n",
        "package/__init__.py": "",
        "package/layers/deep.py": "",
        "notes/old.py": "a folder that is no package",
        "data.npz": "not Python",
    }.items():
        file = tmp_path / "code" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path / "code"


def test_a_function_moves_with_what_it_imports(folder: Path, tmp_path: Path) -> None:
    function = model_function(f"{folder / 'my-model.py'}:build")
    files = source_files(function)
    assert sorted(files) == [
        "helpers.py",
        "my-model.py",
        "package/__init__.py",
        "package/layers/deep.py",
    ]
    folder.rename(tmp_path / "gone")
    moved = write_source_files(files, function, tmp_path / "elsewhere")
    assert moved.fingerprint == function.fingerprint
    build = moved.load()
    assert build(None, None, None) == 4
    assert Path(build.__code__.co_filename).parent == tmp_path / "elsewhere"


def test_a_module_in_a_folder_without_init(folder: Path) -> None:
    function = ModelFunction(place="notes.old", name="build", folder=str(folder), fingerprint="0")
    assert "notes/old.py" in source_files(function)
    moved = write_source_files({"notes/old.py": b""}, function, folder / "copy")
    assert (moved.place, moved.folder) == ("notes.old", str(folder / "copy"))


def test_an_installed_function_is_not_sent(tmp_path: Path) -> None:
    folder = Path(pytest.__file__).parents[1]
    function = ModelFunction(place="pytest", name="main", folder=str(folder), fingerprint="0")
    assert source_files(function) == {}
    assert write_source_files({}, function, tmp_path) == function


def test_too_many_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 0)
    with pytest.raises(InputError, match="Move the function, and the files that it imports"):
        source_files(model_function(f"{folder / 'my-model.py'}:build"))
