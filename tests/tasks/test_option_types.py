"""Options of a task have the types of its loader's annotations; others raise one line of error."""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search.errors import InputError
from tcn_search.tasks import tables
from tcn_search.tasks.npz_files import npz
from tcn_search.tasks.option_types import checked_option, option_types
from tcn_search.tasks.registry import BUILT_IN, load_task
from tcn_search.tasks.task import Task
from tests.conftest import waves

SMALL = {"train_size": 4, "validation_size": 2, "test_size": 2}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f"{i},2,{'ab'[i % 2]}\n" for i in range(8))
    (tmp_path / "c.csv").write_text(f"t0,t1,label\n{rows}")
    X, y = waves(8)
    np.savez(tmp_path / "own.npz", X_train=X, y_train=y)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("c.csv", {"test": 3}, "test must be a path. Received: 3"),
        ("c.csv", {"test": "a\0b"}, "test cannot be a path: embedded null byte. Received: 'a\\x00b'"),
        ("c.csv", {"target": {"a": 1}}, "target must be a text or a list of texts. Received: {'a': 1}"),
        ("c.csv", {"class_weights": 3}, 'class_weights must be "balanced" or a table of weights by class. Received: 3'),
        ("c.csv", {"class_weights": {"a": "x"}}, "class_weights must be positive numbers. Received: a = 'x'"),
        ("wav_folder", {"folder": 3}, "folder must be a path. Received: 3"),
        ("wav_folder", {"folder": ".", "test_recordings": "a"}, "test_recordings must be an integer. Received: 'a'"),
        ("wav_folder", {"folder": ".", "downsample": 10**9}, "downsample must be at most 65,536. Received: 1000000000"),
        ("spoken_digits", {"folder": ["."]}, "folder must be a path. Received: ['.']"),
        ("own.npz", {"seed": 1.5}, "seed must be an integer. Received: 1.5"),
        ("own.npz", {"seed": -1}, "seed must be an integer, 0 or more. Received: -1"),
        ("own.npz", {"seed": True}, "seed must be an integer. Received: True"),
        ("own.npz", {"validation_fraction": "x"}, "validation_fraction must be a finite number. Received: 'x'"),
        ("own.npz", {"validation_fraction": math.nan}, "validation_fraction must be a finite number. Received: nan"),
        ("own.npz", {"validation_gap": 10**12}, "validation_gap must be at most 134,217,728. Received: 1000000000000"),
        ("own.npz", {"standardise": "no"}, "standardise must be true or false. Received: 'no'"),
        ("own.npz", {"required_context": True}, "required_context must be an integer. Received: True"),
        ("own.npz", {"kind": ["a"]}, "kind must be a text. Received: ['a']"),
        ("own.npz", {"validation": 1}, "validation must be a text. Received: 1"),
        ("adding", {"seq_len": "30"}, "seq_len must be an integer. Received: '30'"),
        ("adding", {"seq_len": 10**9}, "seq_len must be at most 134,217,728. Received: 1000000000"),
        ("adding", {"seq_len": 10**5}, "The sequences that are drawn must have at most 500,000,000 steps together. Received: 52,000 sequences of 100,000 steps"),
        ("copy_memory", {"train_size": 10**8}, "The sequences that are drawn must have at most 500,000,000 steps together. Received: 100,002,000 sequences of 520 steps"),
        ("permuted_mnist", {"permutation_seed": -1}, "permutation_seed must be an integer, 0 or more. Received: -1"),
        ("forecast", {"file": "c.csv", "target": 3}, "target must be a text or a list of texts. Received: 3"),
        ("forecast", {"file": "c.csv", "parts": [0.5, "x"]}, "parts must be a text or a list of numbers or a list of texts. Received: [0.5, 'x']"),
        ("forecast", {"file": True}, "file must be a path or a DataFrame. Received: True"),
        ("word_ptb", {"folder": {}}, "folder must be a path. Received: {}"),
        ("x" * 300 + ".npz", {}, "task.name cannot be a path: [Errno 36] File name too long: "),
        (3, {}, "A task's name must be a text or a path. Received: 3"),
        ("", {}, "A task's name must be a text or a path. Received: ''"),
    ],
)  # fmt: skip
def test_an_option_of_another_type_is_named(
    name: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as error:
        load_task(name, **options)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("files")
def test_numbers_of_numpy_are_taken_and_kept_as_plain_ones() -> None:
    task = load_task(
        "own.npz",
        seed=np.int64(3),
        validation_fraction=np.float32(0.5),
        required_context=np.int8(4),
    )
    assert task.source is not None
    assert task.source["options"] == {"seed": 3, "validation_fraction": 0.5, "required_context": 4}
    assert type(task.source["options"]["seed"]) is int
    assert (
        load_task("own.npz", validation_fraction=0.5, seed=3, required_context=4).train.X.shape
        == task.train.X.shape
    )


@pytest.mark.parametrize(
    "load", [built_in.load for built_in in BUILT_IN.values()] + [npz, tables.csv, tables.ts]
)
def test_every_default_is_of_its_type(load: Any) -> None:
    kinds = option_types(load)
    for name, parameter in inspect.signature(load).parameters.items():
        if parameter.default is not parameter.empty:
            checked_option(name, parameter.default, kinds[name])


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, 3),
        (str | Sequence[float], [1, 0.5]),
        (str | Sequence[str] | None, ("a", "b")),
        (Mapping[str, float], {"a": 1}),
        (str | Path | None, Path("a")),
        (Any, object()),
    ],
)
def test_values_of_a_type_are_returned(annotation: Any, value: Any) -> None:
    assert checked_option("key", value, annotation) == value


odd = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.just(10**400),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=3,
)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_value_of_an_option_is_taken_or_named_in_one_line(data: st.DataObject) -> None:
    X, y = waves(8)
    kinds = option_types(Task.from_arrays)
    option = data.draw(
        st.sampled_from(
            [name for name in kinds if not name.startswith(("X", "y", "le", "gr", "ret", "cl"))]
        )
    )
    value = data.draw(odd)
    try:
        given = checked_option(option, value, kinds[option])
        assert Task.from_arrays(X, y, **{option: given}).spec.seq_len == 16
    except InputError as error:
        text = str(error)
    else:
        text = option
    assert option.split("_")[0] in text
    assert len(text.splitlines()) == 1
