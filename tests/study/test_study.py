"""Studies: storage, continuation, retries and refused arguments. Nothing is trained here."""

from __future__ import annotations

import os
import signal
import sys
import threading
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from tcn_search import (
    Constraints,
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    delete_study,
    list_studies,
    load_study,
    load_task,
)
from tcn_search.errors import InputError, LeaseError, TcnSearchError, TrialsFailedError
from tcn_search.search.interrupts import interrupts_heard
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tests.conftest import waves
from tests.study.synthetic import Synthetic

TASK = Task.from_arrays(*waves(24))
SPACE = SearchSpace(
    nb_filters=[4, 8, 16], kernel_size=Range(2, 5), levels=Range(1, 5), nb_stacks=[1, 2]
)
TRAINING = TrainingSettings(epochs=9)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(name: str = "waves", task: Task | None = TASK, **changes: Any) -> Study:
    return Study(name, task, **{"space": SPACE, "training": TRAINING, **changes})


def quiet(progress: object) -> None:
    pass


def run(study: Study, trials: int, executor: Synthetic | None = None, **options: Any) -> Synthetic:
    executor = executor or Synthetic()
    study.run(trials, executor=executor, on_progress=quiet, **options)
    return executor


def test_a_run_ends_with_exactly_the_finished_trials_asked_for() -> None:
    study = make()
    executor = run(study, 12)
    frame = study.trials()
    assert study.finished == 12 == len(frame)
    assert set(frame["ended"]) == {"complete", "pruned"}  # the pruner had something to do
    assert executor.closed
    of_one_step = frame[frame["readout"] == "last"]
    assert (of_one_step["receptive_field"] >= 16).all()
    assert (of_one_step["required_context"] == 16).all()
    pooled = frame[frame["readout"] != "last"]
    assert pooled["required_context"].isna().all()
    assert (pooled["output_receptive_field"] == 16).all()
    complete = frame[frame["ended"] == "complete"]
    assert study.best_score == complete["score"].min()
    assert study.best_architecture == study.results.architecture_of(
        int(complete.loc[complete["score"].idxmin(), "trial"])
    )


def test_running_again_continues_until_there_are_enough_trials() -> None:
    run(make(search=SearchSettings(warm_start=False)), 5)
    again = load_study("waves")
    assert again.finished == 5
    run(again, 8)
    assert again.finished == 8
    before = again.trials()
    assert run(again, 8).jobs == []
    assert again.trials().equals(before)
    asked = ["nb_filters", "kernel_size", "learning_rate", "dropout_rate"]
    assert len(before.drop_duplicates(asked)) == 8  # the sampler did not start over


def test_the_same_seed_gives_the_same_study() -> None:
    frames = []
    for name in "ab":
        study = make(name, search=SearchSettings(seed=5))
        run(study, 10)
        frames.append(study.trials().drop(columns=["started", "completed"]))
    assert frames[0].equals(frames[1])
    other = make("c", search=SearchSettings(seed=6))
    run(other, 10)
    assert not frames[0].equals(other.trials().drop(columns=["started", "completed"]))


def test_every_trial_stores_its_curve_and_settings() -> None:
    study = make(search=SearchSettings(pruner="none"))
    executor = run(study, 3)
    curves = study.learning_curves()
    assert list(curves.groupby("trial").size()) == [9, 9, 9]
    frame = study.trials().set_index("trial")
    for job in executor.jobs:
        row = frame.loc[job.number]
        assert row["learning_rate"] == job.settings.learning_rate
        assert row["dilations"] == ",".join(map(str, job.architecture.dilations))
        assert row["parameters"] > 0
        assert row["score"] == pytest.approx(
            curves[curves["trial"] == job.number]["val_loss"].min()
        )


def test_the_frame_has_the_seconds_of_each_phase() -> None:
    study = make()
    run(
        study,
        2,
        executor_with_seconds(
            {
                "build": 1.0,
                "compile": 2.0,
                "training": 3.0,
                "between": 0.5,
                "validation": 1.0,
                "total": 10.0,
            }
        ),
    )
    row = study.trials().iloc[0]
    phases = ("build", "compile", "training", "validation")
    assert [row[f"seconds_{phase}"] for phase in phases] == [1, 2, 3, 1]
    assert (row["seconds"], row["outside_share"], row["machine"]) == (
        10,
        pytest.approx(0.75),
        "here",
    )


