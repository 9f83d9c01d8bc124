"""Progress of a run in words: accuracy beside the loss, and configurations that can be rebuilt."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tcn_search import Architecture, SearchSettings, Study, Task, TrainingSettings
from tcn_search.search.configuration_text import configuration_text
from tcn_search.search.progress import Progress
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space


class Accurate(Synthetic):
    """Trials with an accuracy too, which rises as the loss falls."""

    def _outcome(
        self, job: TrialJob, status: object, curve: list[dict[str, float]]
    ) -> TrialOutcome:
        outcome = super()._outcome(job, status, curve)  # type: ignore[arg-type]
        with_accuracy = [{**row, "val_accuracy": 1 - row["val_loss"] / 4} for row in curve]
        score = outcome.score
        if job.objective == "val_accuracy":
            score = with_accuracy[-1]["val_accuracy"]
        return replace(outcome, curve=with_accuracy, score=score)


def progress_of(tmp_path: object, objective: str, trials: int = 3) -> tuple[Study, list[Progress]]:
    study = Study(
        objective,
        Task.from_arrays(*waves(24)),
        small_space(),
        training=TrainingSettings(epochs=2, batch_size=8, schedule="cosine"),
        search=SearchSettings(pruner="none", objectives=[objective], warm_start=False),
        storage=f"sqlite:///{tmp_path}/studies.db",
    )
    seen: list[Progress] = []
    study.run(trials, executor=Accurate(), on_progress=seen.append)
    return study, seen


@pytest.mark.parametrize(
    ("objective", "beside"), [("val_loss", "val_accuracy"), ("val_accuracy", "val_loss")]
)
def test_accuracy_and_loss_are_shown_whatever_the_objective(
    tmp_path: object, objective: str, beside: str
) -> None:
    study, seen = progress_of(tmp_path, objective)
    ended = [progress for progress in seen if progress.trial is not None]
    assert len(ended) == 3
    for progress in ended:
        pattern = rf"{objective} \S+, {beside} \S+, 2 epochs, 0 s"
        assert re.fullmatch(pattern, progress.text), progress.text
    best = ended[-1].best_trial
    assert best is not None
    assert (best.trial, best.score) == (study.best_trial, study.best_score)
    assert best.numbers.startswith(f"{objective} {study.best_score:.4g}, {beside} ")
    column = study.trials()[beside]
    assert column.notna().all()
    assert f"{beside} {column[best.trial]:.4g}" in best.numbers
    assert objective not in set(study.trials())  # it is the score


def test_a_continued_study_knows_its_best_trial_from_the_first_epoch(tmp_path: object) -> None:
    study, before = progress_of(tmp_path, "val_loss")
    seen: list[Progress] = []
    study.run(4, executor=Accurate(), on_progress=seen.append)
    assert seen[0].trial is None
    assert seen[0].best_trial == before[-1].best_trial
    (running,) = seen[0].running_texts.values()
    assert re.fullmatch(r"epoch 1 of 2, val_loss \S+", running)


def test_a_configuration_can_be_rebuilt_from_its_text() -> None:
    architecture = Architecture(nb_filters=24, kernel_size=5, dilations=(1, 3, 9), norm="layer")
    settings = TrainingSettings(
        learning_rate=0.00312, dropout_rate=0.15, batch_size=8, optimizer="adamw", clip_norm=1.0
    )
    text = configuration_text(architecture, settings)
    layer, _, training = text.partition(" with ")
    rebuilt = eval(layer, {"TCN": Architecture})
    assert rebuilt == architecture
    assert eval(f"dict({training})", {}) == {
        "learning_rate": 0.00312,
        "dropout_rate": 0.15,
        "batch_size": 8,
        "epochs": 10,
        "optimizer": "adamw",
        "clip_norm": 1.0,
    }
    assert eval(f"TrainingSettings({training})", {"TrainingSettings": TrainingSettings}) == settings
