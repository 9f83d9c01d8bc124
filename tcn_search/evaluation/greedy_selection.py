"""Greedy ensemble selection with replacement, on the validation split (Caruana et al. 2004)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tcn_search.evaluation.final_training import FinalTraining

if TYPE_CHECKING:
    from tcn_search.tasks.task_spec import TaskSpec
    from tcn_search.tasks.training_data import SplitData


def mean_predictions(
    trainings: Sequence[FinalTraining], split: SplitData, load: Callable[[Path], Any]
) -> dict[int, np.ndarray]:
    """Return the mean of the predictions of each candidate's trainings, by number of the trial.

    Candidates of which every training diverged are left out.
    """
    predictions = defaultdict(list)
    for training in trainings:
        if training.model_file is not None:
            model = load(training.model_file)
            predictions[training.run.trial].append(model.predict(split.X, verbose=0))
    return {trial: np.mean(values, axis=0) for trial, values in predictions.items()}


def greedy_selection(
    predictions: Mapping[int, np.ndarray], spec: TaskSpec, y: np.ndarray, picks: int, most: int
) -> list[int]:
    """Pick candidates one after the other, each so that the mean of all picks is best.

    A candidate may be picked several times, and so gets more weight.

    Args:
        predictions: of each candidate for the validation split, the best candidate first, which
            wins between equal ones.
        spec: of the task, whose first metric is the measure.
        y: targets of the validation split.
        picks: number of picks.
        most: largest number of different candidates.

    Returns:
        Numbers of the picked candidates, the most frequent first.
    """
    from tcn_search.models.metrics import make_metrics

    metric = make_metrics(spec)[0]
    direction = spec.task_kind.metrics[0]
    picked: list[int] = []
    total: np.ndarray | float = 0.0
    for _ in range(picks):
        candidates = list(predictions)
        if len(set(picked)) == most:
            candidates = [trial for trial in candidates if trial in picked]
        best: tuple[float, int] | None = None
        for trial in candidates:
            metric.reset_state()
            metric.update_state(y, (total + predictions[trial]) / (len(picked) + 1))
            score = float(metric.result())
            if best is None or direction.better(score, best[0]):
                best = (score, trial)
        if best is None:
            return []
        picked.append(best[1])
        total = total + predictions[best[1]]
    return sorted(picked, key=lambda trial: -picked.count(trial))