def executor_with_seconds(seconds: dict[str, float]) -> Synthetic:
    """Return an executor whose trials took these seconds."""
    executor = Synthetic()
    outcome = executor._outcome
    executor._outcome = lambda *arguments: replace(
        outcome(*arguments), seconds=seconds, machine="here"
    )  # type: ignore[method-assign]
    return executor


def test_searched_settings_reach_trials_frame_and_winners() -> None:
    space = replace(
        SPACE, optimizer=["adam", "sgd"], batch_size=[4, 8], clip_norm=0.5, learning_rate=None
    )
    study = make(space=space, training=replace(TRAINING, learning_rate=0.3))
    jobs = {job.number: job.settings for job in run(study, 6).jobs}
    frame = study.trials()
    for row in frame.to_dict("records"):
        settings = jobs[row["trial"]]
        assert (row["optimizer"], row["batch_size"]) == (settings.optimizer, settings.batch_size)
        assert (settings.clip_norm, settings.learning_rate, settings.epochs) == (0.5, 0.3, 9)
    assert not {"clip_norm", "learning_rate"} & set(frame.columns)
    trials = study.results.best_trials(3)
    candidates = study.candidates(3)
    assert len(trials) == len(candidates) == 3
    for trial, candidate in zip(trials, candidates, strict=True):
        assert trial.trial == candidate.trial
        assert trial.settings == jobs[trial.trial]
        final = study.definition.final.training(trial.settings, epochs=72, refit=False)
        assert candidate.settings == final
        searched = ("optimizer", "batch_size", "clip_norm", "learning_rate")
        for name in searched:
            assert getattr(final, name) == getattr(trial.settings, name)


def test_infeasible_trials_are_pruned_without_training() -> None:
    study = make(
        constraints=Constraints("seq_len", receptive_field="prune"),
        search=SearchSettings(warm_start=False),
    )
    executor = run(study, 10)
    frame = study.trials()
    infeasible = frame[frame["ended"] == "infeasible"]
    assert len(infeasible) > 0
    assert study.finished == 10 == len(executor.jobs)
    assert set(infeasible["state"]) == {"PRUNED"}
    assert not set(infeasible["trial"]) & {job.number for job in executor.jobs}
    assert infeasible["reason"].str.contains("falls short of the required context 16").any()
    stored = optuna.load_study(study_name="waves", storage="sqlite:///runs/studies.db").trials
    for number in infeasible["trial"]:
        assert max(stored[number].constraints.values()) > 0
    for job in executor.jobs:
        assert not stored[job.number].constraints


def test_a_parameter_limit_is_kept() -> None:
    study = make(constraints=Constraints(max_params=700))
    executor = run(study, 6)
    limits = study.definition.task_space().limits
    assert all(limits.parameters(job.architecture) <= 700 for job in executor.jobs)
    reasons = study.trials()["reason"]
    assert reasons.str.contains("parameters are more than the 700 allowed").any()


def test_diverged_trials_count_and_stale_ones_are_run_again_once() -> None:
    study = make()
    executor = run(study, 5, Synthetic({1: "diverged", 2: "stale"}))
    frame = study.trials()
    assert list(frame["ended"]).count("diverged") == 1
    assert list(frame["ended"]).count("stale") == 1
    assert study.finished == 5
    stale = executor.jobs[2]
    retried = executor.jobs[3]
    assert (retried.architecture, retried.settings) == (stale.architecture, stale.settings)
    assert frame.set_index("trial").loc[stale.number, "state"] == "FAIL"


def test_a_trial_that_is_stale_twice_is_not_tried_again() -> None:
    study = make()
    executor = run(study, 4, Synthetic({0: "stale", 1: "stale"}))
    assert executor.jobs[0].architecture == executor.jobs[1].architecture
    assert study.finished == 4
    assert list(study.trials()["ended"]).count("stale") == 2


