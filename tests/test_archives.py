"""Zip archives that are damaged, encrypted, compressed otherwise or too large."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.planning.saved_model import find_tcn
from tcn_search.tasks.new_data import read_new_data

ENTRY, DIRECTORY = b"PK\x03\x04", b"PK\x01\x02"
TCN = {"name": "tcn", "nb_filters": 8, "kernel_size": 3, "nb_stacks": 1, "dilations": [1, 2]}


def arrays(**more: Any) -> bytes:
    """An .npz with everything that can be left out."""
    file = io.BytesIO()
    given = {
        "X_train": np.arange(18, dtype="float32").reshape(6, 3, 1),
        "y_train": np.arange(6) % 2,
        "lengths_train": np.array([3, 2, 3, 3, 3, 3]),
        "class_names": np.array(["a", "b"]),
    }
    np.savez(file, **{**given, **more})
    return file.getvalue()


def patched(content: bytes, offset: int, in_directory: int, value: int) -> bytes:
    """Set a byte of every entry's header, and the same in the directory."""
    changed = bytearray(content)
    for mark, place in ((ENTRY, offset), (DIRECTORY, in_directory)):
        at = -1
        while (at := content.find(mark, at + 1)) >= 0:
            changed[at + place] = value
    return bytes(changed)


def model(layer: Any = TCN) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps({"layers": [{"config": layer}]}))
    return file.getvalue()


@pytest.mark.parametrize(
    ("offset", "in_directory", "value", "reason"),
    [
        (6, 8, 1, "{entry} is encrypted"),
        (8, 10, 99, "That compression method is not supported"),
        (4, 6, 99, "zip file version 9.9"),
    ],
)
def test_another_kind_of_zip_is_one_line(
    offset: int, in_directory: int, value: int, reason: str, tmp_path: Path
) -> None:
    npz, keras = tmp_path / "some.npz", tmp_path / "some.keras"
    npz.write_bytes(patched(arrays(), offset, in_directory, value))
    keras.write_bytes(patched(model(), offset, in_directory, value))
    for file, read, entry in ((npz, load_task, "X_train.npy"), (keras, find_tcn, "config.json")):
        with pytest.raises(InputError) as caught:
            read(str(file))
        assert str(caught.value) == f"{file} cannot be read: {reason.format(entry=entry)}"


def test_any_flipped_byte_is_one_line_or_harmless(tmp_path: Path) -> None:
    file, content = tmp_path / "some.npz", arrays()
    file.write_bytes(content)
    whole = load_task(str(file))
    refused: list[str] = []
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        file.write_bytes(changed)
        try:
            found = load_task(str(file))
        except InputError as error:
            refused.append(str(error))
        else:
            assert (found.fingerprint(), found.spec) == (whole.fingerprint(), whole.spec), place
    assert len(refused) > len(content) / 2
    assert all(str(file) in said and "\n" not in said for said in refused)


def test_an_array_that_does_not_fit_into_the_memory_says_how_much_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcn_search.archives.free_memory", lambda: 2_000_000_000)
    file = tmp_path / "large.npz"
    with zipfile.ZipFile(file, "w") as archive:
        for name, shape in (("X_train", (10**12, 10, 1)), ("y_train", (2,))):
            header = io.BytesIO()
            described = {"descr": "<f8", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(header, described)
            archive.writestr(f"{name}.npy", header.getvalue())
    with pytest.raises(InputError) as caught:
        load_task(str(file))
    assert str(caught.value) == (
        f"{file} cannot be read: it needs 80,000.0 GB of memory, and 2.0 GB are free."
    )


def test_a_header_that_asks_for_more_or_less_than_there_is_is_no_array(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    for rows in (b"4", b"7"):
        with zipfile.ZipFile(io.BytesIO(arrays())) as old, zipfile.ZipFile(file, "w") as new:
            for name in old.namelist():
                content = old.read(name)
                new.writestr(name, content.replace(b"(6, 3, 1)", b"(%s, 3, 1)" % rows))
        with pytest.raises(InputError) as caught:
            load_task(str(file))
        assert str(caught.value) == (
            f"{file} cannot be read: X_train.npy is damaged: its header asks for {int(rows) * 12} bytes, and it has 72."
        )


def test_only_the_arrays_that_are_needed_are_read(tmp_path: Path) -> None:
    file = tmp_path / "some.npz"
    file.write_bytes(arrays(X_test=np.zeros((2, 3, 1)), y_test=np.array([{}] * 2, dtype=object)))
    assert read_new_data(file).X.shape == (2, 3, 1)
    file.write_bytes(arrays(y_train=np.array([{}] * 6, dtype=object)))
    with pytest.raises(InputError) as caught:
        load_task(str(file))
    assert str(caught.value) == (
        f"{file} cannot be read: an array holds Python objects, and nothing is unpickled. Write plain arrays."
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"nb_filters": None}, "'NoneType' object is not iterable"),
        ({"dilations": 3}, "'int' object is not iterable"),
        ({"name": 3}, "name must be text. Received: 3"),
        ({"kernel_size": "3"}, "kernel_size must be an integer of at least 1. Received: '3'"),
    ],
)
def test_a_configuration_of_other_types_is_one_line(
    change: Any, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / "some.keras"
    file.write_bytes(model({**TCN, **change}))
    with pytest.raises(InputError) as caught:
        find_tcn(str(file))
    assert (
        str(caught.value)
        == f"{file} cannot be read: a TCN layer's configuration is damaged: {reason}"
    )


def test_a_configuration_that_is_nested_too_deeply_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "some.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "[" * 100_000)
    with pytest.raises(InputError) as caught:
        find_tcn(str(file))
    assert str(caught.value) == f"{file} cannot be read: its content is nested too deeply."
