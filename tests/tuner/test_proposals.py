"""Studies searched by KerasTuner: feasible proposals, and continuation."""

from __future__ import annotations

import argparse
import sqlite3
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest

from tcn_search import (
    Constraints,
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    load_study,
)
from tcn_search.cli.main import main
from tcn_search.cli.run import _sampler_of_engine
from tcn_search.errors import InputError
from tcn_search.search.queue import EnqueuedTrial, TrialQueue
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space

TASK = Task.from_arrays(*waves(24))
SPACE = SearchSpace(
    nb_filters=[4, 8],
    kernel_size=Range(2, 4),
    levels=Range(1, 5),
    nb_stacks=1,
    readout="last",
    norm="none",
)
ASKED = [
    "trial",
    "ended",
    "score",
    "epochs",
    "receptive_field",
    "nb_filters",
    "kernel_size",
    "learning_rate",
]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def make(name: str, sampler: str, constraints: Constraints | None = None) -> Study:
    return Study(
        name, TASK, SPACE, constraints, TrainingSettings(epochs=9), SearchSettings(sampler=sampler)
    )


def run(study: Study, trials: int, executor: Synthetic | None = None) -> pd.DataFrame:
    study.run(trials, executor=executor or Synthetic(), on_progress=lambda progress: None)
    return study.trials()


@pytest.mark.parametrize("sampler", ["keras-tuner:random", "keras-tuner:hyperband"])
def test_a_continued_study_equals_an_uninterrupted_one(sampler: str) -> None:
    whole = run(make("whole", sampler), 14)
    make("parts", sampler)
    for until in (3, 11, 14):
        study = load_study("parts")
        study._handle.given_task = TASK
        parts = run(study, until)
    pd.testing.assert_frame_equal(whole[ASKED], parts[ASKED])
    assert (whole["receptive_field"] >= 16).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_bayesian_optimisation_learns_from_the_recorded_trials() -> None:
    pytest.importorskip("sklearn")
    small = SearchSpace(
        nb_filters=4,
        kernel_size=3,
        levels=4,
        nb_stacks=1,
        padding="causal",
        readout="last",
        norm="none",
        use_skip_connections=True,
        dropout_rate=0.0,
    )
    search = SearchSettings(sampler="keras-tuner:bayesian")
    study = Study("waves", TASK, small, search=search)
    run(study, 3)  # drawn at random: 3 for each hyperparameter
    frame = run(study, 8)
    assert study.finished == 8
    # The synthetic loss is smallest at 2e-3; after three random trials the model finds the way there.
    distance = np.abs(np.log10(frame["learning_rate"] / 2e-3))
    assert distance[3:].min() < distance[:3].min()
    assert frame["learning_rate"].nunique() == 8


def test_hyperband_trains_few_epochs_first_and_the_best_again_for_longer() -> None:
    frame = run(make("waves", "keras-tuner:hyperband"), 12)
    assert list(frame["epochs"]) == [1] * 9 + [3] * 3
    best = frame[:9].sort_values("score").head(3)
    assert set(frame["learning_rate"][9:]) == set(best["learning_rate"])


@pytest.mark.parametrize("receptive_field", ["narrow", "prune"])
def test_proposals_that_break_a_limit_are_repaired(receptive_field: str) -> None:
    study = make(
        "waves", "keras-tuner:random", Constraints(receptive_field=receptive_field, max_params=700)
    )
    frame = run(study, 12)
    assert len(frame) == 12  # none was pruned for a limit
    limits = study.definition.task_space().limits
    assert all(
        limits.parameters(study.results.architecture_of(trial)) <= 700 for trial in frame["trial"]
    )


def test_a_stale_trial_is_tried_again_and_told_to_the_oracle_once() -> None:
    whole = run(make("whole", "keras-tuner:hyperband"), 12)
    study = make("stale", "keras-tuner:hyperband")
    frame = run(study, 12, Synthetic({4: "stale", 7: "failed"}))
    assert list(frame["ended"]).count("stale") == 1
    # The stale trial counts with the result of its second try; Hyperband cannot use the failed one.
    kept = frame[~frame["ended"].isin(["stale", "failed"])]
    assert set(kept["learning_rate"]) <= set(whole["learning_rate"]) | set(
        frame["learning_rate"][-2:]
    )
    retried = frame[frame["learning_rate"] == frame["learning_rate"][4]]
    assert {"stale", "complete"} <= set(retried["ended"])
    assert (retried[retried["ended"] == "complete"]["epochs"] == 1).any()


def test_a_stopped_run_continues() -> None:
    study = make("pruned", "keras-tuner:random")
    with pytest.raises(KeyboardInterrupt):
        run(study, 6, Synthetic(interrupt_at=3))
    frame = run(study, 6)
    assert study.finished == 6
    whole = run(make("whole", "keras-tuner:random"), 6)
    assert set(whole["learning_rate"]) == set(frame["learning_rate"])


