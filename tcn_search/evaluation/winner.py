"""The stored result of `best`: the winner, its trainings over seeds and its test scores."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import TypeAdapter, with_config

from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.forecast_scores import ForecastScores
from tcn_search.evaluation.spread import mean_and_spread, with_spread
from tcn_search.evaluation.test_answers import ClassCounts
from tcn_search.html_templates import facts_html
from tcn_search.storage.stored_values import STRICT
from tcn_search.text import counted

EVALUATIONS = "Test evaluations"  # name of a fact
TEST_FORECASTS = "test_forecasts.csv"  # beside the model: some forecasts of the test split
TEST_PREDICTIONS = "test_predictions.csv"  # beside the model: numbers of a regression there


class WantedResult(NamedTuple):
    """What a call of `best` wants.

    Attributes:
        trials: numbers of the candidates.
        seeds: of the final trainings.
        made_with: digest of everything that decides the results of the trainings.
        refit: whether they use training and validation split together.
        ensemble: whether the saved model is an ensemble.
        file: where the model is wanted.
        limited: whether the call has a time limit.
        members: largest number of different configurations in the ensemble.
    """

    trials: set[int]
    seeds: set[int]
    made_with: str
    refit: bool
    ensemble: bool
    file: Path
    limited: bool
    members: int


@with_config(STRICT)
@dataclass
class Winner:
    """Result of `best`. The names of the fields are those under which it is stored.

    Attributes:
        trial: number of the winner; of an ensemble of several trials, the most frequent one.
        runs: all final trainings. Earlier versions had some of every candidate.
        objective: name of the number in `SeedRun.score`.
        metric: name of the numbers in `SeedRun.metric` (validation split) and `test_scores`.
        test_scores: metric on the test split of each final training that did not diverge, in their
            order; empty if the task has no test split.
        saved_seed: seed of the model that was saved, where that is not the ensemble: the one with
            the best validation score; the first where there is no validation score.
        read_at: when the winner was scored on the test split, ISO 8601 in UTC.
        readings: test evaluations of the study so far, this one included; see
            `Study.test_evaluations`.
        model_file: where the model was saved.
        refit_epochs: epochs of the trainings on training and validation split together, whose
            models were scored on the test split; 0 where there were none.
        made_with: digest of everything that decides the results of the trainings.
        ranked: numbers of the candidates, best first.
        reruns: results by which the candidates were ranked: of their trials, and of their re-runs.
        ensemble: whether the saved model is the ensemble.
        ensemble_score, ensemble_validation: metric of the mean of the members' predictions on the
            test split and on the validation split; None where there is none, or, on validation,
            where it was trained on.
        member_files: files of the final trainings that did not diverge, in their order.
        spoiling_seeds: seeds of final trainings that are not in the ensemble, because they spoil
            the mean on the validation split; see `worth_averaging`.
        epochs, schedule, weights: of the final trainings, as in `TrainingSettings`. Fewer epochs
            where a time limit has shortened them; 0 in results of earlier versions.
        not_trained: final trainings that the time limit left out.
        left_out: what else the time limit left out, in words.
        validation_sequences: that the accuracies of trials are of; 0 in earlier versions.
        preferred: whether a known configuration was preferred to a trial of a better score.
        forecast: for forecasts, all errors of the saved model on the test split; None in results of
            earlier versions.
        classes: how often the saved model took each class for each on the test split; None where it
            predicts no classes or very many, and in results of earlier versions.
        members: largest number of different configurations that the ensemble might have; 0 in
            results of earlier versions.
        refit_by_default: whether `best` refits where the call does not say; None in results of
            earlier versions.
    """

    trial: int
    objective: str
    metric: str
    runs: list[SeedRun] = field(default_factory=list)
    test_scores: list[float] = field(default_factory=list)
    saved_seed: int = 0
    read_at: str = ""
    readings: int = 0
    model_file: str = ""
    refit_epochs: int = 0
    made_with: str = ""
    ranked: list[int] = field(default_factory=list)
    reruns: list[SeedRun] = field(default_factory=list)
    ensemble: bool = False
    ensemble_score: float | None = None
    ensemble_validation: float | None = None
    member_files: list[str] = field(default_factory=list)
    spoiling_seeds: list[int] = field(default_factory=list)
    epochs: int = 0
    schedule: str = ""
    weights: str = "best"
    not_trained: int = 0
    left_out: list[str] = field(default_factory=list)
    validation_sequences: int = 0
    preferred: bool = False
    members: int = 0
    refit_by_default: bool | None = None
    forecast: ForecastScores | None = None
    classes: ClassCounts | None = None

    @property
    def winning_runs(self) -> list[SeedRun]:
        """The winner's final trainings."""
        if self.member_files:
            return self.runs
        return self.runs_of(self.trial)

    def runs_of(self, trial: int) -> list[SeedRun]:
        """Return the results by which a candidate was ranked, or else its final trainings."""
        runs = self.reruns or self.runs
        return [run for run in runs if run.trial == trial]

    @property
    def was_rerun(self) -> bool:
        """Whether the candidates were trained again before the choice."""
        return len(self.reruns) > len(self.ranked)

    @property
    def validation_metrics(self) -> list[float]:
        """Metric on the validation split of each final training; NaN where there is none.

        Of final trainings that used the validation split, those of the trial and its re-runs.
        """
        metrics = [run.metric for run in self.winning_runs]
        if self.refit_epochs and self.reruns:
            metrics = [run.metric for run in self.runs_of(self.trial)]
        return metrics

    @property
    def score(self) -> float | None:
        """Metric of the saved model on the test split; None where there is no test split."""
        if self.ensemble and self.ensemble_score is not None:
            return self.ensemble_score
        usable = [run.seed for run in self.winning_runs if not run.diverged]
        if not self.test_scores:
            return None
        return self.test_scores[usable.index(self.saved_seed)]

    @property
    def judged_on_validation(self) -> list[float]:
        """Metric on the validation split by which the winner is judged; see `judged_on_test`."""
        return self._judged(self.winning_runs, self.validation_metrics, self.ensemble_validation)

    @property
    def judged_on_test(self) -> list[float]:
        """Metric on the test split by which the winner is judged, one for each final training.

        An ensemble has one score. Its spread over seeds is taken to be that of its members' mean:
        their scores are moved until their mean is the ensemble's score.
        """
        usable = [run for run in self.winning_runs if not run.diverged]
        return self._judged(usable, self.test_scores, self.ensemble_score)

    def _judged(
        self, runs: list[SeedRun], scores: list[float], ensemble: float | None
    ) -> list[float]:
        if not self.ensemble or ensemble is None:
            return scores
        if self.spoiling_seeds:
            pairs = zip(runs, scores, strict=True)
            scores = [score for run, score in pairs if run.seed not in self.spoiling_seeds]
        mean, _ = mean_and_spread(scores)
        return [score - mean + ensemble for score in scores]

    @property
    def averaged(self) -> int:
        """Number of final trainings whose predictions the ensemble averages."""
        usable = len(self.test_scores) or len(self.member_files)
        return usable - len(self.spoiling_seeds)

    def saved_in_words(self) -> str:
        """Say what the saved model is: "the ensemble of 5 members"."""
        members = len(self.test_scores) or len(self.member_files)
        if self.ensemble and members > 1:
            folder = Path(self.member_files[0]).parent
            if self.spoiling_seeds:
                return f"the ensemble of {self.averaged} of the {members} trainings in {folder}"
            return f"the ensemble of {members} members, which are in {folder}"
        if self.refit_epochs and members > 1:
            return f"seed {self.saved_seed}, the first: none of them has a validation score"
        if members > 1:
            return f"seed {self.saved_seed}, the best on validation"
        return f"seed {self.saved_seed}"

    def is_result_of(self, wanted: WantedResult) -> bool:
        """Return whether this is the result of the wanted trainings, with its model still there."""
        ranked_trials = {run.trial for run in self.reruns or self.runs}
        seeds = {run.seed for run in self.winning_runs}
        if wanted.limited and self.not_trained:  # only a call without a limit trains the others
            seeds |= wanted.seeds
        same_trainings = (
            ranked_trials == wanted.trials
            and seeds == wanted.seeds
            and self.made_with == wanted.made_with
            and bool(self.refit_epochs) == wanted.refit
            and self.members in (0, wanted.members)
        )
        if self.left_out and not wanted.limited:
            return False
        same_model = self.ensemble == wanted.ensemble and Path(self.model_file) == wanted.file
        return same_trainings and same_model and wanted.file.exists()

    @property
    def why_preferred(self) -> str:
        """Why a known configuration was preferred to a trial of a better score."""
        return (
            f"on {counted(self.validation_sequences, 'validation sequence')} the trial with the "
            f"best {self.objective} is not better by more than two standard errors"
        )

    def facts(self) -> dict[str, str]:
        """Return the result in words, by name: "Ranked by val_loss", "Winner over 3 seeds", ..."""
        facts = {}
        if len(self.ranked) > 1:
            facts[f"Ranked by {self.objective}"] = "; ".join(map(self._rank_in_words, self.ranked))
        if self.preferred:
            facts["Preferred"] = f"trial {self.trial}, a known configuration: {self.why_preferred}"
        facts[f"Winner over {counted(len(self.winning_runs), 'seed')}"] = self._winner_in_words()
        if self.refit_epochs:
            facts["Trained on"] = (
                f"training and validation split together, for all {self.refit_epochs} epochs; "
                f"the choice rests on {self.objective} in the search"
            )
            if self.was_rerun:
                facts["Trained on"] += " and its re-runs"
        left_out = list(self.left_out)
        if self.not_trained:
            left_out.append(f"{counted(self.not_trained, 'final training')} not started")
        if left_out:
            facts["Time limit"] = f"{', '.join(left_out)}; the same command without a limit goes on"
        if self.spoiling_seeds:
            plural = "s" * (len(self.spoiling_seeds) > 1)
            facts["Not in the ensemble"] = (
                f"seed{plural} {', '.join(map(str, self.spoiling_seeds))}: on validation more "
                "than three times the loss of the others, and a better mean without"
            )
        if self.ensemble_validation is not None:
            facts["Ensemble on validation"] = f"{self.metric} {self.ensemble_validation:.4g}"
        if not self.test_scores:
            facts["Test"] = "the task has no test split"
            return facts
        members = f"{self.metric} {with_spread(self.test_scores)}"
        if self.ensemble_score is None:
            facts["Test"] = f"{members}, {self.read_at}"
        else:
            facts["Test"] = (
                f"{self.metric} {self.ensemble_score:.4g} by the ensemble (mean of the "
                f"predictions of {counted(self.averaged, 'member')}), {self.read_at}"
            )
            facts["Test, each training" if self.spoiling_seeds else "Test, each member"] = members
        if self.forecast is not None:
            facts["Test, all errors"] = self.forecast.in_words()
        facts[EVALUATIONS] = evaluations_in_words(self.readings)
        return facts

    def _rank_in_words(self, trial: int) -> str:
        """Return the scores of a candidate, with the metric where that is another number."""
        runs = self.runs_of(trial)
        text = f"trial {trial}: {with_spread([run.score for run in runs])}"
        metrics = [run.metric for run in runs if not math.isnan(run.metric)]
        if metrics and self.objective != f"val_{self.metric}":
            text += f", {self.metric} {statistics.fmean(metrics):.4g}"
        return text

    def _winner_in_words(self) -> str:
        runs = self.winning_runs
        trials = list(dict.fromkeys(run.trial for run in runs))
        text = f"trial {self.trial}"
        if len(trials) > 1:
            listed = (
                f"trial {trial} ({sum(run.trial == trial for run in runs)})" for trial in trials
            )
            text = f"{', '.join(listed)}, by greedy selection on validation"
        metrics = [run.metric for run in runs]
        if self.member_files and all(math.isnan(metric) for metric in metrics):
            diverged = sum(run.diverged for run in runs)
            if diverged:
                text += f", {diverged} diverged"
            return text
        return f"{text}, validation {self.metric} {with_spread(metrics)}"

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.facts().items())

    def _repr_html_(self) -> str:
        return facts_html(f"Winner: trial {self.trial}", self.facts().items())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Winner:
        """Read what `to_dict` returned.

        Raises:
            ValueError: the values are damaged, or of another version.
        """
        return _WINNER.validate_json(json.dumps(values))


_WINNER = TypeAdapter(Winner)


def evaluations_in_words(count: int) -> str:
    """Return a study's number of test evaluations in words, and what a test evaluation is.

    >>> evaluations_in_words(4)  # doctest: +NORMALIZE_WHITESPACE
    "4 in this study, one each time that a configuration's final trainings were scored
    on the test split"
    """
    each = "one each time that a configuration's final trainings were scored on the test split"
    return f"{count:,} in this study, {each}"