def test_a_single_event_that_takes_many_workers_does_not_end_a_run() -> None:
    """Five trials of a new study are stale at once; only a second stale try counts as a failure."""

    class Together(Synthetic):
        def run(self, owner: Owner) -> None:
            jobs = [job for _ in range(5) if (job := owner.next_job()) is not None]
            for job in jobs:
                owner.finish(
                    TrialOutcome(
                        number=job.number,
                        status=TrialStatus.STALE,
                        reason="its process ended with code -9.",
                    )
                )
            super().run(owner)

    study = make()
    run(study, 6, Together())
    assert study.finished == 6
    assert list(study.trials()["ended"]).count("stale") == 5
    with pytest.raises(
        TrialsFailedError,
        match="3 trials in a row ended in an error, the last with: stale on purpose",
    ):
        run(make("again"), 6, Synthetic(dict.fromkeys(range(9), "stale")))


def test_candidates_are_different_networks() -> None:
    """A network after few and after many epochs, as Hyperband trains it, is one candidate."""
    one = SearchSpace(
        nb_filters=4, kernel_size=5, levels=2, nb_stacks=1, norm="none", padding="causal"
    )
    one = replace(
        one, readout="last", use_skip_connections=True, learning_rate=None, dropout_rate=None
    )
    scores = iter([0.3, 0.1, 0.2])

    class Scores(Synthetic):
        def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
            return replace(super()._train(job, owner), score=next(scores))

    for trials, epochs in enumerate((9, 3, 6), start=1):
        study = make(
            space=one,
            search=SearchSettings(pruner="none"),
            training=replace(TRAINING, learning_rate=0.01, epochs=epochs),
            allow_changes=True,
        )
        run(study, trials, Scores())
    assert study.finished == 3
    assert [candidate.trial for candidate in study.candidates(3)] == [1]


def test_a_run_whose_every_trial_fails_ends_with_the_reason() -> None:
    study = make()
    with pytest.raises(
        TrialsFailedError,
        match=r"3 trials in a row ended in an error, the last with: failed on purpose",
    ):
        run(study, 9, Synthetic(dict.fromkeys(range(9), "failed")))
    assert len(study.trials()) == 3
    run(study, 2)
    assert study.finished == 2


def test_trials_that_run_into_a_limit_are_pruned_with_a_constraint() -> None:
    study = make()
    statuses = {1: "out_of_memory", 2: "timed_out", 3: "unbuildable", 4: "diverged"}
    run(study, 7, Synthetic(statuses))
    frame = study.trials().set_index("trial")
    assert study.finished == 7
    assert list(frame["ended"][1:5]) == list(statuses.values())
    assert set(frame["state"][1:5]) == {"PRUNED"}
    assert len(frame) == 8  # what could not be built does not count
    kept = optuna.load_study(study_name="waves", storage="sqlite:///runs/studies.db").trials
    for number, ended in {**statuses, 0: "complete"}.items():
        assert kept[number].constraints == ({} if ended == "complete" else {ended: 1.0})


def test_a_run_whose_every_trial_runs_into_a_limit_ends_with_the_reason() -> None:
    study = make()
    statuses = {0: "timed_out", **dict.fromkeys(range(1, 30), "out_of_memory")}
    with pytest.raises(TrialsFailedError) as caught:
        run(study, 30, Synthetic(statuses))
    assert str(caught.value) == (
        "5 trials in a row ended badly: 4 out of memory, 1 timed out. The last: out_of_memory on purpose. "
        "Smaller networks, smaller batches or fewer workers need less memory."
    )
    run(study, 6)
    with pytest.raises(TrialsFailedError, match="10 trials in a row ended badly: 10 out of memory"):
        run(study, 30, Synthetic(dict.fromkeys(range(30), "out_of_memory")))


