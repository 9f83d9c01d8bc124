"""Warm start, grid search, and patience."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from tcn_search import (
    Architecture,
    Constraints,
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
    load_task,
)
from tcn_search.errors import InputError
from tcn_search.search.known_configurations import cheapest, middle
from tcn_search.search.portfolio import portfolio
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.executor import Owner
from tcn_search.workers.trial import TrialJob, TrialOutcome
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space

TASK = Task.from_arrays(*waves(24))
SMALL = small_space(kernel_size=Range(2, 3), levels=Range(2, 4))
PAPER = SearchSpace(
    nb_filters=[10, 24, 64], kernel_size=Range(2, 8), levels=Range(1, 9), padding="causal"
)


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def make(name: str = "waves", space: SearchSpace = SMALL, **changes: Any) -> Study:
    return Study(name, TASK, space, **{"training": TrainingSettings(epochs=1), **changes})


def run(study: Study, trials: int, executor: Synthetic | None = None, **options: Any) -> Synthetic:
    executor = executor or Synthetic()
    study.run(trials, executor=executor, on_progress=lambda progress: None, **options)
    return executor


@pytest.mark.parametrize("sampler", ["random", "optuna.samplers.QMCSampler"])
def test_the_portfolio_is_tried_first(sampler: str) -> None:
    study = make(space=PAPER, search=SearchSettings(sampler=sampler))
    start = study.results.start
    assert [trial.name for trial in start.trials] == [
        f"portfolio: {entry.name}" for entry in portfolio().configurations
    ]
    assert start.outside == ()
    jobs = run(study, 2).jobs
    first = jobs[0].architecture
    assert (first.nb_filters, first.kernel_size, first.dilations) == (24, 8, (1, 2, 4))
    assert (first.norm, first.readout, first.padding) == ("batch", "average", "causal")
    assert first.use_skip_connections is False
    assert (jobs[0].settings.learning_rate, jobs[0].settings.dropout_rate) == (3e-3, 0.0)


def test_where_nothing_known_fits_the_cheapest_network_and_a_middle_one_are_tried() -> None:
    space = SearchSpace(**{**PAPER.to_dict(), "activation": ["tanh"], "norm": "none"})
    space = SearchSpace(**{**space.to_dict(), "use_skip_connections": False})
    study = make(space=space)
    assert [trial.name for trial in study.results.start.trials] == ["cheapest", "middle"]
    assert len(study.results.start.outside) == len(portfolio().configurations)
    cheapest, middle, other = (job for job in run(study, 3).jobs)
    limits = study.definition.task_space().limits
    assert limits.parameters(cheapest.architecture) < limits.parameters(other.architecture)
    assert cheapest.architecture.receptive_field >= 16
    assert middle.architecture == Architecture(
        24, 5, (1, 2), use_skip_connections=False, activation="tanh"
    )  # receptive field 1 + 2 · 4 · 3 = 25, of one level 9


def test_the_middle_configuration_keeps_the_limits_of_the_study() -> None:
    space = SearchSpace(
        **{**PAPER.to_dict(), "dilations": [[1, 2], [1, 2, 4, 8, 16]], "levels": None}
    )
    limited = make("limited", space, constraints=Constraints(max_params=8_000))
    filled = limited.definition.task_space()
    middle_one = middle(filled, "last", "relu")
    assert (middle_one.nb_filters, middle_one.kernel_size, middle_one.dilations) == (24, 4, (1, 2))
    assert filled.limits.parameters(middle_one) <= 8_000


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        (Range(1e-4, 1e-2, log=True), (3e-3, 2e-3)),
        (Range(5e-3, 1e-2, log=True), (5e-3, 5e-3)),
        ([0.5, 2, 4], (0.5, 0.5)),
        (Range(0.0005, 0.0045, step=0.002), (0.0025, 0.0025)),
        ([1e-3], (1e-3, 1e-3)),
    ],
)
def test_the_portfolio_takes_the_nearest_learning_rates(
    given: Any, rates: tuple[float, float]
) -> None:
    study = make(space=SearchSpace(**{**PAPER.to_dict(), "learning_rate": given}))
    tried = [job.settings.learning_rate for job in run(study, 2).jobs]
    assert tried == pytest.approx(list(rates))


def test_a_learning_rate_that_is_not_searched_stays_that_of_the_study() -> None:
    space = SearchSpace.from_dict({**PAPER.to_dict(), "learning_rate": None})
    study = make(space=space, training=TrainingSettings(epochs=1, learning_rate=0.007))
    assert [job.settings.learning_rate for job in run(study, 2).jobs] == [0.007] * 2


def test_configurations_outside_the_space_are_counted_not_listed() -> None:
    study = make(space=SearchSpace(**{**PAPER.to_dict(), "norm": ["batch"]}))
    outside = study.results.start.outside
    assert "portfolio: maximum, weight norm (norm weight)" in outside
    assert str(study.results.start).endswith(
        f"; {len(outside)} known configurations outside the space"
    )
    assert "norm weight" not in str(study.results.start)


def test_the_cheapest_configuration_has_the_norm_with_the_fewest_parameters() -> None:
    space = SearchSpace(**{**SMALL.to_dict(), "norm": ["batch", "weight"]})
    parameters = {
        norm: _parameters(SearchSpace(**{**SMALL.to_dict(), "norm": [norm]}))
        for norm in ("batch", "weight")
    }
    study = make(space=space, constraints=Constraints(max_params=parameters["batch"] - 1))
    (job,) = run(study, 1).jobs
    assert job.architecture.norm == "weight"
    assert (
        study.definition.task_space().limits.parameters(job.architecture)
        == parameters["weight"]
        < parameters["batch"]
    )


def _parameters(space: SearchSpace) -> int:
    """Count the parameters of the cheapest architecture of a space."""
    filled = space.for_task("classification", 16, 2, 2)
    return filled.limits.parameters(cheapest(filled, "last", "relu"))


def test_networks_of_the_paper_are_for_tasks_that_must_see_far_back() -> None:
    adding = load_task("adding", seq_len=500, train_size=16, validation_size=8, test_size=8)
    space = SearchSpace(nb_filters=[24, 25, 27], padding="causal")
    start = Study("adding", adding, space).results.start
    names = [trial.name for trial in start.trials]
    assert names[:2] == ["Bai et al. adding 600", "Bai et al. adding 400"]  # the nearest two
    assert not any(name.startswith("Bai") for name in names[2:])
    assert "Bai et al. PTB words (optimizer sgd)" in start.outside
    covering = {e.enqueued_as for e in portfolio().configurations if e.architecture.is_covering}
    assert set(names[2:]) <= covering
    assert not any(name.startswith("Bai") for name in _names(make(space=PAPER)))


def test_the_text_networks_of_the_paper_come_with_their_learning_rate() -> None:
    text = SearchSpace(
        nb_filters=600,
        kernel_size=3,
        levels=4,
        nb_stacks=1,
        padding="causal",
        dropout_rate=[0.5],
        learning_rate=Range(0.5, 8, log=True),
    )
    training = TrainingSettings(epochs=1, optimizer="sgd", schedule="plateau", clip_norm=0.4)
    task = replace(TASK, spec=replace(TASK.spec, context_reason="words depend on words before"))
    first = Study("text", task, text, training=training).results.start.trials[0]
    assert first.name == "Bai et al. PTB words"
    assert first.parameters["learning_rate"] == 4.0


def _names(study: Study) -> list[str]:
    return [trial.name for trial in study.results.start.trials]


def test_a_start_from_another_study_brings_no_batch_size() -> None:
    run(
        make(
            "old",
            search=SearchSettings(warm_start=False),
            training=TrainingSettings(epochs=1, batch_size=5),
        ),
        4,
    )
    new = make(
        "new",
        search=SearchSettings(warm_start=False),
        start_from="old",
        training=TrainingSettings(epochs=1, batch_size=16),
    )
    assert len(new.results.start.trials) >= 1
    assert new.results.start.outside == ()
    assert {job.settings.batch_size for job in run(new, 2).jobs} == {16}


def test_the_warm_start_happens_once_and_can_be_left_out() -> None:
    first = run(make(space=PAPER), 2).jobs
    again = run(make(space=PAPER), 4).jobs
    assert again[0].architecture not in [job.architecture for job in first]
    assert "WAITING" not in set(make(space=PAPER).trials()["state"])
    assert make("cold", search=SearchSettings(warm_start=False)).results.start == ((), ())


def test_a_study_starts_from_anothers_best() -> None:
    run(make("old", search=SearchSettings(warm_start=False)), 7)
    new = make("new", space=SMALL, search=SearchSettings(warm_start=False), start_from="old")
    best = [candidate.architecture for candidate in make("old").candidates(5)]
    assert len(new.results.start.trials) >= 1
    jobs = run(new, len(new.results.start.trials)).jobs
    assert jobs[0].architecture == best[0]
    assert {job.architecture for job in jobs} <= set(best)
    narrow = make("narrow", SearchSpace(**{**SMALL.to_dict(), "nb_filters": [5]}), start_from="old")
    assert any(
        line.startswith("old trial") and "nb_filters" in line
        for line in narrow.results.start.outside
    )
    with pytest.raises(InputError, match="There is no study 'none' in the storage"):
        make("other", start_from="none")


def test_a_trial_that_the_portfolio_has_too_is_known_by_the_portfolios_name() -> None:
    old = make("old", space=PAPER)
    run(old, 3)
    names = _names(make("new", space=PAPER, start_from="old"))
    known = [entry.enqueued_as for entry in portfolio().configurations]
    assert sorted(names) == sorted(known)
    assert old.best_trial is not None
    assert names[0] == known[old.best_trial]


def test_the_grid_tries_every_feasible_point_once_and_ends() -> None:
    study = make(search=SearchSettings(sampler="grid"))
    run(study, 3)
    run(make(search=SearchSettings(sampler="grid")), 100)
    frame = study.trials()
    points = frame[["nb_filters", "kernel_size", "levels", "learning_rate"]]
    feasible = study.definition.task_space().geometry.feasible
    assert len(points) == len(points.drop_duplicates()) == len(feasible) * 4 == study.finished
    again = make(search=SearchSettings(sampler="grid"))
    assert run(again, 100).jobs == []
    assert again.ended_early == "every point of the grid has been tried"


def test_a_grid_tries_a_network_of_one_level_once_for_all_bases() -> None:
    """One level is the same with every base."""
    space = SearchSpace(
        **{**SMALL.to_dict(), "kernel_size": [9], "levels": [1, 2], "dilation_base": [2, 3]}
    )
    study = make(space=space, search=SearchSettings(sampler="grid"))
    jobs = run(study, 1_000).jobs
    made = [(job.architecture, job.settings) for job in jobs]
    assert len(made) == len(set(made)) == study.finished
    assert {job.architecture.levels for job in jobs} == {1, 2}


@pytest.mark.parametrize("sampler", ["grid", "keras-tuner:random"])
def test_a_start_is_refused_if_the_sampler_takes_no_proposals(sampler: str) -> None:
    make("old")
    with pytest.raises(
        InputError, match=rf'needs a sampler that takes proposals. Received: sampler "{sampler}"'
    ):
        make("new", search=SearchSettings(sampler=sampler), start_from="old")


def test_a_larger_grid_does_not_repeat_its_trials() -> None:
    grid = SearchSettings(sampler="grid")
    run(make(search=grid), 100)
    longer = SearchSpace(**{**SMALL.to_dict(), "kernel_size": Range(2, 4)})
    study = make(space=longer, search=grid, allow_changes=True)
    run(study, 100)
    points = study.trials()[["nb_filters", "kernel_size", "levels", "learning_rate"]]
    assert len(points) == len(points.drop_duplicates())
    assert len(points) == len(study.definition.task_space().geometry.feasible) * 4


def test_the_last_point_of_a_grid_is_tried_again_if_it_is_stale() -> None:
    class TwoAtOnce(Synthetic):
        """Asks for the next job before it tells the outcome of the last; the last job is stale once."""

        def run(self, owner: Owner) -> None:
            held: TrialJob | None = None
            was_stale = False
            while True:
                job = owner.next_job()
                if job is None and held is None:
                    return
                if held is not None:
                    status = TrialStatus.STALE
                    if job is not None or was_stale:
                        status = TrialStatus.COMPLETE
                    was_stale = was_stale or status is TrialStatus.STALE
                    outcome = TrialOutcome(
                        number=held.number,
                        status=status,
                        score=0.5,
                        best_epoch=1,
                        curve=[{"val_loss": 0.5}],
                        parameters=100,
                    )
                    owner.finish(outcome)
                held = job

    study = make(search=SearchSettings(sampler="grid"))
    study.run(100, executor=TwoAtOnce(), on_progress=lambda progress: None)
    assert list(study.trials()["ended"]).count("stale") == 1
    assert study.finished == len(study.definition.task_space().geometry.feasible) * 4
    assert study.ended_early == "every point of the grid has been tried"


def test_a_grid_leaves_out_points_that_break_another_limit() -> None:
    study = make(search=SearchSettings(sampler="grid"), constraints=Constraints(max_params=500))
    run(study, 100)
    frame = study.trials()
    assert set(frame["ended"]) <= {"complete", "pruned"}  # never infeasible
    assert (frame["parameters"] <= 500).all()


def test_a_grid_over_a_range_without_steps_is_refused() -> None:
    space = SearchSpace(**{**SMALL.to_dict(), "dropout_rate": Range(0.0, 0.3)})
    with pytest.raises(InputError) as error:
        make(space=space, search=SearchSettings(sampler="grid"))
    assert str(error.value) == (
        'sampler "grid" needs a list or a step for dropout_rate. Received: a range from 0.0 to 0.3 without a step'
    )
    assert not Path("runs").exists()
    stepped = SearchSpace(**{**SMALL.to_dict(), "dropout_rate": Range(0.0, 0.3, step=0.1)})
    study = make(space=stepped, search=SearchSettings(sampler="grid"))
    run(study, 20)
    assert set(study.trials()["dropout_rate"].round(9)) == {0.0, 0.1, 0.2, 0.3}


def test_a_search_without_improvement_ends() -> None:
    study = make(search=SearchSettings(sampler="random", seed=1))
    run(study, 200, patience=6)
    trials = study.trials()
    scores = trials["score"][trials["ended"] != "duplicate"].reset_index(drop=True)
    assert study.finished == scores.idxmin() + 1 + 6
    assert study.ended_early == "no better trial among the last 6"
    run(study, study.finished + 1, patience=6)
    assert study.finished == len(scores)  # it counts over runs
    with pytest.raises(InputError, match="patience must be an integer of at least 1. Received: 0"):
        study.run(3, patience=0)


def test_networks_that_are_too_large_do_not_use_up_the_patience() -> None:
    study = make(search=SearchSettings(sampler="random", seed=1))
    first_five = dict.fromkeys(range(5), "too_large")
    run(study, 2, executor=Synthetic(first_five), patience=3)
    assert study.finished == 2
    assert study.ended_early == ""


def test_a_range_of_one_number_is_a_grid_of_one_value() -> None:
    space = SearchSpace(**{**SMALL.to_dict(), "dropout_rate": Range(0.1, 0.1)})
    grid = make("grid", space=space, search=SearchSettings(sampler="grid"))
    run(grid, 1_000)
    sampled = make("sampled", space=space, search=SearchSettings(pruner="none"))
    run(sampled, 1_000)
    assert sampled.finished == grid.finished
    assert sampled.ended_early == "every configuration of the space has been trained"


def test_a_point_of_a_grid_is_not_lost_by_stopping_its_second_try_too() -> None:
    study = make(search=SearchSettings(sampler="grid"))
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            run(study, 1_000, executor=Synthetic(interrupt_at=1))
    run(study, 1_000)
    assert study.finished == len(study.definition.task_space().geometry.feasible) * 4
    assert study.ended_early == "every point of the grid has been tried"
