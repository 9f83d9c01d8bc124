"""A comparison of a forecast has the simple models among its contenders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from tcn_search.evaluation.comparison import Comparison, Run
from tcn_search.evaluation.simple_baselines import SimpleBaseline, SimpleBaselines
from tcn_search.report.comparison import comparison_figure, comparison_frame, write_comparison


def comparison() -> Comparison:
    made = Comparison(
        trial=0,
        contenders=["tcn", "lstm"],
        learning_rates=1,
        seeds=1,
        epochs=1,
        patience=0,
        objective="val_loss",
        direction="minimize",
        metric="standardised_mse",
        metric_direction="minimize",
        kind="forecast",
    )
    for contender, score in (("tcn", 0.5), ("lstm", 0.7)):
        for seed in (0, made.final_seeds[0]):
            made.runs.append(
                Run(
                    contender=contender,
                    learning_rate=0.01,
                    seed=seed,
                    score=score,
                    metric=score,
                    best_epoch=1,
                    seconds_an_epoch=1.0,
                    parameters=100,
                    test=score,
                    seconds=2.0,
                )
            )
    return made


def baselines(kind: str = "forecast") -> SimpleBaselines:
    return SimpleBaselines(
        kind=kind,
        metric="standardised_mse",
        direction="minimize",
        validation_size=9,
        test_size=9,
        joined=False,
        rows=9,
        of_rows=9,
        baselines=[
            SimpleBaseline(
                name=name,
                detail="",
                validation=score,
                test=score,
                validation_error=None,
                test_error=None,
                seconds=0.1,
            )
            for name, score in (("last value repeated", 1.2), ("linear map of the windows", 0.4))
        ],
    )


def test_simple_forecasts_stand_among_the_contenders(tmp_path: Path) -> None:
    frame = comparison_frame(comparison(), baselines())
    assert frame["contender"].tolist() == [
        "linear map of the windows",
        "tcn",
        "lstm",
        "last value repeated",
    ]
    assert frame["test"].tolist() == [0.4, 0.5, 0.7, 1.2]
    assert frame["parameters"].isna().tolist() == [True, False, False, True]
    write_comparison(comparison(), tmp_path, baselines())
    assert pd.read_csv(tmp_path / "comparison.csv")["contender"].tolist()[0].startswith("linear")
    (ax,) = comparison_figure(comparison(), baselines()).axes
    labels = [label.get_text().splitlines()[0] for label in ax.get_yticklabels()]
    assert labels == ["last value repeated", "LSTM", "TCN", "linear map of the windows"]


def test_simple_forecasts_that_have_seen_more_have_no_test_score() -> None:
    joined = replace(baselines(), joined=True)
    frame = comparison_frame(comparison(), joined).set_index("contender")
    assert frame.loc[["tcn", "lstm"], "test"].tolist() == [0.5, 0.7]
    assert frame.loc["last value repeated", "validation"] == 1.2
    assert frame.loc[["last value repeated", "linear map of the windows"], "test"].isna().all()
    comparison_figure(comparison(), joined)


def test_the_figure_has_the_seeds_of_the_table() -> None:
    earlier = comparison()
    other_seed = earlier.final_seeds[0] + 1
    earlier.runs.append(replace(earlier.runs[1], seed=other_seed, metric=9.0, test=9.0))
    figures = [comparison_figure(made) for made in (comparison(), earlier)]
    points = [
        sorted(len(drawn.get_offsets()) for drawn in figure.axes[0].collections)
        for figure in figures
    ]
    assert points[0] == points[1]
    assert sum(points[0]) >= 4


def test_other_kinds_and_studies_without_baselines_are_as_before() -> None:
    for given in (None, baselines("regression")):
        pd.testing.assert_frame_equal(comparison_frame(comparison(), given), comparison().frame())
