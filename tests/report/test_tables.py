"""Tables of trials and comparisons: CSV, Parquet and LaTeX."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tcn_search import Study, Task, TrainingSettings
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.report.comparison import comparison_frame, write_latex
from tcn_search.report.tables import latex_of_comparison, latex_of_trials, write_trials
from tests.conftest import waves
from tests.report.test_forecast_comparison import baselines, comparison
from tests.study.synthetic import Synthetic, small_space


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    task = Task.from_arrays(*waves(24), name="waves")
    study = Study("my_data", task, small_space(), training=TrainingSettings(epochs=3))
    study.run(4, executor=Synthetic({2: "diverged"}), on_progress=lambda _: None)
    return study


def test_trials_are_printed_or_written(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trials", "my_data"]) == 0
    printed = capsys.readouterr().out
    assert printed == study.trials().to_csv(index=False)
    assert main(["trials", "my_data", "--out", "all.csv"]) == 0
    assert capsys.readouterr().out == f"wrote {len(study.trials())} trials to all.csv\n"
    assert Path("all.csv").read_text() == printed
    assert main(["trials", "my_data", "--top", "2", "--out", "best.csv"]) == 0
    best = pd.read_csv("best.csv")
    assert best["score"].tolist() == sorted(study.trials()["score"].dropna())[:2]
    assert list(best.columns) == list(study.trials().columns)


def test_parquet(study: Study) -> None:
    pytest.importorskip("pyarrow", reason="the extra parquet is not installed")
    assert main(["trials", "my_data", "--out", "trials.parquet"]) == 0
    read = pd.read_parquet("trials.parquet")
    trials = study.trials()
    assert list(read.columns) == list(trials.columns)
    pd.testing.assert_series_equal(read["score"], trials["score"])
    assert set(read["nb_filters"].dropna()) == {4, 8}
    mixed = pd.DataFrame({"trial": [0, 1, 2], "nb_filters": [4, [4, 8], None]})
    write_trials(mixed, "mixed.parquet", "")
    assert pd.read_parquet("mixed.parquet")["nb_filters"].tolist()[:2] == ["4", "[4, 8]"]


def test_latex_of_trials(study: Study) -> None:
    assert main(["trials", "my_data", "--top", "2", "--out", "best.tex"]) == 0
    text = Path("best.tex").read_text()
    assert r"\caption{The 2 best trials of the study my\_data by val\_loss.}" in text
    assert "trial & score & receptive field & parameters & filters & kernel size" in text
    assert text.count(r"\\") == 3  # the headings and two rows
    assert r"\toprule" in text
    assert "_" not in text.replace(r"\_", "")
    with_missing = pd.DataFrame({"trial": [0, 1], "parameters": [123456, None]})
    assert "0 & 123456" in latex_of_trials(with_missing, "")
    named = pd.DataFrame({"trial": [1], "norm": ["50% & more"]})
    assert r"50\% \& more" in latex_of_trials(named, "")


def test_latex_of_a_comparison(tmp_path: Path) -> None:
    file = write_latex(comparison(), tmp_path, baselines())
    text = file.read_text()
    for name in comparison_frame(comparison(), baselines())["contender"]:
        assert name.split()[0].lower() in text.lower()
    assert "nan" not in text.lower()
    frame = pd.DataFrame(
        {
            "contender": ["lstm", "tcn"],
            "seeds": [3, 3],
            "validation": [0.9, 0.8],
            "validation_spread": [0.01, float("nan")],
            "test": float("nan"),
            "test_spread": float("nan"),
            "parameters": [1000, 900],
            "against_tcn": ["better", ""],
        }
    )
    text = latex_of_comparison(frame, "accuracy", "")
    assert "LSTM & 0.900 $\\pm$ 0.010 & 3 & 1000 & better" in text
    assert "TCN & 0.8 & 3 & 900 &" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "trials.xlsx"], "A table must end in .csv, .parquet or .tex. Received: trials.xlsx"),
        (["--out", "no/trials.csv"], "no/trials.csv cannot be written: there is no folder "),
        (["--top", "0"], "--top must be at least 1. Received: 0"),
    ],
)  # fmt: skip
def test_bad_input_is_reported_in_one_line(
    study: Study, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["trials", "my_data", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"tcn-search trials: {message}")
    assert error.count("\n") == 1


def test_parquet_without_pyarrow_names_the_extra(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcn_search.report.tables.find_spec", lambda name: None)
    with pytest.raises(InputError) as error:
        write_trials(study.trials(), "trials.parquet", "")
    assert str(error.value) == "A .parquet needs pyarrow. pip install 'tcn-search[parquet]'"
