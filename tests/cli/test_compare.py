"""The table and the JSON of `tcn-search compare`, from made-up trainings."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tcn_search.cli.compare import _table, _values
from tcn_search.cli.output import print_json
from tcn_search.evaluation.comparison import Comparison, Run


def made_up() -> Comparison:
    """Return a comparison of three contenders; one training of the LSTM has diverged."""
    runs = [
        Run(
            contender=name,
            learning_rate=rate,
            seed=seed,
            score=float("nan") if name == "lstm" and seed == 3 else 0.4,
            metric=float("nan") if name == "lstm" and seed == 3 else 0.9 + seed / 100,
            best_epoch=3,
            seconds_an_epoch=0.5,
            parameters=parameters,
            test=None if name == "lstm" and seed == 3 else 0.88 + seed / 90,
            seconds=21.5,
        )
        for name, parameters, rate in (
            ("tcn", 43_842, 0.002),
            ("lstm", 1_234_012, 0.0005),
            ("mini_rocket", 0, 0.0),
        )
        for seed in range(4)
    ]
    return Comparison(
        trial=2,
        contenders=["tcn", "lstm", "mini_rocket"],
        learning_rates=1,
        seeds=3,
        epochs=8,
        patience=0,
        objective="val_loss",
        direction="minimize",
        metric="accuracy",
        metric_direction="maximize",
        runs=runs,
        kind="classification",
        validation_size=10,
        test_size=150,
    )


def test_the_table_fits_80_columns_and_leaves_out_what_is_missing() -> None:
    lines = _table(made_up(), None)
    assert max(map(len, lines)) <= 80
    text = "\n".join(lines)
    assert lines[0] == "accuracy over 3 seeds, and against the TCN:"
    assert "1,234,012" in text
    assert "LSTM (1 diverged)" in text
    (rocket,) = [line for line in lines if line.startswith("MiniRocket")]
    assert rocket.split() == ["MiniRocket", "0.92", "0.9022", "level", "21.5"]
    assert "nan" not in text
    assert "NA" not in text


def test_json_has_the_columns_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    study = SimpleNamespace(name="waves", test_evaluations=3)
    print_json(_values(study, made_up(), None))  # type: ignore[arg-type]
    values = json.loads(capsys.readouterr().out)
    assert values["study"] == "waves"
    contenders = {row["contender"]: row for row in values["contenders"]}
    assert contenders["lstm"]["diverged"] == 1
    assert contenders["mini_rocket"]["parameters"] is None
    assert contenders["tcn"]["learning_rate"] == 0.002
