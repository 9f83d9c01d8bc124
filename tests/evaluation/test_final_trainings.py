"""The owner of final trainings: what it hands out, keeps, repeats and leaves out."""

from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from tcn_search import Architecture, TrainingSettings
from tcn_search.errors import LeaseError, TrialsFailedError
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.evaluation.final_training import WantedTraining, run_of
from tcn_search.evaluation.final_trainings import FinalTrainings, TrainingContext
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.search.trial_record import Candidate
from tcn_search.tasks.kinds import Metric
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.job_data import JobData
from tcn_search.workers.trial import TrialOutcome
from tests.evaluation.made_up import MadeUp, load

CANDIDATE = Candidate(
    trial=7,
    architecture=Architecture(nb_filters=2, kernel_size=2, dilations=(1, 2)),
    settings=TrainingSettings(epochs=2, weights="last"),
)
WANTED = [
    WantedTraining(CANDIDATE, seed, JobData.JOINED, keeps_model=True, seconds_an_epoch=0.5)
    for seed in range(3)
]


class Given:
    """A context whose progress is recorded."""

    def __init__(self, folder: Path) -> None:
        self.progress: list[FinalProgress] = []
        self.lost = False
        self.context = TrainingContext(
            objective=Metric("val_loss", "minimize"),
            metric="accuracy",
            model_function=None,
            kept=KeptTrainings(folders=(folder,), digest_of=lambda candidate: "digest"),
            require_ownership=self.require_ownership,
            on_progress=self.progress.append,
            workers=2,
        )

    def require_ownership(self) -> None:
        if self.lost:
            raise LeaseError("lost")


@pytest.fixture
def given(tmp_path: Path) -> Given:
    return Given(tmp_path)


def test_every_training_is_handed_out_once_and_kept(given: Given) -> None:
    executor = MadeUp()
    trainings = FinalTrainings("final trainings", WANTED, given.context)
    executor.run(trainings)
    assert [job.seed for job in executor.jobs] == [0, 1, 2]
    assert {job.data for job in executor.jobs} == {JobData.JOINED}
    for seed, training in enumerate(trainings.finished):
        assert (training.run.trial, training.run.seed, training.run.best_epoch) == (7, seed, 2)
        assert math.isnan(training.run.score)  # the validation split was trained on
        assert training.model_file is not None
        assert load(training.model_file).seeds == (seed,)
    again = FinalTrainings("final trainings", WANTED, given.context)
    assert not again.needs_executor
    assert [each.model_file for each in again.finished] == [
        each.model_file for each in trainings.finished
    ]


def test_on_the_training_split_a_training_has_the_scores_of_the_weights_it_keeps(
    given: Given,
) -> None:
    wanted = [WANTED[1]._replace(data=JobData.TRAINING)]
    trainings = FinalTrainings("final trainings", wanted, given.context)
    MadeUp().run(trainings)
    (training,) = trainings.finished
    assert (training.run.score, training.run.metric, training.run.loss) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("status", [TrialStatus.STALE, TrialStatus.OUT_OF_MEMORY])
def test_a_training_whose_process_dies_is_tried_once_more(
    given: Given, status: TrialStatus
) -> None:
    executor = MadeUp(statuses={1: status})
    trainings = FinalTrainings("final trainings", WANTED, given.context)
    executor.run(trainings)
    assert [job.seed for job in executor.jobs] == [0, 1, 1, 2]
    assert [training.run.seed for training in trainings.finished] == [0, 1, 2]


def test_a_training_that_fails_ends_the_run_and_keeps_the_finished_ones(given: Given) -> None:
    executor = MadeUp(statuses={1: TrialStatus.STALE, 2: TrialStatus.STALE})
    with pytest.raises(TrialsFailedError) as caught:
        executor.run(FinalTrainings("final trainings", WANTED, given.context))
    assert str(caught.value) == (
        "The training of trial 7 with seed 1 ended as stale: on purpose. Its process died twice. "
        "(1 finished training kept for the same command)"
    )
    executor = MadeUp()
    executor.run(FinalTrainings("final trainings", WANTED, given.context))
    assert [job.seed for job in executor.jobs] == [1, 2]


def test_a_diverged_training_is_finished_without_a_model(given: Given) -> None:
    trainings = FinalTrainings("final trainings", WANTED, given.context)
    MadeUp(lambda job: math.nan if job.seed == 1 else 0.5).run(trainings)
    assert [training.run.diverged for training in trainings.finished] == [False, True, False]
    assert trainings.finished[1].model_file is None
    again = FinalTrainings("final trainings", WANTED, given.context)
    assert not again.needs_executor  # it would diverge again


