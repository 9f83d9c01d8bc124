"""Tables in many dialects: detected ones, ones that need an option, and refused ones."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.formats.csv_files import numbers_of, numbers_or_text, open_table
from tcn_search.formats.table_layout import TableFormat

NUMBERS = np.random.default_rng(0).normal(size=(20, 3)).round(3)


def wide(
    delimiter: str = ",",
    decimal: str = ".",
    end: str = "",
    header: str = "t0,t1,t2,target",
    rows: int = 20,
) -> str:
    lines = [header.replace(",", delimiter)]
    for row, values in enumerate(NUMBERS[:rows]):
        cells = [f"{value:.3f}".replace(".", decimal) for value in values]
        lines.append(delimiter.join([*cells, "ab"[row % 2]]) + end)
    return "\n".join(lines) + "\n"


def read(folder: Path, text: str | bytes, **options: Any) -> tuple[np.ndarray, pd.DataFrame]:
    """Return the rows of a file with this text, in its order, and the data frame of its cells."""
    file = folder / "own.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    frame = open_table(file, TableFormat(**options), known_names={"target"}).read(
        text_columns=["target"]
    )
    task = load_task(file, validation="time", **options)
    return np.concatenate([task.train.X, task.validation.X])[..., 0], frame


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (wide(";"), {}),
        (wide("\t"), {}),
        (wide("|"), {}),
        (wide(", "), {}),
        (wide(";", ","), {}),
        (wide("\t", ","), {}),
        (wide(";", ",").replace(";a", "; a"), {}),
        (wide(";", ","), {"decimal": ","}),
        (wide(end=","), {}),
        (wide(end=",", header="t0,t1,t2,target,"), {}),
        (wide(";", end=";"), {}),
        ("# logger 7\n" + wide(), {}),
        ("# logger 7\n# serial 1\n\n" + wide(), {}),
        ("sep=;\n" + wide(";"), {}),
        (wide().replace("\n", "\r\n"), {}),
        (wide().replace("\n", "\r"), {}),
        (wide().replace("\n", "\n\n"), {}),
        (wide() + ",,,\n,,,\n", {}),
        (wide().rstrip(), {}),
        (wide().replace("t0", '"t0"').replace(",a", ',"a"'), {}),
        (wide().replace("t0", '"first\nstep"'), {}),
        (re.sub(r"(-?\d)\.(\d+)", r'"\1,\2"', wide()), {"decimal": ","}),
        (wide().replace(",a", " , a "), {}),
        (wide(header="PK,t1,t2,target"), {}),
        ("# " + wide(), {}),
        (wide(";", ",").replace("t0;t1", "in, C;out, C"), {}),
        ("# made, by, a, logger\n" + wide(), {}),
        (wide(end=",", header="surplus,t1,t2,target"), {}),
        (wide(header="773869,767541,717447,target"), {}),
        (wide().encode("utf-8-sig"), {}),
        (wide().encode("utf-16"), {}),
        (wide().encode("utf-32"), {}),
        (wide().encode("utf-16-le"), {"encoding": "utf-16-le"}),
        (wide().replace("t0", "T °C").encode("latin-1"), {"encoding": "latin-1"}),
        (wide(), {}),
    ],
)
def test_tables_of_many_dialects_are_read_alike(
    tmp_path: Path, text: str | bytes, options: dict[str, Any]
) -> None:
    values, frame = read(tmp_path, text, **options)
    np.testing.assert_array_equal(values, NUMBERS.astype("float32"))
    assert frame["target"].tolist() == ["a", "b"] * 10


def numbers_in(file: Path) -> np.ndarray:
    table = open_table(file)
    frame = table.read()
    return numbers_of(file, frame, list(frame.columns), table.decimal)


@pytest.mark.parametrize("name", ["own.CSV", "own.tsv", "own.TSV.GZ", "own.Csv.gz"])
def test_endings_may_have_any_case(tmp_path: Path, name: str) -> None:
    data = wide("\t" if "tsv" in name.lower() else ",").encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.lower().endswith("gz") else data)
    assert load_task(tmp_path / name).name == "own"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (wide().replace("t0", "T °C").encode("latin-1"), "FILE is not written in UTF-8: 'utf-8' codec can't decode byte 0xb0 in position 2: invalid start byte. Set its encoding, such as encoding = \"latin-1\", or save it as UTF-8."),
        (wide().encode("utf-16-le"), 'FILE contains zero bytes, so it is not text in UTF-8. If it is UTF-16, set encoding = "utf-16-le" or "utf-16-be".'),
        (wide(header="t0,t1,target"), "Row 1 of FILE has 4 cells, the header 3. A number with a decimal comma, or a text with a delimiter in it, needs quotes; a header needs a name for every column."),
        (wide() + "1,2\n", "Row 21 of FILE has 2 cells, the header 4. A number with a decimal comma, or a text with a delimiter in it, needs quotes; a header needs a name for every column."),
        (wide() + "1,2,3,a,\n", "Row 21 of FILE has 5 cells, the header 4. A number with a decimal comma, or a text with a delimiter in it, needs quotes; a header needs a name for every column."),
        (wide(header="0.1,0.4,0.2,walk"), "FILE has no header: its first row is 0.1, 0.4, 0.2, walk. Write the columns' names above it."),
        (wide(header="0.1,0.4,0.2,y"), "FILE has no header: its first row is 0.1, 0.4, 0.2, y. Write the columns' names above it."),
        (wide(header="t0,t1,t1,target"), "FILE has two columns called 't1'. Give each a name of its own."),
        (wide(" "), "Cells of FILE are separated by spaces. Write one of a comma, a semicolon, a tab, a vertical bar between them."),
        ("a;b\n1,234;5,678\n", "1,234 in FILE may have a decimal comma or a mark of thousands. Set decimal = \",\" or decimal = \".\"; marks of thousands have to be removed."),
        ("a;b|c\n1;2|3\n", "Cells of FILE may end at a semicolon or a vertical bar. Set delimiter to one of them."),
        ("sep=x\naxb\n1x2\n", "FILE declares sep=x. A delimiter is a comma, a semicolon, a tab, a vertical bar."),
        ("t0,t1,\n1,2,x\n", "Column 3 of FILE has no name and does not number the rows: it begins with 'x'. Name it, or remove it."),
        ('t0,t1\n1,"2\n', "FILE cannot be read as CSV: EOF inside string starting at row 0"),
        ("a;b\n1,5;2\n0,25;1.234\n", "Column b of FILE must hold numbers. Received: '1.234' in row 2. Set decimal = \".\" if it has a decimal sign."),
        ("a;b\n0,5;1\nx;2\n", "Column a of FILE must hold numbers. Received: 'x' in row 2"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0), "FILE is compressed with gzip: call it .csv.gz."),
        (b"PK\x03\x04 and more", "FILE is a zip archive or a spreadsheet: save it as CSV."),
        ("0.1,0.2,0.3\n5,6,7\n", "FILE has no header: its first row is 0.1, 0.2, 0.3. Write the columns' names above it."),
        ("", "FILE holds no rows."),
        ("\n \n", "FILE holds no rows."),
        ('"', "FILE holds no rows."),
        ('" "\n', "FILE holds no rows."),
        ("t0,t1\n", "FILE holds no rows."),
        ("t0,t1\n,\n,\n", "FILE holds no rows."),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_read_are_refused_with_the_reason(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    file = tmp_path / "own.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(InputError) as error:
        numbers_in(file)
    assert str(error.value).replace(str(file), "FILE") == message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "x"}, r"delimiter must be one of ',', ';', '\t', '|'. Received: 'x'"),
        ({"decimal": ";"}, "decimal must be '.' or ','. Received: ';'"),
        ({"decimal": ",", "delimiter": ","}, "delimiter and decimal must differ. Received: ',' for both"),
        ({"encoding": "klingon"}, 'encoding must be one that Python knows, such as "latin-1". Received: \'klingon\''),
        ({"encoding": "hex"}, 'encoding must be one that Python knows, such as "latin-1". Received: \'hex\''),
        ({"encoding": "utf\0"}, 'encoding must be one that Python knows, such as "latin-1". Received: \'utf\\x00\''),
    ],
)  # fmt: skip
def test_bad_formats(options: dict[str, str], message: str) -> None:
    with pytest.raises(InputError) as error:
        TableFormat(**options)
    assert str(error.value) == message


def test_counters_that_begin_anew_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame(NUMBERS, columns=["t0", "t1", "t2"]).assign(target=["a", "b"] * 10)
    parts = pd.concat([frame[:12], frame[:8]])
    parts.to_csv(tmp_path / "own.csv")
    assert load_task(tmp_path / "own.csv").seq_len == 3
    parts.reset_index(names="level_1").to_csv(tmp_path / "own.csv", index=False)
    assert load_task(tmp_path / "own.csv").seq_len == 3


def test_columns_that_count_rows_are_left_out(tmp_path: Path) -> None:
    frame = pd.DataFrame(NUMBERS, columns=["t0", "t1", "t2"]).assign(target=["a", "b"] * 10)
    for written in (
        frame,
        frame.sample(frac=1, random_state=0),
        frame.reset_index(),
        frame.rename_axis("rownames"),
        frame.reset_index(names="Unnamed: 0"),
    ):
        written.to_csv(tmp_path / "own.csv")
        task = load_task(tmp_path / "own.csv")
        assert task.seq_len == 3
        assert task.notes[0].startswith("own.csv: not read: column ")
    frame.rename(columns={"t1": "index"}).to_csv(tmp_path / "own.csv", index=False)
    assert load_task(tmp_path / "own.csv").seq_len == 3


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", "2", "-3"], [1, 2, -3]),
        (["1", "2.0", "-3e5"], [1.0, 2.0, -3e5]),
        (["01", "1"], ["01", "1"]),
        (["1_12", "11_2"], ["1_12", "11_2"]),
        (["None", "NA", "null", "nan"], ["None", "NA", "null", "nan"]),
        (["A", "a", "banana"], ["A", "a", "banana"]),
        (["True", "False"], ["True", "False"]),
        (["99999999999999999999", "1"], ["99999999999999999999", "1"]),
        (["1.5", "x", "y"], ["1.5", "x", "y"]),
    ],
)
def test_cells_stay_as_they_are_written(cells: list[str], values: list[Any]) -> None:
    converted = numbers_or_text(Path("own.csv"), "target", pd.Series(cells))
    np.testing.assert_array_equal(converted, values)
    assert converted.dtype.kind == np.array(values).dtype.kind


def test_decimal_commas_hold_for_targets_too() -> None:
    converted = numbers_or_text(Path("own.csv"), "target", pd.Series(["1,5", "-2"]), ",")
    np.testing.assert_array_equal(converted, [1.5, -2])


@pytest.mark.parametrize(("cells", "decimal"), [(["1,500", "20"], "."), (["1.500", "2,5"], ",")])
def test_marks_of_thousands_are_refused(cells: list[str], decimal: str) -> None:
    with pytest.raises(
        InputError,
        match=r"Column target of own.csv has marks of thousands, such as '1.500' in row 1",
    ):
        numbers_or_text(Path("own.csv"), "target", pd.Series(cells), decimal)


def test_fractions_beside_text_are_refused() -> None:
    with pytest.raises(
        InputError,
        match="Column target of own.csv must hold numbers throughout, or classes. Received: 'NA' in row 2, '1.5' elsewhere",
    ):
        numbers_or_text(Path("own.csv"), "target", pd.Series(["1.5", "NA", "2.5"]))