def test_ctrl_c_enqueues_the_running_trial_again() -> None:
    study = make()
    executor = Synthetic(interrupt_at=3)
    with pytest.raises(KeyboardInterrupt):
        run(study, 6, executor)
    assert executor.closed
    assert "RUNNING" not in set(study.trials()["state"])
    stopped = executor.jobs[2]
    again = run(load_study("waves"), 6)
    assert (again.jobs[0].architecture, again.jobs[0].settings) == (
        stopped.architecture,
        stopped.settings,
    )
    assert load_study("waves").finished == 6


def test_ctrl_c_that_python_swallows_is_noticed_at_the_next_report(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = make()
    swallowed = list[object]()
    monkeypatch.setattr(sys, "unraisablehook", lambda what: swallowed.append(what.exc_type))
    before = signal.getsignal(signal.SIGINT)

    class Interrupted(Synthetic):
        def _train(self, job: TrialJob, owner: Owner) -> TrialOutcome:
            if len(self.jobs) == 2:
                thing = {1}
                watch = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
                del thing  # the callback gets the signal, and its KeyboardInterrupt goes no further
                assert watch() is None
            return super()._train(job, owner)

    executor = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run(study, 6, executor)
    assert swallowed == [KeyboardInterrupt]
    assert len(executor.jobs) == 2
    assert list(study.trials()["ended"])[:2] == ["complete", "stale"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_whose_handler_raises_nothing_is_no_interrupt() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        with interrupts_heard() as require_none:
            os.kill(os.getpid(), signal.SIGINT)
            require_none()  # another handler may do without an exception
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]


def test_a_study_runs_outside_the_main_thread() -> None:
    study = make()
    thread = threading.Thread(target=run, args=(study, 2))
    thread.start()
    thread.join()
    assert study.finished == 2


def test_running_trials_of_a_killed_run_become_stale() -> None:
    study = make()
    run(study, 2)
    running = optuna.load_study(study_name="waves", storage="sqlite:///runs/studies.db").ask()
    study.definition.task_space().suggest(running)
    assert "RUNNING" in set(study.trials()["state"])
    run(load_study("waves"), 4)
    frame = load_study("waves").trials()
    assert list(frame["ended"]).count("stale") == 1
    assert set(frame["state"]) <= {"COMPLETE", "PRUNED", "FAIL"}


def test_a_second_process_is_refused_with_the_name_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = make()

    class Busy(Synthetic):
        def run(self, owner: Any) -> None:
            with monkeypatch.context() as patched:
                patched.setattr(os, "getpid", lambda: os.getppid())
                with pytest.raises(
                    LeaseError, match=r"The study 'waves' is in use by process \d+ on "
                ):
                    run(load_study("waves"), 2)
            super().run(owner)

    run(study, 1, Busy())
    run(load_study("waves"), 2)


def test_progress_has_finished_trials_best_score_and_time_left() -> None:
    reports: list[Any] = []
    make().run(4, executor=Synthetic(), on_progress=reports.append)
    ended = [progress for progress in reports if progress.trial is not None]
    assert [progress.finished for progress in ended] == [1, 2, 3, 4]
    assert all(progress.wanted == 4 for progress in reports)
    assert reports[0].seconds_left is None
    assert ended[0].seconds_left is not None
    assert ended[-1].best == load_study("waves").best_score
    assert "TCN(nb_filters=" in ended[0].configuration


def test_a_timeout_starts_no_further_trial() -> None:
    study = make()
    run(study, 50, timeout=1e-9)
    assert study.finished == 0


def test_studies_can_be_listed_and_deleted() -> None:
    assert list_studies() == []
    assert not Path("runs").exists()
    make("one")
    make("two")
    assert list_studies() == ["one", "two"]
    delete_study("one")
    assert list_studies() == ["two"]
    with pytest.raises(
        InputError, match=r"There is no study 'one' in the storage. Its studies: two\."
    ):
        delete_study("one")


def test_a_study_from_a_file_finds_its_data_again(wave_file: Path) -> None:
    make("file", load_task(wave_file))
    again = load_study("file")
    assert len(again.task.train) == 32
    make("arrays")
    with pytest.raises(
        InputError, match="The study 'arrays' was made from arrays. Give them again"
    ):
        _ = load_study("arrays").task


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space": SearchSpace(nb_filters=[4], kernel_size=Range(2, 5), levels=Range(1, 5), nb_stacks=[1, 2])}, "space.nb_filters: [4, 8, 16] in the study, [4] now"),
        ({"task": Task.from_arrays(*waves(24, seed=8))}, "input_mean"),
        ({"task": Task.from_arrays(*waves(24, steps=20))}, "task.seq_len: 16 in the study, 20 now"),
        ({"training": TrainingSettings(epochs=10)}, "training.epochs: 9 in the study, 10 now"),
        ({"constraints": Constraints(max_params=9000)}, "constraints.max_params: None in the study, 9000 now"),
        ({"search": SearchSettings(seed=1)}, "search.seed: 0 in the study, 1 now"),
    ],
)  # fmt: skip
def test_another_definition_under_the_same_name_is_refused(
    changes: dict[str, Any], message: str
) -> None:
    make()
    before = Path("runs/studies.db").read_bytes()
    with pytest.raises(InputError) as error:
        make(**changes)
    assert message in str(error.value)
    assert str(error.value).startswith(
        "There is a study 'waves' already, with another definition: "
    )
    assert Path("runs/studies.db").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "a/b"}, "A study's name must be text that can be a folder's name. Received: 'a/b'"),
        ({"task": None}, "There is no study 'waves' in the storage. It has no studies yet."),
        ({"task": "waves.npz"}, "task must be a Task, from load_task(...) or Task.from_arrays(...). Received: 'waves.npz'"),
        ({"storage": "runs.db"}, "storage must be a database URL such as sqlite:///runs/studies.db. Received: runs.db"),
        ({"storage": "nosql://ann:secret@host/db"}, "nosql://ann:***@host/db is no database URL that can be used"),
        ({"storage": "sqlite:////proc/none/studies.db"}, "The study storage sqlite:////proc/none/studies.db cannot be used"),
        ({"search": SearchSettings(objectives=("val_accurracy",))}, "objective must be one of val_loss (minimize), val_accuracy (maximize), val_balanced_accuracy (maximize), val_f1 (maximize), params (minimize), multiply_adds (minimize), latency (minimize) for classification. Received: 'val_accurracy'"),
        ({"space": SearchSpace(kernel_size=2, levels=2, nb_stacks=1, readout="last")}, "No architecture of this space covers the required context of 16 steps"),
    ],
)  # fmt: skip
def test_bad_input_leaves_nothing_on_disk(
    arguments: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(TcnSearchError) as error:
        make(**arguments)
    assert message in str(error.value)
    assert "secret" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_bad_arguments_of_a_run_are_refused() -> None:
    study = make()
    with pytest.raises(InputError, match="trials must be an integer of at least 1. Received: 0"):
        study.run(0)
    with pytest.raises(InputError, match="timeout must be above 0 seconds. Received: -3"):
        study.run(1, timeout=-3)
    with pytest.raises(
        InputError, match="The study 'waves' has no complete trial yet. Run it first."
    ):
        _ = study.best_architecture


def test_a_file_that_cannot_be_written_is_refused_before_training() -> None:
    study = make()
    run(study, 2)
    Path("file").write_text("")
    for out in ("file/best.keras", "/proc/none/best.keras"):
        with pytest.raises(InputError, match=f"The model cannot be saved as {out}"):
            study.best(out=out, on_run=lambda made: pytest.fail("it trained"))
    assert (study.winner, study.test_evaluations) == (None, 0)


def test_a_study_keeps_the_backend_it_was_made_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    study = make()
    assert study.definition.backend == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    again = make(backend="auto")
    assert again.definition.backend == "tensorflow"
    assert {slot.environment["KERAS_BACKEND"] for slot in again.crew().slots} == {"tensorflow"}
    monkeypatch.setattr(
        "tcn_search.workers.backends.installed_backends", lambda: ["tensorflow", "jax"]
    )
    for change in (lambda: make(backend="jax"), lambda: Study("waves", backend="jax")):
        with pytest.raises(InputError, match="backend: tensorflow in the study, jax now"):
            change()
    assert make("another").definition.backend == "jax"
