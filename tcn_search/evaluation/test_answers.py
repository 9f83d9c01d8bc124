"""What a model answered on a split: counts by class, or a table of predicted numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import with_config

from tcn_search.evaluation.class_table import class_table
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import NO_CLASS

if TYPE_CHECKING:
    from tcn_search.tasks.task_spec import TaskSpec
    from tcn_search.tasks.training_data import SplitData

MOST_CLASSES = 200  # whose counts are stored
MOST_ROWS = 50_000  # of a table of predictions


@with_config(STRICT)
@dataclass(frozen=True)
class ClassCounts:
    """How often each class was taken for each. The names of the fields are stored.

    Attributes:
        classes: names of the classes or labels.
        confusion: for each true class, how often each class was predicted; empty for labels, of
            which an example may have several.
        labels: for each label, how often it was rightly given, wrongly given, and missed; empty for
            classes.
    """

    classes: list[str]
    confusion: list[list[int]] = field(default_factory=list)
    labels: list[list[int]] = field(default_factory=list)

    def confusion_frame(self) -> pd.DataFrame:
        """Return the counts, a row for each true class; empty for labels."""
        if not self.confusion:
            return pd.DataFrame()
        return pd.DataFrame(self.confusion, index=self.classes, columns=self.classes)

    def scores_frame(self) -> pd.DataFrame:
        """Return precision, recall and F1 of each class; see `class_table`."""
        if self.confusion:
            counts = np.asarray(self.confusion)
            right = np.diag(counts)
            given = counts.sum(axis=0)
            examples = counts.sum(axis=1)
        else:
            counts = np.asarray(self.labels)
            right = counts[:, 0]
            given = counts[:, 0] + counts[:, 1]
            examples = counts[:, 0] + counts[:, 2]
        return class_table(self.classes, right, given, examples)


class AnswerRecorder:
    """Records the answers to the examples of a split, batch by batch, in their order.

    Args:
        spec: of a task; answers are recorded for classes and labels, up to 200, and for numbers,
            but not for forecasts and tokens.
        split: what is answered.
    """

    def __init__(self, spec: TaskSpec, split: SplitData) -> None:
        self._spec = spec
        self._split = split
        self._next = 0
        self._every = max(1, -(-len(split) * spec.outputs // MOST_ROWS))
        self._tables: list[pd.DataFrame] = []
        has_classes = spec.task_kind.has_classes and not spec.vocabulary
        self._counts: np.ndarray | None = None
        if has_classes and spec.outputs <= MOST_CLASSES:
            columns = 3 if spec.kind == "multi_label" else spec.outputs
            self._counts = np.zeros((spec.outputs, columns), dtype=int)

    def add(self, predictions: np.ndarray) -> None:
        """Record the predictions of the next examples."""
        first = self._next
        self._next += len(predictions)
        truth = np.asarray(self._split.y[first : self._next])
        if self._spec.kind == "regression":
            self._tables.append(self._table(truth, predictions, first))
        elif self._counts is None:
            return
        elif self._spec.kind == "multi_label":
            given = predictions > 0.5
            wanted = truth.reshape(given.shape) >= 0.5
            counted = (given & wanted, given & ~wanted, ~given & wanted)
            self._counts += np.stack([kind.sum(axis=0) for kind in counted], axis=1)
        else:
            self._count_classes(truth, predictions)

    def _count_classes(self, truth: np.ndarray, predictions: np.ndarray) -> None:
        assert self._counts is not None
        if self._spec.task_kind.reads_every_step and self._spec.scored_steps is not None:
            truth = truth[:, -self._spec.scored_steps :]
            predictions = predictions[:, -self._spec.scored_steps :]
        wanted = truth.reshape(-1).astype(int)
        given = predictions.argmax(axis=-1).reshape(-1)
        known = wanted != NO_CLASS
        np.add.at(self._counts, (wanted[known], given[known]), 1)

    def _table(self, truth: np.ndarray, predictions: np.ndarray, first: int) -> pd.DataFrame:
        """Return some of the true and predicted numbers, in the units of the raw targets."""
        offset = np.asarray(self._spec.target_offset or 0.0)
        rows = np.arange(first, first + len(truth))
        chosen = rows % self._every == 0
        outputs = predictions.shape[1]
        names = list(self._spec.class_names) or [f"output {number}" for number in range(outputs)]
        both = {
            "truth": truth.reshape(len(truth), -1),
            "prediction": predictions.reshape(len(truth), -1),
        }
        in_units = {
            name: (values[chosen].astype("float64") + offset).ravel()
            for name, values in both.items()
        }
        columns = {"row": rows[chosen].repeat(outputs), "output": names * int(chosen.sum())}
        return pd.DataFrame({**columns, **in_units})

    def counts(self) -> ClassCounts | None:
        """Return the counts by class; None where there are none."""
        if self._counts is None:
            return None
        names = list(self._spec.class_names) or [str(n) for n in range(self._spec.outputs)]
        counts = self._counts.tolist()
        if self._spec.kind == "multi_label":
            return ClassCounts(classes=names, labels=counts)
        return ClassCounts(classes=names, confusion=counts)

    def table(self) -> pd.DataFrame | None:
        """Return row, output, truth and prediction of a regression, of up to 50,000 numbers."""
        if not self._tables:
            return None
        return pd.concat(self._tables, ignore_index=True)
