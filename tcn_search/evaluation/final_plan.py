"""Plan the final trainings of a study: which trials are trained again, and how."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tcn_search.evaluation.final_training import SeedRun, WantedTraining
from tcn_search.evaluation.preference import Preference
from tcn_search.evaluation.spread import mean_and_spread
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.trial_record import Candidate
from tcn_search.tasks.kinds import Metric
from tcn_search.workers.job_data import JobData

# Where time is short: members of an ensemble that stay, and their share of the planned epochs.
_FEWEST_MEMBERS = 2
_LEAST_SHARE = 2 / 3


@dataclass(frozen=True)
class FinalPlan:
    """Which trials are trained again before one is chosen, and how it is trained in the end.

    Attributes:
        candidates: the best trials, best first, with their own settings.
        trial_runs: their results in the search.
        rerun_seeds: seeds of the re-runs of each candidate; none where there is one candidate.
        seeds: of the final trainings, none of which chose anything.
        final: settings of the final trainings.
        epochs: of a final training.
        refit: whether they use training and validation split together.
        ensemble: whether the saved model is the ensemble.
        folds: of the re-runs.
        seconds_an_epoch: by number of a candidate, of a re-run on one worker.
        final_seconds_an_epoch: the same of a final training, which may have more training rows.
        preference: the candidate that is chosen unless another one is clearly better.
    """

    candidates: Sequence[Candidate]
    trial_runs: Sequence[SeedRun]
    rerun_seeds: Sequence[int]
    seeds: Sequence[int]
    final: FinalSettings
    epochs: int
    refit: bool
    ensemble: bool
    folds: int = 1
    seconds_an_epoch: Mapping[int, float] = field(default_factory=dict)
    final_seconds_an_epoch: Mapping[int, float] = field(default_factory=dict)
    preference: Preference | None = None

    def reruns(self) -> list[WantedTraining]:
        """Return the trainings that decide between the candidates: each seed for all of them."""
        return [
            WantedTraining(
                candidate=candidate,
                seed=seed,
                data=JobData.TRIAL,
                keeps_model=self.final.members > 1,
                seconds_an_epoch=self._seconds(candidate),
                folds=self.folds,
            )
            for seed in self.rerun_seeds
            for candidate in self.candidates
        ]

    def reruns_within(self, seconds: float, workers: int, kept_rounds: int = 0) -> FinalPlan:
        """Return the plan with as many re-runs as end within a time: whole rounds, perhaps none.

        A round trains all candidates with one seed.

        Args:
            seconds: of all re-runs.
            workers: number of trainings at the same time.
            kept_rounds: the first rounds, which an interrupted call has finished: they take no
                time.
        """
        round_seconds = sum(
            self._seconds(candidate) * candidate.settings.epochs * self.folds
            for candidate in self.candidates
        )
        round_seconds /= min(workers, len(self.candidates))
        rounds = len(self.rerun_seeds)
        if round_seconds > 0 and seconds < (rounds - kept_rounds) * round_seconds:
            rounds = kept_rounds + int(seconds / round_seconds)
        return replace(self, rerun_seeds=self.rerun_seeds[:rounds])

    def finals_within(
        self, chosen: Sequence[int], seconds: float, workers: int, left: float = 0.0
    ) -> FinalPlan:
        """Return the plan with fewer and shorter final trainings, so that they end within a time.

        They lose up to a third of their epochs. Then there are fewer, down to two, because a longer
        training is worth more than a larger ensemble; then they are shorter still. Where even two
        would have fewer epochs than a trial, there is one for each worker.

        Args:
            chosen: numbers of the candidates.
            seconds: of all final trainings, whatever the re-runs took, so that a repeated call
                plans the same epochs.
            workers: number of trainings at the same time.
            left: seconds that are really left, in which more trainings of these epochs may fit.
        """
        by_trial = {candidate.trial: candidate for candidate in self.candidates}
        longest = max(self.final_seconds_an_epoch.get(trial, 0.0) for trial in chosen)
        rounds = math.ceil(len(self.seeds) / workers)
        if longest == 0 or seconds >= rounds * self.epochs * longest:
            return self
        least = max(by_trial[trial].settings.epochs for trial in chosen)
        of_two = math.ceil(_FEWEST_MEMBERS / workers)
        while rounds > of_two and seconds < rounds * _LEAST_SHARE * self.epochs * longest:
            rounds -= 1
        while rounds > 1 and seconds < rounds * least * longest:
            rounds -= 1
        epochs = min(self.epochs, max(1, int(seconds / (rounds * longest))))
        rounds = max(rounds, int(left / (epochs * longest)))
        return replace(self, epochs=epochs, seeds=self.seeds[: rounds * workers])

    def finals(self, chosen: Sequence[int]) -> list[WantedTraining]:
        """Return the final trainings.

        Args:
            chosen: numbers of the candidates; the final trainings go to them in turn.
        """
        by_trial = {candidate.trial: candidate for candidate in self.candidates}
        return [
            self._final(by_trial[chosen[number % len(chosen)]], seed)
            for number, seed in enumerate(self.seeds)
        ]

    def final_candidate(self, candidate: Candidate) -> Candidate:
        """Return a candidate with the settings of its final trainings."""
        settings = self.final.training(candidate.settings, self.epochs, self.refit)
        return replace(candidate, settings=settings)

    def _final(self, candidate: Candidate, seed: int) -> WantedTraining:
        data = JobData.TRAINING
        if self.refit:
            data = JobData.JOINED
        return WantedTraining(
            candidate=self.final_candidate(candidate),
            seed=seed,
            data=data,
            keeps_model=True,
            seconds_an_epoch=self.final_seconds_an_epoch.get(candidate.trial, 0.0),
        )

    def _seconds(self, candidate: Candidate) -> float:
        return self.seconds_an_epoch.get(candidate.trial, 0.0)


def ranked(
    candidates: Sequence[Candidate], runs: Sequence[SeedRun], objective: Metric
) -> list[Candidate]:
    """Sort the candidates, best first.

    Fewest diverged trainings first, then the best mean score, then the smallest mean validation
    loss: accuracies on a small split are often equal.
    """
    sign = -1 if objective.direction == "maximize" else 1

    def order(candidate: Candidate) -> tuple[int, float, float]:
        own = [run for run in runs if run.trial == candidate.trial]
        score, _ = mean_and_spread([run.score for run in own])
        loss, _ = mean_and_spread([run.loss for run in own if run.loss is not None])
        if math.isnan(loss):
            loss = math.inf
        return sum(run.diverged for run in own), sign * score, loss

    return sorted(candidates, key=order)
