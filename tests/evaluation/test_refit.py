"""Selection of the winner, and its refit on training and validation split together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tcn_search import Architecture, SearchSpace, Study, Task, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.evaluation import selection
from tcn_search.evaluation.final_training import FinalTrainer, FinalTraining, SeedRun
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.evaluation.winner import Winner, evaluations_in_words
from tcn_search.search.trial_record import Candidate
from tcn_search.tasks.kinds import Metric
from tcn_search.trainers import fit
from tests.conftest import waves
from tests.study.synthetic import Synthetic

SMALL = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2))
NOTHING_KEPT = KeptTrainings(folders=(), digest_of=lambda candidate: "", load_model=Path)


def find_winner(
    candidates: Sequence[Candidate],
    task: Task,
    file: Path,
    *,
    direction: str = "minimize",
    seeds: Sequence[int] = (0, 1),
    refit: bool = False,
) -> Winner:
    """Select the winner by val_loss, without a record of trainings or test evaluations."""
    return selection.find_winner(
        candidates,
        task=task,
        objective=Metric("val_loss", direction),
        seeds=seeds,
        model_function=None,
        refit=refit,
        model_file=file,
        kept=NOTHING_KEPT,
        on_run=None,
        before_test_evaluation=lambda: None,
    )


def test_the_winner_is_trained_again_on_both_splits_and_scored_by_that_model(
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
    alone = len(task.train)
    together = len(task.train) + len(task.validation)
    epochs = winner.runs[0].best_epoch
    assert trained == [(alone, 3), (together, epochs)]
    assert winner.refit_epochs == epochs
    assert len(winner.test_scores) == 1
    words = f"on training and validation split together, {epochs} epochs, with the same seeds"
    assert winner.facts()["Trained again"] == words
    assert Path(winner.model_file).exists()
    assert study.best(seeds=1, refit=True).read_at == winner.read_at
    assert len(trained) == 2  # the second call returns the stored result
    assert study.best(seeds=1).refit_epochs == 0
    assert study.test_evaluations == 2


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_diverged_training_never_wins(
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
    monkeypatch.setattr(FinalTrainer, "train", made_up(scores))
    task = Task.from_arrays(*waves(24))
    candidates = [Candidate(number, SMALL, TrainingSettings()) for number in range(3)]
    file = tmp_path / "best.keras"
    winner = find_winner(candidates, task, file, direction=direction)
    assert winner.trial == 2
    assert winner.saved_seed == (1 if direction == "minimize" else 0)
    assert winner.facts() == {
        "Ranked by val_loss": "trial 2: 0.25 ± 0.071 (0.3, 0.2); trial 0: 0.1 (diverged, 0.1); "
        "trial 1: nan (diverged, diverged)",
        "Winner over 2 seeds": "trial 2, validation accuracy 0.25 ± 0.071 (0.3, 0.2)",
        "Test": "the task has no test split",
    }
    alone = find_winner(candidates[:1], task, file, direction=direction)
    assert alone.saved_seed == 1
    assert (
        alone.facts()["Winner over 2 seeds"] == "trial 0, validation accuracy 0.1 (diverged, 0.1)"
    )
    with pytest.raises(InputError, match="Every training of trial 1 diverged"):
        find_winner(candidates[1:2], task, file, direction=direction)


def test_no_diverged_model_is_scored_on_the_test_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    candidate = Candidate(0, SMALL, TrainingSettings())
    scores = {(0, 0): math.nan, (0, 1): 0.3, (0, 2): 0.1}
    monkeypatch.setattr(FinalTrainer, "train", made_up(scores))
    monkeypatch.setattr(selection, "score_on_test", lambda model, task: model.seed / 10)

    def find(refit: bool) -> Winner:
        return find_winner([candidate], task, tmp_path / "best.keras", seeds=(0, 1, 2), refit=refit)

    assert find(refit=False).test_scores == [0.1, 0.2]
    # Trained on both splits, the better training diverges too.
    monkeypatch.setattr(
        FinalTrainer,
        "refit",
        lambda trainer, candidate, seed, epochs: None if seed == 2 else Model(seed),
    )
    winner = find(refit=True)
    assert (winner.test_scores, winner.saved_seed) == ([0.1], 1)
    monkeypatch.setattr(FinalTrainer, "refit", lambda *given: None)
    with pytest.raises(InputError, match="on training and validation split together diverged"):
        find(refit=True)


def test_a_test_evaluation_is_recorded_before_it_happens(
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
    monkeypatch.setattr(FinalTrainer, "train", made_up(scores))
    monkeypatch.setattr(selection, "score_on_test", lambda model, task: 0.5)
    assert study.best(seeds=1).readings == 1

    def killed(model: Any, task: Task) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(selection, "score_on_test", killed)
    with pytest.raises(KeyboardInterrupt):
        study.best(top=2, seeds=1)
    assert study.test_evaluations == 2
    assert study.winner is None  # the file has another model by now
    assert Path("runs/waves/best.keras").read_text().startswith(f"{second} ")
    monkeypatch.setattr(selection, "score_on_test", lambda model, task: 0.5)
    assert study.best(top=2, seeds=1).facts()["Test evaluations"] == evaluations_in_words(3)


class Model:
    """A model that can be saved, and nothing else."""

    def __init__(self, seed: int, trial: int = 0) -> None:
        self.seed = seed
        self.trial = trial

    def save(self, file: Path) -> None:
        file.write_text(f"{self.trial} {self.seed}")


def made_up(scores: dict[tuple[int, int], float]) -> Callable[..., FinalTraining]:
    """Return a replacement of `FinalTrainer.train` that gives these scores by trial and seed."""

    def train(trainer: FinalTrainer, candidate: Candidate, seed: int) -> FinalTraining:
        score = scores[candidate.trial, seed]
        run = SeedRun(
            trial=candidate.trial,
            seed=seed,
            score=score,
            metric=score,
            best_epoch=0 if math.isnan(score) else 3,
            seconds=1.0,
        )
        return FinalTraining(run, Model(seed, candidate.trial))

    return train


def test_the_schedule_of_a_refit_covers_the_steps_of_both_splits() -> None:
    task = Task.from_arrays(*waves(40))
    settings = TrainingSettings(schedule="cosine", batch_size=4, epochs=2)
    network = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2, 4, 8))
    trainer = FinalTrainer(task, Metric("val_loss", "minimize"), model_function=None)
    model = trainer.refit(Candidate(0, network, settings), seed=0, epochs=2)
    assert model is not None
    assert model.optimizer._learning_rate.decay_steps == int(model.optimizer.iterations) == 20
