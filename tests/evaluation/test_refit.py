"""The winner trained again on training and validation part together."""

from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tcn_search import Architecture, SearchSpace, Study, Task, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.evaluation import winner as winners
from tcn_search.evaluation.winner import (
    Candidate,
    SeedRun,
    Winner,
    evaluations_in_words,
    find_winner,
)
from tcn_search.tasks.kinds import Metric
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

    def train(
        model: Any, data: Any, settings: TrainingSettings, *given: Any, **named: Any
    ) -> fit.Training:
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
    assert study.test_evaluations == 2


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_training_that_diverged_never_wins(
    direction: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = {
        (0, 0): math.nan,
        (0, 1): 0.1,
        (1, 0): math.nan,
        (1, 1): math.nan,
        (2, 0): 0.3,
        (2, 1): 0.2,
    }
    monkeypatch.setattr(winners, "_train", partial(_made_up, scores))
    task = Task.from_arrays(*waves(24))
    settings, network = (
        TrainingSettings(),
        Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2)),
    )
    candidates = [Candidate(number, network, settings) for number in range(3)]
    objective = Metric("val_loss", direction)
    winner = find_winner(candidates, task, objective, (0, 1), tmp_path / "best.keras")
    assert winner.trial == 2
    assert winner.saved_seed == (1 if direction == "minimize" else 0)
    assert winner.facts() == {
        "Ranked by val_loss": "trial 2: 0.25 ± 0.071 (0.3, 0.2); trial 0: 0.1 (diverged, 0.1); "
        "trial 1: nan (diverged, diverged)",
        "Winner over 2 seeds": "trial 2, validation accuracy 0.25 ± 0.071 (0.3, 0.2)",
        "Test": "the task has no test split",
    }
    alone = find_winner(candidates[:1], task, objective, (0, 1), tmp_path / "best.keras")
    assert alone.saved_seed == 1
    assert (
        alone.facts()["Winner over 2 seeds"] == "trial 0, validation accuracy 0.1 (diverged, 0.1)"
    )
    with pytest.raises(InputError, match="Every training of trial 1 diverged"):
        find_winner(candidates[1:2], task, objective, (0, 1), tmp_path / "best.keras")


def test_the_test_split_judges_no_model_that_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    candidate = Candidate(
        0, Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2)), TrainingSettings()
    )
    scores = {(0, 0): math.nan, (0, 1): 0.3, (0, 2): 0.1}
    monkeypatch.setattr(winners, "_train", partial(_made_up, scores))
    monkeypatch.setattr(winners, "score_on_test", lambda model, task: model.seed / 10)

    def find(refit: bool) -> Winner:
        return find_winner(
            [candidate],
            task,
            Metric("val_loss", "minimize"),
            (0, 1, 2),
            tmp_path / "best.keras",
            refit=refit,
        )

    assert find(refit=False).test_scores == [0.1, 0.2]
    # Trained on both parts, the better one diverges too.
    monkeypatch.setattr(
        winners, "_refit", lambda one, task, metric, seed, *_: None if seed == 2 else Model(seed)
    )
    found = find(refit=True)
    assert (found.test_scores, found.saved_seed) == ([0.1], 1)
    monkeypatch.setattr(winners, "_refit", lambda *given: None)
    with pytest.raises(InputError, match="on training and validation part together diverged"):
        find(refit=True)


def test_a_test_evaluation_counts_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = waves(24)
    space = SearchSpace(nb_filters=[4], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"])
    study = Study("waves", Task.from_arrays(X, y, X_test=X, y_test=y), space)
    study.run(2, executor=Synthetic(), on_progress=lambda progress: None)
    first, second = (trial.trial for trial in study.candidates(2))
    scores = {
        (trial, seed): score for trial, score in ((first, 0.3), (second, 0.1)) for seed in range(3)
    }
    monkeypatch.setattr(winners, "_train", partial(_made_up, scores))
    monkeypatch.setattr(winners, "score_on_test", lambda model, task: 0.5)
    assert study.best(seeds=1).readings == 1

    def killed(model: Any, task: Task) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(winners, "score_on_test", killed)
    with pytest.raises(KeyboardInterrupt):
        study.best(top=2, seeds=1)
    assert study.test_evaluations == 2
    assert study.winner is None  # the file has another model by now
    assert Path("runs/waves/best.keras").read_text().startswith(f"{second} ")
    monkeypatch.setattr(winners, "score_on_test", lambda model, task: 0.5)
    assert study.best(top=2, seeds=1).facts()["Test evaluations"] == evaluations_in_words(3)


class Model:
    """As much of a model as is asked of it here."""

    def __init__(self, seed: int, trial: int = 0) -> None:
        self.seed, self.trial = seed, trial

    def save(self, file: Path) -> None:
        file.write_text(f"{self.trial} {self.seed}")


def _made_up(
    scores: dict[tuple[int, int], float],
    candidate: Candidate,
    task: Task,
    objective: Metric,
    seed: int,
    own: Any,
) -> tuple[SeedRun, Any]:
    score = scores[candidate.trial, seed]
    run = SeedRun(candidate.trial, seed, score, score, 0 if math.isnan(score) else 3, 1.0)
    return run, Model(seed, candidate.trial)


def test_a_schedule_reaches_over_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task.from_arrays(*waves(40))
    settings = TrainingSettings(schedule="cosine", batch_size=4, epochs=2)
    network = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2, 4, 8))
    model = winners._refit(
        Candidate(0, network, settings), task, Metric("val_loss", "minimize"), 0, 2, None
    )
    assert model.optimizer._learning_rate.decay_steps == int(model.optimizer.iterations) == 20
