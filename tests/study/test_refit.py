"""The winner trained again on training and validation part together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tcn_search import SearchSpace, Study, Task, TrainingSettings
from tcn_search.trainers import fit
from tests.conftest import waves
from tests.study.synthetic import Synthetic


def test_the_winner_is_trained_again_on_both_parts_and_judged_by_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    space = SearchSpace(nb_filters=[4], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"])
    study = Study("waves", task, space, training=TrainingSettings(epochs=3))
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    trained: list[tuple[int, int]] = []

    def train(model: Any, data: Any, settings: TrainingSettings, *given: Any, **named: Any) -> fit.Training:
        trained.append((len(data.train), settings.epochs))
        return real(model, data, settings, *given, **named)

    real = fit.train
    monkeypatch.setattr(fit, "train", train)
    winner = study.best(seeds=1, refit=True)
    alone, together = len(task.train), len(task.train) + len(task.validation)
    epochs = winner.runs[0].best_epoch
    assert trained == [(alone, 3), (together, epochs)]
    assert winner.refit_epochs == epochs
    assert len(winner.test_scores) == 1
    words = f"on training and validation part together, {epochs} epochs, with the same seeds"
    assert winner.facts()["Trained again"] == words
    assert Path(winner.model_file).exists()
    assert study.best(seeds=1, refit=True).read_at == winner.read_at
    assert len(trained) == 2  # asked again, it is what is stored
    assert study.best(seeds=1).refit_epochs == 0
    assert study.test_readings == 2
