"""The suite's tables, statistics, resuming and report; the results here are invented."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import suite
import suite_report
from suite_statistics import compare, mean_ranks
from suite_study import filled, measure, usable_file
from suite_tables import Dataset, datasets, published_accuracies, read_result, write_result

from tests.conftest import waves


def invented(name: str, members: list[float], ensemble: float | None = None, **more: Any) -> Any:
    return {
        "dataset": name,
        "minutes": 5,
        "machine": {"cores": 2, "processor": "x86_64"},
        "versions": {"keras": "3"},
        "trials": {"complete": 3, "pruned": 4},
        "test": {"metric": "accuracy", "members": members, "ensemble": ensemble},
        "seconds": {"search": 120.4, "final_trainings": 150.4},
        **more,
    }


def test_the_halves_alternate_in_alphabetical_order() -> None:
    known = datasets()
    names = [dataset.name for dataset in known]
    assert len(names) == len(set(names)) == 43
    assert names == sorted(names)
    assert [dataset.half for dataset in known] == ["dev", "held"] * 21 + ["dev"]
    assert [dataset.plain for dataset in known] == [
        number % 7 == 0 and number < 42 for number in range(43)
    ]


def test_every_dataset_has_published_accuracies() -> None:
    published = published_accuracies()
    assert set(published) == {dataset.name for dataset in datasets()}
    assert all(0 < value <= 1 for row in published.values() for value in row.values())
    assert published["OSULeaf"]["FCN"] == 0.979
    assert published["NATOPS"]["ResNet"] == 0.978  # the higher one of two sources
    assert "ResNet" not in published["DodgerLoopDay"]  # trained on NaN


def test_missing_values_are_interpolated_up_to_the_length(tmp_path: Path) -> None:
    X = np.array([[[np.nan], [1.0], [np.nan], [3.0], [np.nan]]])
    assert filled(X, np.array([4])).ravel()[:4].tolist() == [1, 1, 2, 3]
    assert np.isnan(filled(X, np.array([4]))[0, 4, 0])
    assert np.isnan(X[0, 0, 0])  # the given array is unchanged
    arrays = {f"X_{split}": X for split in ("train", "test")}
    lengths = {f"lengths_{split}": np.array([4]) for split in ("train", "test")}
    file = tmp_path / "gaps.npz"
    np.savez(file, **arrays, **lengths)
    folder = tmp_path / "new"
    folder.mkdir()
    assert usable_file(file, folder) == folder / "gaps.npz"
    again = tmp_path / "again"
    again.mkdir()
    assert usable_file(folder / "gaps.npz", again) == folder / "gaps.npz"


def test_a_comparison_takes_common_datasets_and_counts_equal_digits_as_ties() -> None:
    accuracies = {
        "a": {"ours": 0.9001, "other": 0.9004},
        "b": {"ours": 0.9, "other": 0.8},
        "c": {"ours": 0.7, "other": 0.8},
        "d": {"ours": 0.1},
    }
    pair = compare(accuracies, "ours", "other")
    assert pair is not None
    assert (pair.datasets, pair.wins, pair.ties, pair.losses, pair.p) == (3, 1, 1, 1, None)
    assert pair.ours == pytest.approx((0.9001 + 0.9 + 0.7) / 3)
    assert compare(accuracies, "ours", "nobody") is None


def test_wilcoxon_needs_six_datasets_without_a_tie() -> None:
    better = {str(n): {"ours": 0.8 + n / 100, "other": 0.7} for n in range(6)}
    pair = compare(better, "ours", "other")
    assert pair is not None
    assert pair.p == pytest.approx(2 / 2**6)  # all six signs agree, two-sided


def test_mean_ranks_leave_out_datasets_that_lack_a_model() -> None:
    accuracies = {"a": {"x": 0.9, "y": 0.8}, "b": {"x": 0.7, "y": 0.7}, "c": {"x": 0.1}}
    assert mean_ranks(accuracies, ("x", "y")) == (2, {"x": 1.25, "y": 1.75})
    assert mean_ranks({}, ("x", "y")) == (0, {})


def test_a_report_of_some_results_says_how_many(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    page = tmp_path / "results.md"
    figure = tmp_path / "suite.png"
    write_result(folder, invented("OSULeaf", [0.97, 0.99], 0.985))
    more = {"simple_baselines": {"linear": 0.7}, "seconds": {"search": 120, "final_trainings": 9}}
    write_result(folder, invented("Adiac", [0.8], 0.8, **more))
    assert suite_report.write_report(folder, page, figure).endswith("2 of 43 datasets")
    text = page.read_text()
    assert "2 of 43 datasets. 5 minutes a dataset on 2 cores" in text.replace("\n", " ")
    assert "A study took 200 s (median), the longest one 271 s." in text.replace("\n", " ")
    assert "| OSULeaf | dev | 0.980 | **0.985** | 0.979 | 0.980 |" in text
    assert "| Adiac | held | 0.800 | 0.800 |" in text
    assert "| FCN | 2 | 0.9100 | 0.8925 | 1 / 0 / 1 | – |" in text  # both halves together
    assert "| linear (measured) | 1 | 0.7000 | 0.8000 | 1 / 0 / 0 | – |" in text
    assert figure.stat().st_size > 1000
    assert all(len(line) <= 100 or line.startswith("|") for line in text.splitlines())


def test_a_report_says_what_is_better_and_worse_and_what_limits_it(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    names = ("ArrowHead", "CBF", "Coffee", "GunPoint", "OSULeaf", "Worms")
    for name in names:
        accuracy = published_accuracies()[name]["1-NN ED"] - 0.1
        write_result(tmp_path, invented(name, [accuracy], accuracy))
    suite_report.write_report(tmp_path, page, tmp_path / "suite.png")
    text = " ".join(page.read_text().split())
    worse = text[text.index("**clearly worse than**") : text.index("Which published model is best")]
    assert "1-NN ED" in worse
    assert "**clearly better than**" not in text
    assert "above the best of them on 0 datasets, equal to it on 0 and below it on 6" in text
    assert "Farthest below it: OSULeaf (0.421 against 0.984 of Hydra)" in text
    assert "6 of the 6 studies finished fewer than 10 trials" in text
    assert "6 of the datasets were looked at while the package was developed, 0 not" in text
    assert "What the defaults are worth on new problems is therefore not known yet." in text
    assert text.count("## Against published models") == 2  # all of them are in one half


def test_datasets_that_were_opened_too_early_are_shown_apart(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    for name in ("OSULeaf", "Adiac", "Wine"):
        write_result(tmp_path, invented(name, [0.5], 0.5))
    suite_report.write_report(tmp_path, page, tmp_path / "suite.png")
    text = page.read_text()
    apart = text[text.index("half held back, without 5 that were opened too early") :]
    assert "| FCN | 1 |" in apart[: apart.index("## Against published models: all")]
    text = " ".join(text.split())
    assert "2 of the datasets were looked at while the package was developed, 1 not" in text
    assert "influenced them: Adiac, ArticularyWordRecognition, Beef, Car, Computers." in text


def test_without_ensembles_one_network_is_compared(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    write_result(tmp_path, invented("OSULeaf", [0.97, 0.99]))
    suite_report.write_report(tmp_path, page, tmp_path / "suite.png")
    assert "| FCN | 1 | 0.9790 | 0.9800 | 1 / 0 / 0 | – |" in page.read_text()
    assert "ours, ensemble |" not in page.read_text()


def test_a_report_of_nothing_is_a_page(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    suite_report.write_report(tmp_path, page, tmp_path / "suite.png")
    assert "0 of 43 datasets. Nothing is measured yet." in page.read_text().replace("\n", " ")


def test_the_plain_search_has_its_own_table(tmp_path: Path) -> None:
    page = tmp_path / "results.md"
    plain = {"members": [0.5, 0.6], "ensemble": 0.7, "trials": 8}
    write_result(tmp_path, invented("OSULeaf", [0.97, 0.99], 0.985, plain=plain))
    suite_report.write_report(tmp_path, page, tmp_path / "suite.png")
    assert "| OSULeaf | 0.980 | 0.985 | 0.550 | 0.700 | 7 | 8 |" in page.read_text()


def run_suite(
    folder: Path, data: Path, failing: str = "", plain: bool = False
) -> tuple[list[str], list[tuple[str, str]]]:
    """Run the suite with a measurement that writes an invented result at once."""
    measured = []

    def measurement(script: Path, dataset: Dataset, arguments: argparse.Namespace) -> str:
        measured.append((script.stem, dataset.name))
        if dataset.name == failing:
            return "on purpose"
        result = read_result(folder, dataset.name) or invented(dataset.name, [0.5])
        if script == suite.PLAIN:
            result["plain"] = {"members": [0.4], "ensemble": 0.4, "trials": 1}
        write_result(folder, result)
        return ""

    arguments = argparse.Namespace(data_dir=data, folder=folder, minutes=1.0, plain=plain)
    wanted = suite.chosen("all", "ACSF1,Adiac,ArrowHead")
    return suite.run(wanted, arguments, measurement), measured


def test_the_suite_continues_where_it_was_stopped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("ACSF1", "Adiac"):
        (data / f"{name}.npz").touch()
    folder = tmp_path / "results"
    failed, measured = run_suite(folder, data, failing="ACSF1", plain=True)
    assert failed == ["ACSF1"]
    assert measured == [
        ("suite_study", "ACSF1"),
        ("suite_study", "Adiac"),
    ]  # no plain after a failure
    printed = capsys.readouterr().out
    assert "left out, not in" in printed
    assert "ArrowHead" in printed
    assert "failed: on purpose" in printed
    assert run_suite(folder, data, plain=True) == (
        [],
        [("suite_study", "ACSF1"), ("suite_plain", "ACSF1")],
    )
    assert run_suite(folder, data, plain=True) == ([], [])


def test_an_unknown_dataset_is_named() -> None:
    with pytest.raises(SystemExit, match="The suite has no dataset Nothing."):
        suite.chosen("all", "ACSF1,Nothing")
    assert [dataset.name for dataset in suite.chosen("held", "ACSF1,Adiac")] == ["Adiac"]


@pytest.mark.slow
def test_a_study_of_the_suite_gives_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = waves(24)
    lengths = np.full(len(X), X.shape[1])
    file = tmp_path / "waves.npz"
    names = ("train", "test")
    np.savez(
        file,
        **{f"X_{name}": X for name in names},
        **{f"y_{name}": y for name in names},
        **{f"lengths_{name}": lengths for name in names},
    )
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    result = measure(file, seconds=6)
    write_result(tmp_path, result)
    assert read_result(tmp_path, "waves") == result
    assert sum(result["trials"].values()) == len(result["recorded"]) >= 1
    assert 0 <= min(result["test"]["members"]) <= 1
    assert suite_report.accuracy_in_words(result).endswith(("networks", "1 networks"))
