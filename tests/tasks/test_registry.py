"""Tasks by name and by path."""

from __future__ import annotations

import pytest

from tcn_search import load_task
from tcn_search.errors import InputError


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("osuleef", {}, "There is no task 'osuleef'. Did you mean 'osuleaf'?"),
        ("qqqqqqqq", {}, "There is no task 'qqqqqqqq'. For your own data give the path to a file."),
        ("adding", {"seqlen": 3}, "Task 'adding' has no option 'seqlen'. It has: seq_len, train_size, validation_size, test_size, seed."),
        ("adding", {"seq_len": 1}, "seq_len of the adding problem must be at least 2, for two marks. Received: 1"),
        ("osuleaf", {"seq_len": 3}, "Task 'osuleaf' has no option 'seq_len'. It has: validation_fraction, seed, data_dir."),
        ("forecast", {}, "Task 'forecast' needs the option file: your own CSV, Parquet or data frame with a time column."),
        ("nowhere/data.npz", {}, "There is no file nowhere/data.npz."),
        ("data.xls", {}, "A task's file must be an .npz, a .csv, a .tsv or a .ts. Received: data.xls"),
    ],
)  # fmt: skip
def test_bad_names(name: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_task(name, **options)
    assert str(error.value) == message
