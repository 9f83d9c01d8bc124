"""`tcn-search plan`: table, CSV, JSON, a figure, and the reason for an empty plan."""

import csv
import io
import json
from pathlib import Path

import pytest

from tcn_search.cli.main import main
from tests.cli.processes import unwrapped

RANGES = [
    *("plan", "--seq-len", "784"),
    *("--kernel-size", "2-8", "--dilation-base", "2,3", "--levels", "1-12"),
]


def test_the_table_says_how_many_cover_and_marks_the_smallest(
    capsys: pytest.CaptureFixture,
) -> None:
    assert main([*RANGES, "--stacks", "1-3", "--top", "500"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert (
        "architectures cover the 784 steps required (sequence length 784) without blind spots; "
        "cheapest first by parameters."
    ) in unwrapped(out)
    assert max(map(len, lines)) <= 80
    marked = [line.split() for line in lines if line.startswith("* ") and "smallest" not in line]
    assert marked
    assert all(row[5] == marked[0][5] for row in marked)


def test_csv_and_json_hold_the_same_rows(capsys: pytest.CaptureFixture) -> None:
    main([*RANGES, "--format", "csv"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    main([*RANGES, "--format", "json"])
    records = json.loads(capsys.readouterr().out)
    assert len(rows) == len(records) > 20
    for row, record in zip(rows, records, strict=True):
        assert [int(part) for part in row["dilations"].split()] == record["dilations"]
        assert int(row["receptive_field"]) == record["receptive_field"] >= 784
        assert int(row["parameters"]) == record["parameters"]


def test_explicit_lists_limits_and_order(capsys: pytest.CaptureFixture) -> None:
    ranges = ["--seq-len", "100", "--kernel-size", "4,8", "--stacks", "1-2"]
    lists = ["--dilations", "1,2,4,8", "--dilations", "8,4,2,1,16"]
    options = ["--format", "json", "--sort-by", "depth", "--max-depth", "16"]
    assert main(["plan", *ranges, *lists, *options]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["depth"] for record in records] == sorted(record["depth"] for record in records)
    assert {tuple(record["dilations"]) for record in records} == {(1, 2, 4, 8), (8, 4, 2, 1, 16)}
    assert max(record["depth"] for record in records) == 16


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_a_figure_is_written(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"plan.{ending}"
    assert main([*RANGES, "--plot", str(file)]) == 0
    assert file.stat().st_size > 5000


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--levels", "2-3"], "the largest receptive field in these ranges is"),
        (
            ["--max-params", "10"],
            "without blind spots and within the limits. Widen the ranges or the limits.",
        ),
    ],
)
def test_nothing_suffices(more: list[str], text: str, capsys: pytest.CaptureFixture) -> None:
    assert main(["plan", "--seq-len", "784", *more]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "for the 784 steps required (sequence length 784)" in printed.err
    assert text in printed.err


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--levels", "5-3"], "levels is an empty range, 5 to 3. Write the smaller end first."),
        (["--kernel-size", "0"], "kernel_size must be integers of at least 1. Received: '0'"),
        (["--seq-len", "0"], "seq_len must be an integer of at least 1. Received: 0"),
        (
            ["--dilations", "1,x"],
            'dilations must be integers of at least 1 and commas, such as "1,2,4,8".',
        ),
        (
            ["--dilations", "1,2", "--levels", "3"],
            "--dilations replaces --dilation-base and --levels.",
        ),
        (["--format", "xml"], "--format must be one of 'table', 'csv', 'json'. Received: 'xml'"),
        (["--top", "0"], "--top must be at least 1. Received: 0"),
        (["--sort-by", "speed"], "sort_by must be one of 'parameters', 'multiply_adds', 'depth'."),
        (["--plot", "nowhere/plan.png"], "--plot could not write nowhere/plan.png"),
        (["--plot", "plan.xyz"], "--plot could not write plan.xyz"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    more: list[str], text: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["plan", "--seq-len", "784", *more]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"tcn-search plan: {text}")
    assert printed.err.count("\n") == 1


def test_the_frame_holds_the_rows_of_the_planner() -> None:
    import tcn_search as ts
    from tcn_search.planning.plan import plan_rows

    frame = ts.plan(784, kernel_size="6-8", levels=range(7, 10))
    assert [tuple(row) for row in frame.itertuples(index=False)] == plan_rows(
        784, kernel_size="6-8", levels="7-9"
    ).rows
    assert ts.plan(784, levels=1).empty
    assert "receptive_field" in ts.plan(784, levels=1).columns


def test_through_a_pool_every_architecture_suffices(capsys: pytest.CaptureFixture) -> None:
    assert main([*RANGES, "--readout", "max", "--top", "2"]) == 0
    assert unwrapped(capsys.readouterr().out).startswith(
        "322 of 322 architectures suffice; cheapest first by parameters. "
        "Through the max over time the output sees all 784 steps (sequence length 784); one step "
        "may see any number of them."
    )
    assert main([*RANGES, "--readout", "max", "--max-params", "10"]) == 1
    assert "architectures is within the limits" in capsys.readouterr().err
    assert main([*RANGES, "--readout", "max", "--all-steps"]) == 2
    assert "--all-steps is --readout sequence" in capsys.readouterr().err
