"""Several objectives: the Pareto front, limits on cost, and the figures of a report."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from tcn_search import (
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    write_report,
)
from tcn_search.errors import InputError
from tcn_search.trial_status import TrialStatus
from tests.conftest import waves
from tests.search.test_ranking import Scripted
from tests.study.synthetic import Synthetic


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = Study(
        "waves",
        Task.from_arrays(*waves(24)),
        SearchSpace(nb_filters=[4, 8, 16], kernel_size=Range(2, 5), levels=Range(1, 5)),
        training=TrainingSettings(epochs=2),
        search=SearchSettings(
            objectives=("val_loss", "params", "latency"), sampler="random", warm_start=False
        ),
    )
    study.run(12, executor=Synthetic(), on_progress=lambda progress: None)
    return study


def test_the_front_has_the_trials_that_no_other_dominates(study: Study) -> None:
    frame = study.trials().set_index("trial")
    assert set(frame["ended"]) == {"complete"}  # with several objectives nothing is pruned
    costs = frame[["score", "parameters", "levels"]]  # the made-up latency is the number of levels
    front = study.pareto()
    for number, row in costs.iterrows():
        beaten = ((costs <= row).all(axis=1) & (costs < row).any(axis=1)).any()
        assert (number in set(front["trial"])) == (not beaten)
    assert front["val_loss"].is_monotonic_increasing
    assert front["params"].tolist() == front["parameters"].tolist()
    assert study.best_trial == front["trial"][0]


def test_the_best_within_limits(study: Study) -> None:
    frame = study.trials()
    most = int(frame["parameters"].median())
    (best,) = study.candidates(limits={"params": most})
    allowed = frame[frame["parameters"] <= most]
    assert best.trial == allowed.loc[allowed["score"].idxmin(), "trial"]
    few = study.candidates(20, limits={"params": most, "latency": 3, "multiply_adds": 1e9})
    assert {candidate.architecture.levels for candidate in few} <= {1, 2, 3}
    for limits, message in (
        ({"params": 1}, "No complete trial of the study 'waves' is within the limits: params 1."),
        (
            {"seconds": 1},
            "A limit must be on one of params, multiply_adds, latency. Received: 'seconds'",
        ),
        ({"params": -1}, "The limit on params must be a number above 0. Received: -1"),
    ):
        with pytest.raises(InputError) as error:
            study.candidates(limits=limits)
        assert str(error.value) == message


def test_the_report_has_a_figure_for_each_cost(study: Study) -> None:
    folder = write_report(study)
    assert (folder / "pareto_params.png").stat().st_size > 5_000
    assert "Score and latency" in (folder / "report.html").read_text()


def test_trials_that_their_time_limit_ended_are_within_limits_on_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search = SearchSettings(objectives=("val_accuracy", "latency"), warm_start=False)
    study = Study(
        "late", Task.from_arrays(*waves(24)), training=TrainingSettings(epochs=2), search=search
    )
    late = Scripted((0.5, 0.1), (0.7, 0.1))
    late.status = TrialStatus.TIMED_OUT
    study.run(2, executor=late, on_progress=lambda progress: None)
    (best,) = study.candidates(limits={"params": 10**9})
    assert best.trial == 1
    with pytest.raises(InputError, match="is within the limits: latency 1,000"):
        study.candidates(limits={"latency": 1_000})
