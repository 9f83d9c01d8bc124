"""The .ts format: class names as they are written, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.formats.ts_files import read_ts


def write(folder: Path, data: str, classes: str = "@classLabel true a b") -> Path:
    (folder / "own.ts").write_text(
        f"# by hand\n@problemName own\n@timestamps false\n{classes}\n@data\n{data}"
    )
    return folder / "own.ts"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (("A", "a"), ("A", "a")),
        (("banana", "finance"), ("banana", "finance")),
        (("yes?", "NaN"), ("NaN", "yes?")),
        (("01", "1"), ("01", "1")),
        (("10", "9"), ("9", "10")),
        (("1.0", "2.0"), ("1.0", "2.0")),
        (("two words", "one"), ("one", "two words")),
    ],
)
def test_classes_are_named_as_in_the_file(
    tmp_path: Path, labels: tuple[str, ...], names: tuple[str, ...]
) -> None:
    rows = [f"{row}.5,1,2:{labels[row % 2]}" for row in range(10)]
    task = load_task(write(tmp_path, "\n".join(rows) + "\n\n"))
    assert task.spec.class_names == names


def test_channels_and_lengths(tmp_path: Path) -> None:
    X, y = read_ts(write(tmp_path, "1,2,?:3, 4 ,NaN:a\n# a comment\n5,6,7:8,9,1e1:b\n"))
    np.testing.assert_array_equal(X[0], [[1, 3], [2, 4]])
    np.testing.assert_array_equal(X[1], [[5, 8], [6, 9], [7, 10]])
    np.testing.assert_array_equal(y, ["a", "b"])


def test_targets_are_numbers_and_may_be_missing(tmp_path: Path) -> None:
    X, y = read_ts(write(tmp_path, "1,2:0.5\n3,4:-7\n", "@targetLabel true"))
    np.testing.assert_array_equal(y, [0.5, -7])
    X, y = read_ts(write(tmp_path, "1,2\n3,4\n", "@classLabel false"))
    assert (len(X), y) == (2, None)


@pytest.mark.parametrize(
    ("data", "header", "message"),
    [
        ("(2024-01-01,1),(2024-01-02,2):a\n", "@timestamps true", "FILE has time stamps in its data (@timestamps true), which are not read. Write the values at equal steps of time without them (@timestamps false)."),
        ("1,2\n", "@classLabel true a", "Line 6 of FILE must end in ':' and a label. Received: '1,2'"),
        ("1,x:a\n", "@classLabel true a", "Line 6 of FILE must hold numbers. Received: 'x'"),
        ("1,1_0:a\n", "@classLabel true a", "Line 6 of FILE must hold numbers. Received: '1_0'"),
        ("1,2:a\n1,2:3,4:a\n", "@classLabel true a", "Line 7 of FILE must have 1 channels, as the first line of data. Received: 2"),
        ("1,2:3:a\n", "@classLabel true a", "Line 6 of FILE must have equally many steps in each channel. Received: 2, 1"),
        ("1,2:soon\n", "@targetLabel true", "Line 6 of FILE must hold numbers. Received: 'soon'"),
        ("", "@classLabel true a", "FILE holds no sequences."),
        ("", "1,2:a", "Line 4 of FILE must begin with @ or follow @data. Received: '1,2:a'"),
    ],
)  # fmt: skip
def test_bad_files(tmp_path: Path, data: str, header: str, message: str) -> None:
    file = write(tmp_path, data, header)
    with pytest.raises(InputError) as error:
        read_ts(file)
    assert str(error.value).replace(str(file), "FILE") == message