def test_keras_tuner_does_not_end_the_search_after_failures() -> None:
    study = make("waves", "keras-tuner:random")
    statuses = dict.fromkeys(
        (1, 2, 3, 4), "out_of_memory"
    )  # KerasTuner itself would end after three
    assert list(run(study, 7, Synthetic(statuses))["ended"]).count("out_of_memory") == 4


def test_a_study_ends_when_its_space_is_exhausted() -> None:
    few = small_space(levels=4, learning_rate=[1e-3, 1e-2])
    study = Study("few", TASK, few, search=SearchSettings(sampler="keras-tuner:random"))
    run(study, 20)
    assert study.finished == 4
    assert study.ended_early == "KerasTuner has nothing more to try"


def test_several_objectives_are_refused() -> None:
    with pytest.raises(
        InputError, match=r'^sampler "keras-tuner:random" takes one objective. Received: 2$'
    ):
        SearchSettings(sampler="keras-tuner:random", objectives=("val_loss", "params"))


@pytest.mark.parametrize(
    ("engine", "tuner", "own", "used"),
    [
        (None, None, "gp", "gp"),
        ("optuna", None, "gp", "gp"),
        ("optuna", None, "keras-tuner:random", "tpe"),
        ("keras-tuner", None, "gp", "keras-tuner:hyperband"),
        ("keras-tuner", None, "keras-tuner:random", "keras-tuner:random"),
        ("keras-tuner", "bayesian", "keras-tuner:random", "keras-tuner:bayesian"),
    ],
)
def test_the_sampler_of_an_engine(
    engine: str | None, tuner: str | None, own: str, used: str
) -> None:
    assert _sampler_of_engine(argparse.Namespace(engine=engine, tuner=tuner), own) == used


class Waiting:
    """Proposes a trial, then nothing until it is told a result, then another trial."""

    def __init__(self) -> None:
        self.names = ["first", "second"]
        self.told = True

    def __iter__(self) -> Waiting:
        return self

    def __next__(self) -> EnqueuedTrial:
        if not self.told or not self.names:
            raise StopIteration
        self.told = False
        return EnqueuedTrial(self.names.pop(0), {"x": 0.5})


def test_proposals_that_wait_for_results_are_asked_again() -> None:
    study = optuna.create_study()
    waiting = Waiting()
    queue = TrialQueue(study, waiting, only="nothing more to try")
    assert queue.prepare()
    trial = study.ask()
    assert not queue.prepare()
    study.tell(trial, 1.0)
    waiting.told = True
    assert queue.prepare()
    assert study.ask().user_attrs["planned"] == "second"
    waiting.told = True
    assert not queue.prepare()


def test_the_tuner_option_needs_the_engine_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "mine.toml", "--tuner", "random"]) == 2
    assert (
        "--tuner goes with --engine keras-tuner. Received: --tuner random"
        in capsys.readouterr().err
    )


def test_a_second_try_that_was_killed_at_once_is_told_with_the_third() -> None:
    """Otherwise KerasTuner would take a trial for failed that is still to come."""
    study = make("waves", "keras-tuner:hyperband")
    with pytest.raises(KeyboardInterrupt):
        run(study, 12, Synthetic(interrupt_at=3))  # trial 2 is stale, and enqueued again
    killed = study._handle.optuna_study.ask()  # its second try, whose process ends here
    assert killed.user_attrs["retry_of"] == 2
    run(study, 12)
    whole = run(make("whole", "keras-tuner:hyperband"), 12)
    complete = study.trials().query("ended == 'complete'")
    assert sorted(complete["score"]) == sorted(whole["score"])


@pytest.mark.parametrize("hours", [-5, 5])
def test_clocks_of_other_time_zones_do_not_matter(hours: int) -> None:
    study = make("waves", "keras-tuner:random")
    whole = run(make("whole", "keras-tuner:random"), 8)
    run(study, 5)
    with sqlite3.connect("runs/studies.db") as database:
        for column in ("datetime_start", "datetime_complete"):
            database.execute(
                f"UPDATE trials SET {column} = datetime({column}, '{hours} hours') WHERE number IN (1, 3)"
            )
    frame = run(load_study("waves"), 8)
    assert list(frame["learning_rate"]) == list(whole["learning_rate"])


def test_diverged_trials_are_told_as_failed_in_a_continued_study_too() -> None:
    statuses = {0: "diverged", 4: "diverged"}
    whole = run(make("whole", "keras-tuner:hyperband"), 12, Synthetic(statuses))
    study = make("parts", "keras-tuner:hyperband")
    run(study, 6, Synthetic(statuses))
    parts = run(study, 12)
    pd.testing.assert_frame_equal(whole[ASKED], parts[ASKED])
    assert not set(whole["learning_rate"][[0, 4]]) & set(whole["learning_rate"][9:])
