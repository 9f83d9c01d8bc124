"""Labels and class names in arrays, lists and columns of any type."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import Task
from tcn_search.errors import InputError
from tcn_search.formats.labels import read_class_names, read_labels
from tests.conftest import waves

X, Y = waves(20)
WORDS = ["walk", "run"]
TEXT = [WORDS[number] for number in Y]
MISSING = [None, float("nan"), np.nan, pd.NA, pd.NaT]


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(TEXT),
        pd.Series(TEXT, dtype=object),
        pd.Series(TEXT, dtype="string"),
        pd.Series(TEXT, dtype="category"),
        pd.Series(TEXT, dtype=object).to_numpy(),
        pd.DataFrame({"label": TEXT}),
        np.char.encode(np.array(TEXT)),
        np.array([word.encode() for word in TEXT], dtype=object),
    ],
    ids=lambda column: f"{type(column).__name__} {getattr(column, 'dtype', '')}",
)
def test_text_of_any_column_is_text(column: Any) -> None:
    task, plain = Task.from_arrays(X, column), Task.from_arrays(X, np.array(TEXT))
    assert task.spec.class_names == ("run", "walk")
    assert task.inferred.startswith("classification, 2 classes (from y_train: strings")
    assert task.fingerprint() == plain.fingerprint()


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [("Int64", "i"), ("boolean", "b"), ("Float64", "f"), (object, "i"), ("category", "i")],
)
def test_numbers_of_any_column_are_numbers(dtype: Any, kind: str) -> None:
    labels = read_labels(pd.Series(Y, dtype=dtype), "y_train")
    assert labels.dtype.kind == kind
    np.testing.assert_array_equal(labels, Y)


@given(
    st.lists(
        st.one_of(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(), st.booleans(), st.sampled_from(MISSING)),
        min_size=1,
        max_size=6,
    )
)  # fmt: skip
def test_objects_are_kept_or_refused_in_one_line(values: list[Any]) -> None:
    objects = np.empty(len(values), dtype=object)
    objects[:] = values
    types = {type(value) for value in values}
    of_one_type = len(types) == 1 or types == {int, float}
    if bool(pd.isna(objects).any()) or not of_one_type:
        with pytest.raises(InputError, match=r"\Ay_train must .*\Z"):
            read_labels(objects, "y_train")
        return
    labels = read_labels(objects, "y_train")
    if labels.dtype.kind != "U":  # NumPy does not keep zeros at the end of text
        assert labels.tolist() == [float(value) if float in types else value for value in values]


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("make", [list, lambda values: pd.Series(values, dtype=object)])
def test_a_missing_label_is_refused_with_its_row(missing: Any, make: Any) -> None:
    with pytest.raises(InputError) as error:
        read_labels(make(["walk", "run", missing, "run"]), "y_train")
    assert str(error.value) == (
        f"y_train must not have missing entries. Received: {missing!r} for sequence 2, 1 in all"
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array(["a", 1, "b"], dtype=object), "y must hold values of one type, numbers or strings. Received: 'a' for sequence 0, but 1 for sequence 1"),
        (np.array(["a", {}, "b"], dtype=object), "y must hold numbers or strings. Received: {} for sequence 1"),
        (np.array([2**70, 1], dtype=object), "y must hold integers of 64 bits. Received: 1180591620717411303424. Give such numbers as text."),
        (np.array([b"\xff", b"a"]), "y must hold text in UTF-8 where it holds bytes. Received: b'\\xff'"),
        (np.array(["2024-01-01"], dtype="datetime64[s]"), "y must hold numbers or strings. Received: dtype datetime64[s]"),
        ([[1, 2], [3]], "y must be an array with one entry for each sequence. Received: list whose entries differ in length or type"),
    ],
)  # fmt: skip
def test_unusable_labels_are_refused(values: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_labels(values, "y")
    assert str(error.value) == message


@pytest.mark.parametrize(
    "names",
    [["a", "1"], ("a", 1), np.array(["a", "1"]), np.array([b"a", b"1"]), pd.Series(["a", "1"])],
)
def test_names_of_classes_come_in_any_list(names: Any) -> None:
    assert read_class_names(names) == ("a", "1")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (b"ab", "class_names must be a list of names, one for each class. Received: b'ab'"),
        ({"a": 0}, "class_names must be a list of names, one for each class. Received: {'a': 0}"),
        (3, "class_names must be a list of names, one for each class. Received: 3"),
        (["a", None], "class_names must hold text. Received: None for class 1"),
        ([["a"], ["b"]], "class_names must hold text. Received: ['a'] for class 0"),
        (["a", " "], "class_names must not hold an empty name. Received: ' ' for class 1"),
        ([1, "1"], "class_names must name each class once. Received twice: '1'"),
    ],
)
def test_unusable_class_names_are_refused(names: Any, message: str) -> None:
    with pytest.raises(InputError) as error:
        read_class_names(names)
    assert str(error.value) == message