def test_a_lost_model_is_trained_again(given: Given) -> None:
    trainings = FinalTrainings("final trainings", WANTED, given.context)
    MadeUp().run(trainings)
    lost = trainings.finished[1].model_file
    assert lost is not None
    lost.unlink()
    executor = MadeUp()
    executor.run(FinalTrainings("final trainings", WANTED, given.context))
    assert executor.finals == [1]


@pytest.mark.parametrize("at_least", [0, 2])
def test_after_the_deadline_only_the_first_trainings_start(given: Given, at_least: int) -> None:
    trainings = FinalTrainings(
        "final trainings", WANTED, given.context, deadline=time.monotonic(), at_least=at_least
    )
    assert trainings.needs_executor == (at_least > 0)
    MadeUp().run(trainings)
    assert len(trainings.finished) == at_least


def test_nothing_is_trained_or_kept_once_another_process_has_the_study(given: Given) -> None:
    trainings = FinalTrainings("final trainings", WANTED, given.context)
    job = trainings.next_job()
    assert job is not None
    given.lost = True
    with pytest.raises(LeaseError):
        trainings.next_job()
    with pytest.raises(LeaseError):
        trainings.finish(MadeUp()._outcome(job))
    assert trainings.finished == []


def test_progress_is_shown_from_the_start_with_the_time_left(given: Given) -> None:
    later = [WANTED[0]._replace(seconds_an_epoch=5.0)]
    trainings = FinalTrainings("final trainings", WANTED, given.context, later=later)
    first = given.progress[0]
    # Three trainings of two epochs of half a second by two workers, and one of ten seconds later.
    assert first.seconds_left == pytest.approx((3 * 2 * 0.5 + 10.0) / 2)
    assert str(first) == "0 of 3 final trainings done, about 6 s left"
    MadeUp().run(trainings)
    ended = [progress for progress in given.progress if progress.run is not None]
    assert [progress.finished for progress in ended] == [1, 2, 3]
    running = [progress.running for progress in given.progress if progress.running]
    assert running[:2] == [{"trial 7 seed 0": (1, 2)}, {"trial 7 seed 0": (2, 2)}]


def test_without_estimates_the_time_left_is_known_after_the_first_epoch(given: Given) -> None:
    wanted = [training._replace(seconds_an_epoch=0.0) for training in WANTED]
    trainings = FinalTrainings("final trainings", wanted, given.context)
    assert given.progress[0].seconds_left is None
    MadeUp().run(trainings)
    assert given.progress[-1].seconds_left == 0.0


def rows(*losses: float) -> list[dict[str, float]]:
    return [{"val_loss": loss, "val_accuracy": 1 - loss, "seconds": 1.0} for loss in losses]


def test_the_numbers_of_a_trial_with_folds_are_means_over_them() -> None:
    outcome = TrialOutcome(
        number=7,
        status=TrialStatus.COMPLETE,
        score=0.3,
        best_epoch=2,
        curve=[
            *({"fold": 1, **row} for row in rows(0.5, 0.4)),
            *({"fold": 2, **row} for row in rows(0.2, 0.6)),
        ],
        folds=[{"score": 0.4, "best_epoch": 2}, {"score": 0.2, "best_epoch": 1}],
    )
    trial = WantedTraining(CANDIDATE, 0, JobData.TRIAL, keeps_model=False, folds=2)
    run = run_of(trial, outcome, "val_loss", "accuracy")
    assert (run.score, run.loss, run.metric) == pytest.approx((0.3, 0.3, 0.7))


@pytest.mark.parametrize(
    ("status", "best_epoch"), [(TrialStatus.TIMED_OUT, 2), (TrialStatus.PRUNED, 0)]
)
def test_a_trial_that_its_time_limit_ended_has_its_numbers(
    status: TrialStatus, best_epoch: int
) -> None:
    outcome = TrialOutcome(7, status, score=0.4, best_epoch=2, curve=rows(0.5, 0.4))
    trial = WantedTraining(CANDIDATE, 0, JobData.TRIAL, keeps_model=False)
    run = run_of(trial, outcome, "val_loss", "accuracy")
    assert run.best_epoch == best_epoch
    assert run.diverged == (best_epoch == 0)
    assert run.metric == pytest.approx(0.6 if best_epoch else math.nan, nan_ok=True)
