"""Files that replace earlier ones only when they are complete."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "table.csv"
    made.write_text("earlier")
    return made


def test_the_earlier_file_stays_until_the_new_one_is_whole(file: Path) -> None:
    with replacing(file) as part:
        assert part.suffix == ".csv"
        part.write_text("half")
        assert file.read_text() == "earlier"
        part.write_text("whole")
    assert file.read_text() == "whole"
    assert os.listdir(file.parent) == ["table.csv"]


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), ValueError("a fault"), InputError("bad input")]
)
def test_after_an_error_the_earlier_file_is_there_and_nothing_else(
    file: Path, error: BaseException
) -> None:
    def interrupted() -> None:
        with replacing(file) as part:
            part.write_text("half")
            raise error

    with pytest.raises(type(error)) as caught:
        interrupted()
    assert caught.value is error
    assert file.read_text() == "earlier"
    assert os.listdir(file.parent) == ["table.csv"]


def test_an_error_of_the_system_names_file_and_reason(file: Path) -> None:
    with pytest.raises(InputError) as caught, replacing(file) as part:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(part))
    assert str(caught.value) == f"{file} cannot be written: No space left on device"
    with pytest.raises(InputError) as caught, replacing(file, "The table cannot be saved"):
        raise OSError("first line\nsecond line")
    assert str(caught.value) == "The table cannot be saved: first line"


def test_an_impossible_target_is_reported_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path, reason in (
        ("folder", "it is a folder"),
        ("nowhere/table.csv", f"there is no folder {tmp_path / 'nowhere'}"),
        ("file/table.csv", f"{tmp_path / 'file'} is no folder"),
    ):
        with pytest.raises(InputError) as caught, replacing(tmp_path / path):
            pytest.fail("it went on")
        assert str(caught.value) == f"{tmp_path / path} cannot be written: {reason}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_files_stay(file: Path) -> None:
    file.chmod(0o444)
    with (
        pytest.raises(InputError, match="table.csv cannot be written: it is read-only"),
        replacing(file),
    ):
        pytest.fail("it went on")
    file.chmod(0o644)
    file.parent.chmod(0o555)
    with pytest.raises(InputError, match="is read-only"), replacing(file):
        pytest.fail("it went on")
    file.parent.chmod(0o755)
    assert file.read_text() == "earlier"


def test_a_link_stays_a_link_and_rights_stay_as_they_are(file: Path) -> None:
    file.chmod(0o640)
    link = file.parent / "link.csv"
    link.symlink_to(file)
    with replacing(link) as part:
        part.write_text("new")
    assert link.is_symlink()
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_pipe_is_written_directly(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    with replacing(pipe) as part:
        part.write_text("rows")
    reader.join()
    assert read == ["rows"]


def test_a_long_name_is_no_problem(tmp_path: Path) -> None:
    file = tmp_path / ("n" * 251 + ".csv")
    with replacing(file) as part:
        part.write_text("new")
    assert file.read_text() == "new"


def test_temporary_files_of_killed_processes_are_removed_after_a_day(file: Path) -> None:
    with replacing(file) as part:
        part.write_text("new")
        old, young = (
            part.with_name(part.name.replace("-table", f"{age}-table")) for age in ("old", "young")
        )
        old.write_text("")
        young.write_text("")
    os.utime(old, (0, 0))
    with replacing(file) as part:
        part.write_text("newer")
    assert sorted(os.listdir(file.parent)) == sorted([young.name, "table.csv"])
