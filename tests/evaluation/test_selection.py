"""Selection of the winner: re-runs, ranking, final trainings, ensemble and test evaluation."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tcn_search import FinalSettings, SearchSettings, SearchSpace, Study, Task, TrainingSettings
from tcn_search.errors import InputError
from tcn_search.evaluation import selection, winner_scores
from tcn_search.evaluation.final_plan import ranked
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.winner import Winner, evaluations_in_words
from tcn_search.planning.architecture import Architecture
from tcn_search.search.trial_record import Candidate
from tcn_search.study.study_values import winner_candidate
from tcn_search.tasks.kinds import Metric
from tcn_search.workers.job_data import JobData
from tcn_search.workers.trial import TrialJob
from tests.conftest import waves
from tests.evaluation.made_up import MadeUp, load, use_made_up_models
from tests.study.synthetic import Synthetic

SPACE = SearchSpace(
    nb_filters=[2, 4, 8], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"],
    learning_rate=[2e-3], dropout_rate=[0.0], padding=["causal"], readout=["last"],
    use_skip_connections=[True],
)  # fmt: skip


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[int, ...]]]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TCN_SEARCH_DATA", str(tmp_path / "cache"))
    return use_made_up_models(monkeypatch)


def study_of(trials: int = 3, own_validation: bool = False, **settings: Any) -> Study:
    """Return a study with finished trials of different numbers of filters, the best with 8."""
    X, y = waves(24)
    validation = {}
    if own_validation:
        validation = {"X_validation": X[:8], "y_validation": y[:8]}
    task = Task.from_arrays(X, y, X_test=X[:12], y_test=y[:12], **validation)
    given: dict[str, Any] = {
        "training": TrainingSettings(epochs=3, schedule="constant"),
        "search": SearchSettings(sampler="grid", pruner="none"),
    }
    study = Study("waves", task, SPACE, **{**given, **settings})
    study.run(trials, executor=Synthetic(), on_progress=lambda progress: None)
    return study


def filters(job: TrialJob) -> int:
    (count,) = set(job.architecture.level_filters)
    return count


def best_of(study: Study, executor: MadeUp, **arguments: Any) -> Winner:
    return study.best(executor=executor, on_progress=lambda progress: None, **arguments)


def test_the_best_trials_are_trained_again_before_one_is_chosen(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of()
    # 8 filters were best in the search, and 4 are best in the re-runs by more than that.
    executor = MadeUp(lambda job: 0.0 if filters(job) == 4 else 1.0)
    winner = best_of(study, executor)
    reruns = [job for job in executor.jobs if job.data is JobData.TRIAL]
    finals = [job for job in executor.jobs if job.data is not JobData.TRIAL]
    assert [filters(job) for job in reruns] == [8, 4, 2, 8, 4, 2]
    assert {job.settings.schedule for job in reruns} == {"constant"}
    assert all(not job.model_files for job in reruns)
    assert {filters(job) for job in finals} == {4}
    assert [job.seed for job in finals] == [5, 6, 7, 8, 9]  # none that chose something
    assert study.results.architecture_of(winner.trial).level_filters[0] == 4
    assert winner.ranked[0] == winner.trial
    assert len(winner.runs_of(winner.trial)) == 3  # the trial itself and two re-runs
    assert executor.closed


def test_by_default_the_winner_is_refitted_and_an_ensemble_is_saved(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of(1)
    executor = MadeUp()
    winner = best_of(study, executor)
    assert executor.reruns == []
    assert {job.data for job in executor.jobs} == {JobData.JOINED}
    settings = executor.jobs[0].settings
    assert (settings.schedule, settings.weights, settings.epochs) == ("cosine", "last", 24)
    assert load(Path("runs/waves/best.keras")).seeds == (1, 2, 3, 4, 5)
    assert [load(Path(file)).seeds for file in winner.member_files] == [
        (1,),
        (2,),
        (3,),
        (4,),
        (5,),
    ]
    assert winner.test_scores == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert (winner.ensemble_score, winner.score) == (0.75, 0.75)
    assert winner.ensemble_validation is None
    assert scored == [[(1,), (2,), (3,), (4,), (5,)]]  # the test split, once
    assert study.test_evaluations == 1
    facts = winner.facts()
    assert facts["Winner over 5 seeds"] == "trial 0"
    assert facts["Trained on"] == (
        "training and validation split together, for all 24 epochs; the choice rests on val_loss in "
        "the search"
    )
    assert facts["Test"].startswith(
        "accuracy 0.75 by the ensemble (mean of the predictions of 5 members), 2"
    )
    assert facts["Test, each member"] == "accuracy 0.3 ± 0.16 (0.1, 0.2, 0.3, 0.4, 0.5)"
    assert winner.saved_in_words() == ("the ensemble of 5 members, which are in runs/waves/members")
    assert study.winner is not None
    assert study.winner.read_at == winner.read_at
    assert best_of(study, executor).read_at == winner.read_at
    assert len(executor.jobs) == 5  # the second call returns the stored result


def test_a_given_validation_split_is_not_trained_on(scored: list[list[tuple[int, ...]]]) -> None:
    study = study_of(1, own_validation=True)
    executor = MadeUp()
    winner = best_of(study, executor)
    assert {job.data for job in executor.jobs} == {JobData.TRAINING}
    assert winner.refit_epochs == 0
    assert winner.ensemble_validation == 0.75
    assert len(scored) == 2  # the validation split, and the test split
    assert winner.facts()["Ensemble on validation"] == "accuracy 0.75"


def test_another_number_of_members_is_another_winner(
    scored: list[list[tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "mean_predictions", lambda *given: {0: 0.0, 1: 0.0})
    monkeypatch.setattr(selection, "greedy_selection", lambda *given, **named: [0, 1])
    best_of(study_of(2), MadeUp())
    changed = study_of(2, final=FinalSettings(members=2), allow_changes=True)
    executor = MadeUp()
    winner = best_of(changed, executor)
    assert winner.members == 2
    assert {run.trial for run in winner.runs} == {0, 1}
    jobs = len(executor.jobs)
    assert jobs > 0
    best_of(changed, executor)
    assert len(executor.jobs) == jobs  # the stored result


def test_a_training_that_spoils_the_mean_is_scored_and_not_averaged(
    scored: list[list[tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = []

    def without_the_second(models: Any, best_first: list[int], *_: Any) -> tuple[list[int], float]:
        orders.append(best_first)
        return [0, 2], 0.5

    monkeypatch.setattr(selection, "worth_averaging", without_the_second)
    study = study_of(1, own_validation=True)
    winner = best_of(study, MadeUp(lambda job: job.seed % 3), seeds=3)
    assert orders == [[2, 0, 1]]  # by the validation loss of seeds 1, 2 and 3
    assert load(Path("runs/waves/best.keras")).seeds == (1, 3)
    assert winner.spoiling_seeds == [2]
    assert winner.test_scores == [0.1, 0.2, 0.3]
    assert winner.judged_on_test == pytest.approx([0.65, 0.85])  # those that are averaged
    facts = winner.facts()
    assert facts["Not in the ensemble"] == (
        "seed 2: on validation more than three times the loss of the others, and a better mean "
        "without"
    )
    assert "(mean of the predictions of 2 members)" in facts["Test"]
    assert facts["Test, each training"] == "accuracy 0.2 ± 0.1 (0.1, 0.2, 0.3)"
    assert winner.saved_in_words() == "the ensemble of 2 of the 3 trainings in runs/waves/members"
    assert best_of(study, MadeUp(), seeds=3, single=True).score == 0.3  # seed 3 is best


@pytest.mark.parametrize(
    ("final", "search", "epochs"), [(None, None, 24), (None, 9, 9), (4, None, 4), (4, 9, 4)]
)
def test_the_epochs_of_final_trainings(
    final: int | None, search: int | None, epochs: int, scored: list[list[tuple[int, ...]]]
) -> None:
    settings = SearchSettings(sampler="grid", pruner="none", final_epochs=search)
    study = study_of(1, final=FinalSettings(epochs=final, seeds=1), search=settings)
    executor = MadeUp()
    best_of(study, executor)
    assert [job.settings.epochs for job in executor.jobs] == [epochs]


def test_a_winner_without_refit_is_not_the_result_of_a_call_by_default(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of(1)
    assert best_of(study, MadeUp(), seeds=1, refit=False).refit_epochs == 0
    executor = MadeUp()
    assert best_of(study, executor, seeds=1).refit_epochs == 24
    assert best_of(study, executor, seeds=1, refit=True).refit_epochs == 24
    assert len(executor.jobs) == 1


def test_after_a_refit_the_re_runs_are_the_scores_on_validation(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of(2)
    refitted = best_of(study, MadeUp())
    assert all(math.isnan(run.metric) for run in refitted.winning_runs)
    assert refitted.validation_metrics == [
        run.metric for run in refitted.reruns if run.trial == refitted.trial
    ]
    assert len(refitted.validation_metrics) == 3
    own = best_of(study, MadeUp(), refit=False)
    assert own.validation_metrics == [run.metric for run in own.runs]


@pytest.mark.parametrize("refit", [False, True])
def test_a_single_model_is_the_best_on_validation(
    refit: bool, scored: list[list[tuple[int, ...]]]
) -> None:
    study = study_of(1)
    winner = best_of(
        study, MadeUp(lambda job: abs(job.seed - 2)), seeds=3, refit=refit, single=True
    )
    saved = 1 if refit else 2  # after a refit there is no validation score
    assert (winner.saved_seed, load(Path(winner.model_file)).seeds) == (saved, (saved,))
    assert winner.score == saved / 10
    reason = "the first: none of them has a validation score" if refit else "the best on validation"
    assert winner.saved_in_words() == f"seed {saved}, {reason}"
    assert winner.test_scores == [0.1, 0.2, 0.3]


def test_more_configurations_share_the_final_trainings(
    scored: list[list[tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(final=FinalSettings(members=2, seeds=3))
    offered: list[list[int]] = []

    def picked(predictions: dict[int, Any], *given: Any, **named: Any) -> list[int]:
        first, second, *_ = predictions
        offered.append(list(predictions))
        return [first, first, second]

    monkeypatch.setattr(selection, "greedy_selection", picked)
    monkeypatch.setattr(
        selection,
        "mean_predictions",
        lambda trainings, split, load: {each.run.trial: 0 for each in trainings},
    )
    executor = MadeUp(lambda job: 1 / filters(job))
    winner = best_of(study, executor)
    assert all(job.model_files for job in executor.jobs)
    assert offered == [winner.ranked]
    assert [filters(job) for job in executor.jobs if job.data is not JobData.TRIAL] == [8, 8, 4]
    assert winner.facts()["Winner over 3 seeds"] == (
        f"trial {winner.ranked[0]} (2), trial {winner.ranked[1]} (1), "
        "by greedy selection on validation"
    )


def test_a_time_limit_leaves_trainings_out_and_says_so(
    scored: list[list[tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of()
    clock = iter(range(0, 10_000, 100))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    executor = MadeUp()
    winner = best_of(study, executor, timeout=1)
    monkeypatch.undo()
    assert executor.reruns == []
    assert len(executor.finals) == 1
    assert winner.not_trained == 4
    assert winner.facts()["Time limit"] == (
        "6 re-runs left out, final trainings of 16 epochs in place of 24, 4 final trainings not "
        "started; the same command without a limit goes on"
    )


def test_re_runs_that_are_finished_count_within_a_time_limit(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of()
    with pytest.raises(KeyboardInterrupt):
        best_of(study, MadeUp(stop_at=3))
    limited = MadeUp()
    winner = best_of(study, limited, timeout=1e-6)
    assert limited.reruns == []
    assert len(winner.reruns) == 6  # a run of the search and a re-run for each of 3 candidates
    assert winner.facts()["Time limit"].startswith("3 re-runs left out, ")


def test_after_a_time_limit_the_missing_trainings_are_made(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of(1, final=FinalSettings(epochs=3))
    first = MadeUp()
    limited = best_of(study, first, timeout=0.07)
    assert limited.not_trained == 4
    assert best_of(study, MadeUp(), timeout=0.07).read_at == limited.read_at
    assert study.test_evaluations == 1
    second = MadeUp()
    winner = best_of(study, second)
    assert (first.finals, second.finals) == ([1], [2, 3, 4, 5])
    assert (winner.not_trained, len(winner.test_scores)) == (0, 5)


def test_after_a_time_limit_shorter_trainings_are_made_anew(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of(1)
    limited = MadeUp()
    winner = best_of(study, limited, timeout=0.07)
    assert winner.left_out == ["final trainings of 5 epochs in place of 24"]
    again = MadeUp()
    whole = best_of(study, again)
    assert [job.settings.epochs for job in again.jobs] == [24] * 5
    assert (whole.left_out, whole.not_trained) == ([], 0)
    unused = MadeUp()
    assert best_of(study, unused, timeout=0.07).read_at == whole.read_at
    assert unused.jobs == []


@pytest.mark.parametrize("own_validation", [False, True])
def test_the_settings_of_the_winner_have_the_epochs_that_a_time_limit_left(
    own_validation: bool, scored: list[list[tuple[int, ...]]]
) -> None:
    study = study_of(1, own_validation=own_validation)
    winner = best_of(study, MadeUp(), timeout=0.07)
    candidate = winner_candidate(study.results)
    assert candidate is not None
    epochs = candidate.settings.epochs
    assert winner.left_out == [f"final trainings of {epochs} epochs in place of 24"]


def test_the_settings_of_the_winner_are_those_that_trained_it(
    scored: list[list[tuple[int, ...]]],
) -> None:
    study = study_of(1)
    best_of(study, MadeUp(), seeds=1)
    final = replace(study.definition.final, schedule="constant", weights="last")
    changed = Study("waves", study.task, final=final, allow_changes=True)
    changed.run(2, executor=Synthetic(), on_progress=lambda progress: None)
    assert changed.definition.final.schedule == "constant"
    candidate = winner_candidate(changed.results)
    assert candidate is not None
    assert changed.winner is not None
    assert candidate.settings.schedule == changed.winner.schedule == "cosine"
    assert candidate.settings.weights == changed.winner.weights


def test_diverged_trainings_are_left_out(scored: list[list[tuple[int, ...]]]) -> None:
    study = study_of(1)
    winner = best_of(study, MadeUp(lambda job: math.nan if job.seed == 2 else 0.5), seeds=3)
    assert winner.test_scores == [0.1, 0.3]
    assert load(Path(winner.model_file)).seeds == (1, 3)
    assert winner.facts()["Winner over 3 seeds"] == "trial 0, 1 diverged"
    with pytest.raises(
        InputError, match="Every final training of trial 0 diverged .*: 2 trainings"
    ):
        best_of(study, MadeUp(lambda job: math.nan), seeds=2, refit=False)


def run(trial: int, score: float, loss: float | None = None) -> SeedRun:
    return SeedRun(
        trial=trial,
        seed=0,
        score=score,
        metric=score,
        best_epoch=0 if math.isnan(score) else 1,
        seconds=1.0,
        loss=loss,
    )


@pytest.mark.parametrize(
    ("runs", "order"),
    [
        ([run(0, 0.5), run(1, 0.9), run(1, 0.3)], [1, 0]),
        ([run(0, 0.5), run(1, 0.9), run(1, math.nan)], [0, 1]),
        ([run(0, 0.5, loss=0.3), run(1, 0.5, loss=0.2)], [1, 0]),
        ([run(0, 0.5, loss=0.3), run(1, 0.5)], [0, 1]),
    ],
)
def test_candidates_are_ranked_by_mean_score_then_loss_and_diverged_ones_lose(
    runs: list[SeedRun], order: list[int]
) -> None:
    network = Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2))
    candidates = [Candidate(trial, network, TrainingSettings()) for trial in range(2)]
    best_first = ranked(candidates, runs, Metric("val_accuracy", "maximize"))
    assert [candidate.trial for candidate in best_first] == order


def test_a_test_evaluation_is_recorded_before_it_happens(
    scored: list[list[tuple[int, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = study_of(1)
    assert best_of(study, MadeUp(), seeds=1).readings == 1
    score = winner_scores.score_members

    def killed(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(winner_scores, "score_members", killed)
    with pytest.raises(KeyboardInterrupt):
        best_of(study, MadeUp(), seeds=2)
    assert study.test_evaluations == 2
    assert study.winner is None  # the file has another model by now
    assert load(Path("runs/waves/best.keras")).seeds == (1, 2)
    monkeypatch.setattr(winner_scores, "score_members", score)
    again = MadeUp()
    assert best_of(study, again, seeds=2).facts()["Test evaluations"] == evaluations_in_words(3)
    assert again.jobs == []  # the trainings were kept


def test_winners_of_earlier_versions_are_read() -> None:
    former = Winner.from_dict(
        {
            "trial": 3,
            "objective": "val_loss",
            "metric": "accuracy",
            "runs": [
                {"trial": trial, "seed": 0, "score": 0.3, "metric": 0.8, "best_epoch": 2, "seconds": 1.0}
                for trial in (3, 4)
            ],
            "test_scores": [0.7],
            "ranked": [3, 4],
            "refit_epochs": 0,
        }
    )  # fmt: skip
    assert len(former.winning_runs) == 1
    assert (former.score, former.ensemble) == (0.7, False)
    facts = former.facts()
    assert facts["Ranked by val_loss"] == (
        "trial 3: 0.3 (0.3), accuracy 0.8; trial 4: 0.3 (0.3), accuracy 0.8"
    )
    assert facts["Winner over 1 seed"] == "trial 3, validation accuracy 0.8 (0.8)"
    assert facts["Test"].startswith("accuracy 0.7 (0.7), ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"top": 0}, "top must be an integer of at least 1. Received: 0"),
        ({"seeds": 0}, "seeds must be an integer of at least 1. Received: 0"),
        ({"timeout": -1}, "timeout must be "),
        ({"out": "best.h5"}, "out must be a file that ends in .keras. Received: best.h5"),
    ],
)
def test_bad_arguments_are_named(
    arguments: dict[str, Any], message: str, scored: Callable[..., Any]
) -> None:
    study = study_of(1)
    with pytest.raises(InputError) as caught:
        best_of(study, MadeUp(), **arguments)
    assert str(caught.value).startswith(message)
