"""The winner on the test split: scores of its members and of their mean, and predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tcn_search.atomic_files import replacing
from tcn_search.evaluation.forecast_scores import ForecastScores, scorer_of_test
from tcn_search.evaluation.member_scores import MemberScores, score_members
from tcn_search.evaluation.test_answers import AnswerRecorder, ClassCounts
from tcn_search.evaluation.winner import TEST_FORECASTS, TEST_PREDICTIONS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from tcn_search.tasks.task import Task


class TestResult(NamedTuple):
    """What comes of the test evaluation."""

    scores: MemberScores
    forecast: ForecastScores | None = None
    classes: ClassCounts | None = None


def score_winner(
    task: Task, models: Sequence[Any], averaged: Sequence[int], chosen: int, folder: Path
) -> TestResult:
    """Score the members and their mean on the test split; write what the saved model predicts.

    This is the one test evaluation of the final trainings.

    Args:
        averaged: places of the models in the mean.
        chosen: place of the saved model; the number of models stands for the mean.
        folder: where the table of forecasts is written, with the errors of all windows.
    """
    if task.test is None:
        return TestResult(MemberScores([], None))
    first = averaged[0] if chosen == len(models) else chosen  # has the errors of the saved model
    scorer = scorer_of_test(task, models[first])
    answers = AnswerRecorder(task.spec, task.test)
    add = answers.add if scorer is None else scorer.add

    def watch(targets: np.ndarray, predictions: list[np.ndarray]) -> None:
        add(predictions[chosen])

    scores = score_members(models, task.spec, task.test, watch, averaged)
    if scorer is not None:
        _write_table(scorer.table(), folder / TEST_FORECASTS, "forecasts")
        return TestResult(scores, forecast=scorer.scores())
    table = answers.table()
    if table is not None:
        _write_table(table, folder / TEST_PREDICTIONS, "predictions")
    return TestResult(scores, classes=answers.counts())


def _write_table(table: pd.DataFrame, file: Path, what: str) -> None:
    with replacing(file, f"The {what} cannot be written to {file}") as temporary:
        table.to_csv(temporary, index=False)
