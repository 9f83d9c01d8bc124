"""What a model answered on a split, recorded in batches."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tcn_search.evaluation.test_answers import AnswerRecorder, ClassCounts
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData


def split_of(y: np.ndarray) -> SplitData:
    return SplitData(np.zeros((len(y), 3, 1), "float32"), y)


def spec_of(kind: str, outputs: int, **changes: object) -> TaskSpec:
    return TaskSpec(
        name="made up", kind=kind, seq_len=3, input_channels=1, outputs=outputs, **changes
    )


def recorded(spec: TaskSpec, y: np.ndarray, predictions: np.ndarray) -> AnswerRecorder:
    recorder = AnswerRecorder(spec, split_of(y))
    for start in range(0, len(y), 2):
        recorder.add(predictions[start : start + 2])
    return recorder


def test_classes_are_counted() -> None:
    y = np.array([0, 0, 1, 2, 2])
    predictions = np.eye(3)[[0, 1, 1, 2, 0]]
    recorder = recorded(spec_of("classification", 3, class_names=("a", "b", "c")), y, predictions)
    counts = recorder.counts()
    assert recorder.table() is None
    frame = counts.confusion_frame()
    assert frame.loc["a"].tolist() == [1, 1, 0]
    assert frame.loc["c"].tolist() == [1, 0, 1]
    scores = counts.scores_frame().set_index("class")
    assert scores.loc["b"].tolist() == pytest.approx([0.5, 1, 2 / 3, 1])


def test_steps_without_a_label_and_before_the_scored_ones_do_not_count() -> None:
    y = np.array([[0, 1, -1], [1, 1, 0]])
    predictions = np.eye(2)[[[0, 1, 0], [0, 0, 0]]]
    counts = recorded(spec_of("labelling", 2, scored_steps=2), y, predictions).counts()
    assert counts.confusion == [[1, 0], [1, 1]]
    assert counts.classes == ["0", "1"]


def test_labels_are_counted_one_by_one() -> None:
    y = np.array([[1, 0], [1, 1], [0, 0]])
    predictions = np.array([[0.9, 0.6], [0.2, 0.7], [0.1, 0.1]])
    counts = recorded(spec_of("multi_label", 2, class_names=("x", "y")), y, predictions).counts()
    assert counts.labels == [[1, 0, 1], [1, 1, 0]]
    assert counts.confusion_frame().empty
    scores = counts.scores_frame()
    assert scores["precision"].tolist() == [1, 0.5]
    assert scores["recall"].tolist() == [0.5, 1]
    assert scores["examples"].tolist() == [2, 1]


def test_a_class_without_examples_or_predictions_has_zeros() -> None:
    scores = ClassCounts(classes=["a", "b"], confusion=[[2, 0], [0, 0]]).scores_frame()
    assert scores.loc[1, ["precision", "recall", "f1", "examples"]].tolist() == [0, 0, 0, 0]


def test_numbers_are_in_the_units_of_the_raw_targets() -> None:
    y = np.array([[1.0], [2.0], [3.0]], "float32")
    recorder = recorded(spec_of("regression", 1, target_offset=(100.0,)), y, y + 0.5)
    table = recorder.table()
    assert recorder.counts() is None
    pd.testing.assert_frame_equal(
        table,
        pd.DataFrame(
            {
                "row": [0, 1, 2],
                "output": ["output 0"] * 3,
                "truth": [101.0, 102, 103],
                "prediction": [101.5, 102.5, 103.5],
            }
        ),
    )


def test_very_many_classes_and_tokens_are_not_counted() -> None:
    y = np.array([0, 1])
    many = recorded(spec_of("classification", 201), y, np.eye(201)[[0, 1]])
    assert many.counts() is None
    tokens = AnswerRecorder(spec_of("labelling", 9, vocabulary=9), split_of(y[:, None]))
    assert tokens.counts() is None
