"""Odd study files: every value is read, or refused at once with an error of one line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcn_search.errors import InputError
from tcn_search.study.study_file import parse_change, read_study_file

KEYS = [
    "name", "model", "task", "task.name", "space", "constraints", "training", "search",
    "space.nb_filters", "space.kernel_size", "space.levels", "space.dilation_base", "space.dilations",
    "space.nb_stacks", "space.padding", "space.norm", "space.use_skip_connections", "space.activation",
    "space.readout", "space.look_back", "space.dropout_rate", "space.learning_rate", "space.optimizer",
    "space.schedule", "space.weight_decay", "space.clip_norm", "space.batch_size",
    "constraints.required_context", "constraints.receptive_field", "constraints.max_params",
    "constraints.allow_blind_spots",
    "training.epochs", "training.patience", "training.final_epochs", "training.precision", "training.batch_size",
    "training.dropout_rate", "training.learning_rate", "training.optimizer", "training.schedule",
    "training.weight_decay", "training.clip_norm",
    "search.trials", "search.trial_timeout", "search.sampler", "search.pruner", "search.objectives", "search.seed",
    "search.patience", "search.warm_start", "search.folds",
]  # fmt: skip

numbers = (
    st.integers()
    | st.integers(-3, 70)
    | st.floats()
    | st.sampled_from([10**9, 10**18, 2**63, 10**400, float("nan"), float("inf"), -1, 0, 1e-320])
    | st.just("more digits than Python turns into text").map(lambda _: 10**5000)
)
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | st.text(max_size=6)
    | st.sampled_from([".", "..a", "seq_len", "a\nb", "10m", "tpe"])
)
ranges = st.fixed_dictionaries(
    {"low": leaves, "high": leaves}, optional={"step": leaves, "log": leaves}
)
odd = st.recursive(
    leaves | ranges,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


odd_text = st.text(max_size=10) | st.sampled_from(
    ["9" * 5000, "[" * 5000, "nan", "1_0", "{low=1,high=9}", "0x1"]
)


def read_with(folder: Path, changes: dict[str, Any]) -> None:
    """Read a study file with these values, and check its space for a task of 60 steps."""
    file = folder / "mine.toml"
    file.write_text('[task]\nname = "adding"\n')
    started = time.process_time()
    try:
        study = read_study_file(file, changes)
        study.space.for_task("forecast", 60, 2, 3, study.constraints)
    except InputError as error:
        message = str(error)
    else:
        message = ""
    assert "\n" not in message.replace(str(folder), "")
    assert len(message) < 1500
    assert (
        time.process_time() - started < 5
    )  # well under a second on a machine that does nothing else


@settings(deadline=None, max_examples=150)
@given(key=st.sampled_from(KEYS), value=odd)
def test_an_odd_value_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, key: str, value: Any
) -> None:
    read_with(tmp_path_factory.getbasetemp(), {key: value})


@pytest.mark.slow
@settings(deadline=None, max_examples=5000, derandomize=False)
@given(changes=st.dictionaries(st.sampled_from(KEYS), odd, max_size=4))
def test_several_odd_values_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    read_with(tmp_path_factory.getbasetemp(), changes)


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=30) | st.builds("{}={}".format, st.sampled_from(KEYS), odd_text))
def test_any_text_after_set_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    try:
        key, value = parse_change(text)
    except InputError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    read_with(tmp_path_factory.getbasetemp(), {key: value})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "The study file mine.toml is empty. It must have a [task] with a name at least."),
        (b"\xef\xbb\xbf \n", "The study file mine.toml is empty. It must have a [task] with a name at least."),
        ('[task]\nname = "adding"\n'.encode("utf-16"), "mine.toml is UTF-16 text. Save it as UTF-8."),
        ('[task]\nname = "adding"\n'.encode("utf-16-le"), "mine.toml is no text: it holds bytes of value 0. A study file is TOML, saved as UTF-8."),
        ('[task]\nname = "é"\n'.encode("latin-1"), "mine.toml is not UTF-8 text: byte 0xe9 in line 2. Save it as UTF-8."),
        (b"\x89PNG\r\n\x1a\n\0\0", "mine.toml is no text: it holds bytes of value 0. A study file is TOML, saved as UTF-8."),
        (b"#" * 1_000_001, "mine.toml is larger than 1,000,000 bytes: it is no study file."),
        (b"a = " + b"[" * 10_000, "mine.toml is nested too deeply for a study file."),
        (b"[search]\ntrials = " + b"9" * 5000, "mine.toml has a number of too many digits: "),
    ],
)  # fmt: skip
def test_a_file_that_is_no_study_file_is_refused(
    data: bytes, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_bytes(data)
    with pytest.raises(InputError) as error:
        read_study_file("mine.toml")
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    file = tmp_path / "bom.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "b"\r\n[task]\r\nname = "adding"\r\n')
    assert read_study_file(file).name == "b"


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_study_file(tmp_path)
    assert str(error.value) == f"{tmp_path} is a folder. Give the study file in it."


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("search.trials=1000000000", "trials must be at most 1,000,000. Received: 1000000000"),
        ("search.folds=100000", "folds must be at most 1,000. Received: 100000"),
        ("search.patience=10000000", "patience must be at most 1,000,000. Received: 10000000"),
        ("search.trial_timeout=1e300", "search.trial_timeout must be at most 315,360,000 seconds, which are ten years. Received: 1e+300"),
        ("search.trial_timeout='99999999h'", "search.trial_timeout must be at most 315,360,000 seconds, which are ten years. Received: 359999996400.0"),
        ("search.seed=-1", "seed must be an integer from 0 to 2147483647. Received: -1"),
        ("search.sampler='..a'", "sampler must be one of tpe, gp, cmaes, random, grid, keras-tuner:random, keras-tuner:bayesian, keras-tuner:hyperband, or a dotted path such as \"optuna.samplers.QMCSampler\". Received: '..a'"),
        ("training.epochs=10000000000", "[training] epochs must be at most 1,000,000. Received: 10000000000"),
        ("training.batch_size=10000000000", "[training] batch_size must be at most 1,048,576. Received: 10000000000"),
        ("training.learning_rate=nan", "[training] learning_rate must be a finite number. Received: nan"),
        ("training.weight_decay=-1.0", "[training] weight_decay must be at least 0. Received: -1.0"),
        ("training.patience=-1", "[training] patience must be at least 0 epochs. Received: -1"),
        ("constraints.max_params=99999999999999999999", "max_params must be at most 9,223,372,036,854,775,807. Received: 99999999999999999999"),
        ("space.nb_filters={low=1,high=1000000000}", "[space] nb_filters must be at most 65,536. Received: 1000000000"),
    ],
)  # fmt: skip
def test_numbers_that_are_too_large_are_refused_with_their_limit(
    change: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[task]\nname = "adding"\n')
    with pytest.raises(InputError) as error:
        read_study_file(file, dict([parse_change(change)]))
    assert str(error.value) == f"{file}: {message}"
