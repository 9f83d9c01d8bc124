"""Killed between any two writes to the storage, a study loses at most what was running."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from tcn_search import Range, SearchSettings, SearchSpace, Study, Task, TrainingSettings, load_study
from tcn_search.search.trial_record import TrialRecord
from tcn_search.storage import lease
from tcn_search.study import changes
from tests.conftest import waves
from tests.study.synthetic import Synthetic

WRITES = (
    "create_new_study",
    "set_study_user_attr",
    "create_new_trial",
    "set_trial_param",
    "set_trial_state_values",
    "set_trial_intermediate_value",
    "set_trial_user_attr",
    "set_trial_system_attr",
)
TASK = Task.from_arrays(*waves(24))
WANTED = 4


class Killed(BaseException):
    """An exception that no code may catch."""


class Switch:
    """Lets a number of writes through, then none, as if the process had been killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: float = float("inf")
        self.before = True
        self.writes = 0
        for name in WRITES:
            self._guard(monkeypatch, name, getattr(optuna.storages.RDBStorage, name))

    def _guard(self, monkeypatch: pytest.MonkeyPatch, name: str, original: Any) -> None:
        def guarded(storage: Any, *arguments: Any, **options: Any) -> Any:
            self.writes += 1
            self.left -= 1
            if self.left < 0 or (self.left == 0 and self.before):
                raise Killed
            result = original(storage, *arguments, **options)
            if self.left == 0:
                raise Killed
            return result

        monkeypatch.setattr(optuna.storages.RDBStorage, name, guarded)


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switch]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        lease.Lease, "let_go", lambda self: self._give_up()
    )  # as if the process were gone
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return Switch(monkeypatch)


def make(name: str) -> Study:
    space = SearchSpace(
        nb_filters=[4, 8], kernel_size=Range(2, 4), levels=Range(3, 5), nb_stacks=[1]
    )
    settings = SearchSettings(sampler="random", pruner="none")
    return Study(name, TASK, space, training=TrainingSettings(epochs=2), search=settings)


def run(study: Study, executor: Synthetic | None = None) -> None:
    study.run(WANTED, executor=executor or Synthetic(), on_progress=lambda progress: None)


def ended(study: Study) -> dict[int, TrialRecord]:
    states = (TrialState.COMPLETE, TrialState.PRUNED)
    return {trial.number: trial for trial in study.results.records() if trial.state in states}


def check(study: Study, before: dict[int, TrialRecord]) -> None:
    trials = study.results.records()
    assert study.finished == WANTED
    assert {trial.state for trial in trials} <= {
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.FAIL,
    }
    for number, trial in before.items():
        assert trials[number] == trial, "what was recorded has changed"
    for trial in trials:
        is_second_try = trial.retry_of is not None and trial.architecture is not None
        if trial.state is not TrialState.FAIL or is_second_try:
            continue
        retries = [other for other in trials if other.retry_of == trial.number]
        assert len(retries) == 1, "a stale trial is run again once"
        wanted = {**trial.enqueued, **trial.suggested}
        assert wanted.items() <= {**retries[0].enqueued, **retries[0].suggested}.items()
        if retries[0].state is not TrialState.FAIL:
            assert wanted.items() <= retries[0].suggested.items(), (
                "it is run again with the same parameters"
            )


def writes_of_a_run(switch: Switch) -> int:
    switch.writes = 0
    run(make("whole"))
    return switch.writes


def kill_at(switch: Switch, write: int, before: bool) -> None:
    """Kill a run at a write, continue it, and compare the trials with those it had recorded."""
    name = f"{write}-{before}"
    study = make(name)
    switch.left, switch.before = write, before
    with pytest.raises(Killed):
        run(study, Synthetic({1: "stale"}))
    switch.left = float("inf")
    record = ended(load_study(name))
    again = load_study(name)
    run(again)
    check(again, record)
    assert len(again.results.records()) <= WANTED + 4


def test_a_run_killed_at_some_writes_loses_no_record(switch: Switch) -> None:
    total = writes_of_a_run(switch)
    assert total > 15
    for number, write in enumerate(range(1, total, max(1, total // 10))):
        kill_at(switch, write, before=number % 2 == 0)


@pytest.mark.slow
def test_a_run_killed_before_or_after_any_write_loses_no_record(
    switch: Switch,
) -> None:
    for write in range(1, writes_of_a_run(switch)):
        for before in (True, False):
            kill_at(switch, write, before)


def test_a_creation_killed_at_any_write_is_resumed(switch: Switch) -> None:
    make("whole")
    known = load_study("whole")
    for write in range(1, switch.writes + 1):
        for before in (True, False):
            name = f"made-{write}-{before}"
            switch.left, switch.before = write, before
            with pytest.raises(Killed):
                make(name)
            switch.left = float("inf")
            study = make(name)
            assert study.results.start == known.results.start
            assert study.definition == known.definition
            assert changes.stored_versions(study._handle.optuna_study) == changes.stored_versions(
                known._handle.optuna_study
            )
    run(study)
    assert study.finished == WANTED


def test_a_change_is_recorded_although_a_kill_interrupts_its_acceptance(switch: Switch) -> None:
    for write in range(1, 4):
        study = make(f"changed-{write}")
        run(study)
        switch.left, switch.before = write, write < 3
        with suppress(Killed):
            changed(study.name)
        switch.left = float("inf")
        changed(study.name)
        now = load_study(study.name)
        assert now.definition.training.epochs == 3
        assert {line for change in now.changes for line in change["what"]} == {
            "training.epochs: 2 in the study, 3 now"
        }


def changed(name: str) -> None:
    study = Study(name, training=TrainingSettings(epochs=3), allow_changes=True)
    study.run(WANTED + 1, executor=Synthetic(), on_progress=lambda progress: None)


def test_a_run_killed_again_and_again_reaches_its_number_of_trials(switch: Switch) -> None:
    make("again")
    record: dict[int, TrialRecord] = {}
    for write in (5, 30, 17, 3, 41, 12, 26):
        switch.left = write
        study = load_study("again")
        with suppress(Killed):
            run(study)
        switch.left = float("inf")
        now = ended(load_study("again"))
        assert {number: now[number] for number in record} == record
        record = now
    study = load_study("again")
    run(study)
    assert study.finished == WANTED
    assert {number: study.results.records()[number] for number in record} == record
