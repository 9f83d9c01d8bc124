"""Model functions: their names, their import in other processes, their fingerprints."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tcn_search.custom_model.model_function import import_file, model_function
from tcn_search.custom_model.source import source_used_by
from tcn_search.errors import InputError

SOURCE = """
import helper
WIDTH = 4
SEED = 1

def layers():
    return WIDTH

class Maker:
    @staticmethod
    def build(architecture, task, settings):
        return layers() + helper.MORE

if __name__ == "__main__":
    WIDTH = 7
    layers = None
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "helper.py").write_text("MORE = 10")
    (tmp_path / "mine.py").write_text(SOURCE)
    return tmp_path / "mine.py"


def top_level(architecture: object, task: object, settings: object) -> None:
    return None


def test_a_file_is_imported_without_its_main_guard_and_finds_files_beside_it(file: Path) -> None:
    function = model_function("mine.py:Maker.build")
    assert (function.place, function.folder, str(function)) == (
        str(file),
        str(file.parent),
        "mine.py:Maker.build",
    )
    assert function.load()(None, None, None) == 14
    assert "mine" not in sys.modules


def test_a_module_is_imported_by_its_name_in_another_process(file: Path) -> None:
    function = model_function("mine:Maker.build")
    assert (function.place, function.folder) == ("mine", str(file.parent))
    code = f"from tcn_search.custom_model.model_function import ModelFunction as M; print({function!r}.load()(0, 0, 0))"
    code = code.replace("ModelFunction(", "M(")
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd="/",
        env={"PYTHONPATH": str(root)},
    )
    assert done.stdout == "14\n", done.stderr


def test_a_function_of_a_module_is_named_by_its_module() -> None:
    function = model_function(top_level)
    assert (function.place, function.name) == (__name__, "top_level")
    assert Path(function.folder) == Path(__file__).parents[2]
    assert function.load() is top_level
    function.require_importable()


def test_a_function_of_a_script_is_named_by_its_file(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from tcn_search.custom_model.model_function import model_function\n"
        "def build(architecture, task, settings): pass\n"
        "if __name__ == '__main__':\n"
        "    function = model_function(build)\n"
        "    print(function.place, function.name, function.load() is build)\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stdout == f"{script} build True\n", done.stderr


def test_a_lambda_works_in_this_process_only() -> None:
    function = model_function(lambda architecture, task, settings: 3)
    assert function.load()(None, None, None) == 3
    with pytest.raises(InputError) as caught:
        function.require_importable()
    assert str(caught.value) == (
        "Worker processes cannot import the model function test_a_lambda_works_in_this_process_only.<locals>.<lambda>: it "
        'is not at the top of a file or a module. Write it into a file and give "FILE.py:FUNCTION", or train in this '
        "process: study.run(executor=InProcessExecutor(study.training_data))."
    )


@pytest.mark.parametrize(
    ("edit", "same"),
    [
        (("    return WIDTH", "    return WIDTH  # of the layer"), True),
        (("SEED = 1", "SEED = 2"), True),
        (("WIDTH = 7", "WIDTH = 8"), True),
        (("WIDTH = 4", "WIDTH = 5"), False),
        (("helper.MORE", "helper.LESS"), False),
    ],
)
def test_the_fingerprint_covers_what_the_function_uses(
    file: Path, edit: tuple[str, str], same: bool
) -> None:
    before = model_function("mine.py:Maker.build")
    file.write_text(SOURCE.replace(*edit))
    assert (before.as_it_is_now() == before) is same
    if not same:
        with pytest.raises(
            InputError, match="The source of mine.py:Maker.build has changed since the study"
        ):
            before.load()


def test_changed_source_is_imported_again(file: Path) -> None:
    assert model_function("mine.py:Maker.build").load()(0, 0, 0) == 14
    file.write_text(SOURCE.replace("WIDTH = 4", "WIDTH = 55"))
    assert model_function("mine.py:Maker.build").load()(0, 0, 0) == 65


def test_conditional_and_imported_definitions_are_part_of_the_source() -> None:
    source = "try:\n    from a import b\nexcept ImportError:\n    b = None\nc = 1\ndef f():\n    return b"
    assert source_used_by(source, "f") == source.replace("c = 1\n", "")


def test_calls_of_imported_modules_define_nothing() -> None:
    source = (
        "import keras\nSEED = 1\nkeras.utils.set_random_seed(SEED)\ndef f():\n    return keras.ops"
    )
    assert source_used_by(source, "f") == "import keras\ndef f():\n    return keras.ops"


@pytest.mark.parametrize("change", ['WIDTHS["a"] = 4', "WIDTHS.update(a=4)", "del WIDTHS['b']"])
def test_what_changes_a_name_is_part_of_the_source(change: str) -> None:
    function = "def f():\n    return WIDTHS"
    source = (
        f"WIDTHS = {{'b': 1}}\nprint('imported')\nOTHER = []\nOTHER.append(1)\n{change}\n{function}"
    )
    used = source_used_by(source, "f").splitlines()
    assert len(used) == 4
    assert used[1].replace("'", '"') == change.replace("'", '"')


def test_a_changed_module_is_imported_again(file: Path) -> None:
    sys.path.append(str(file.parent))
    assert import_module("mine").Maker.build(0, 0, 0) == 14
    file.write_text(SOURCE.replace("WIDTH = 4", "WIDTH = 44"))
    assert model_function("mine:Maker.build").load()(0, 0, 0) == 54
    file.write_text(SOURCE.replace("WIDTH = 4", "WIDTH = 555"))
    assert model_function("mine:Maker.build").load()(0, 0, 0) == 565
    del sys.modules["mine"]


WRONG = 'model_fn must be a function, or its name as "module:function" or "path/to/file.py:function". Received: '


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mine.py", WRONG + "'mine.py'"),
        (3, WRONG + "3"),
        ("mine.py:other", "{folder}/mine.py has no function other."),
        ("gone.py:build", "There is no file {folder}/gone.py with a model function."),
        (
            "no_such_module:build",
            "There is no module no_such_module with a model function on the import path.",
        ),
        ("broken.py:build", "{folder}/broken.py is not valid Python: invalid syntax in line 2."),
    ],
)
def test_a_missing_or_broken_function_is_refused(file: Path, given: str, message: str) -> None:
    (file.parent / "broken.py").write_text("a = 1\ndef build(:\n")
    with pytest.raises(InputError) as caught:
        model_function(given)
    assert str(caught.value) == message.format(folder=file.parent)


def test_a_failed_import_is_tried_again(file: Path) -> None:
    file.write_text("raise RuntimeError('now')")
    with pytest.raises(RuntimeError, match="now"):
        import_file(file)
    file.write_text("A = 2")
    assert import_file(file).A == 2
    assert import_file(file) is import_file(file)
