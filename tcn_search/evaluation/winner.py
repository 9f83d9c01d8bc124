"""The winners, trained again over several seeds, and the test evaluation of the best."""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, with_config

from tcn_search.atomic_files import replacing
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.evaluation.final_training import SeedRun, score_on_test, train_once
from tcn_search.evaluation.kept_trainings import KeptTrainings
from tcn_search.search.trial_record import Candidate
from tcn_search.storage.stored_values import STRICT
from tcn_search.trial_status import TrialStatus

if TYPE_CHECKING:
    from tcn_search.tasks.kinds import Metric
    from tcn_search.tasks.task import Task

EVALUATIONS = "Test evaluations"  # a fact's name


@with_config(STRICT)
@dataclass
class Winner:
    """What `best` found.

    Attributes:
        trial: number of the winner.
        runs: all trainings, of all candidates.
        objective: the name of `SeedRun.score`.
        metric: the name of the numbers in `SeedRun.metric` (validation) and `test_scores`.
        test_scores: the winner's on the test split, one for each training that did not diverge, in their order; empty
            if the task has none.
        saved_seed: the seed whose model was saved, the one with the best validation score.
        read_at: when they were scored on the test split, ISO 8601 in UTC.
        readings: test evaluations of the study so far, this one included; see `Study.test_evaluations`.
        model_file: where the model was saved.
        refit_epochs: epochs of the trainings on training and validation part together, whose models the test
            split judged; 0 where there were none.
        made_with: a digest of all that decides what these trainings give.
        ranked: numbers of the candidates, best first.
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

    @property
    def winning_runs(self) -> list[SeedRun]:
        """The winner's trainings."""
        return self.runs_of(self.trial)

    def runs_of(self, trial: int) -> list[SeedRun]:
        """A candidate's trainings."""
        return [run for run in self.runs if run.trial == trial]

    def answers(
        self, wanted: set[tuple[int, int]], made_with: str, file: Path, refit: bool
    ) -> bool:
        """Whether these are the (trial, seed) trainings that are wanted, with the model still in `file`."""
        made = {(run.trial, run.seed) for run in self.runs}
        same = made == wanted and bool(self.refit_epochs) == refit and self.made_with == made_with
        return same and Path(self.model_file) == file and file.exists()

    def facts(self) -> dict[str, str]:
        """What was found, in words: {"Ranked by val_loss": ..., "Winner over 3 seeds": ..., "Test": ...}."""
        runs = self.winning_runs
        found = {}
        if len(self.ranked) > 1:
            found[f"Ranked by {self.objective}"] = "; ".join(
                f"trial {trial}: {with_spread([run.score for run in self.runs_of(trial)])}"
                for trial in self.ranked
            )
        found[f"Winner over {len(runs)} seed{'' if len(runs) == 1 else 's'}"] = (
            f"trial {self.trial}, validation {self.metric} {with_spread([run.metric for run in runs])}"
        )
        if self.refit_epochs:
            found["Trained again"] = (
                f"on training and validation part together, {self.refit_epochs} epochs, with the same seeds"
            )
        if not self.test_scores:
            return {**found, "Test": "the task has no test split"}
        scores = f"{self.metric} {with_spread(self.test_scores)}"
        return {
            **found,
            "Test": f"{scores}, {self.read_at}",
            EVALUATIONS: evaluations_in_words(self.readings),
        }

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.facts().items())

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Winner:
        """The winner that `to_dict` wrote.

        Raises:
            ValueError: it is another version's, or damaged.
        """
        return _WINNER.validate_json(json.dumps(values))


_WINNER = TypeAdapter(Winner)


def evaluations_in_words(count: int) -> str:
    """Say how many test evaluations a study has had, and what one is.

    >>> evaluations_in_words(4)
    "4 in this study, one each time that a configuration's final trainings were scored on the test split"
    """
    each = "one each time that a configuration's final trainings were scored on the test split"
    return f"{count:,} in this study, {each}"


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation of those that are not NaN; NaN where there are too few."""
    found = [value for value in values if not math.isnan(value)]
    mean = statistics.fmean(found) if found else math.nan
    return mean, statistics.stdev(found) if len(found) > 1 else math.nan


def with_spread(values: Sequence[float]) -> str:
    """Mean, sample standard deviation, and every value; those that are NaN, of trainings that diverged, are named only.

    >>> with_spread([0.86, 0.88, 0.87])
    '0.87 ± 0.01 (0.86, 0.88, 0.87)'
    >>> with_spread([math.nan, 0.88])
    '0.88 (diverged, 0.88)'
    """
    mean, deviation = mean_and_spread(values)
    text = f"{mean:.4g}" if math.isnan(deviation) else f"{mean:.4g} ± {deviation:.2g}"
    listed = ("diverged" if math.isnan(value) else f"{value:.4g}" for value in values)
    return f"{text} ({', '.join(listed)})"


def fresh_seeds(count: int, used: Collection[int]) -> list[int]:
    """The first `count` seeds that nothing was chosen with.

    >>> fresh_seeds(3, {1, 7})
    [0, 2, 3]
    """
    return list(itertools.islice((seed for seed in itertools.count() if seed not in used), count))


def find_winner(
    candidates: Sequence[Candidate],
    task: Task,
    objective: Metric,
    seeds: Sequence[int],
    model_file: Path,
    on_run: Callable[[SeedRun], None] | None = None,
    refit: bool = False,
    model: ModelFunction | None = None,
    before_the_test: Callable[[], None] = lambda: None,
    kept: KeptTrainings | None = None,
) -> Winner:
    """Train every candidate with every seed; rank by the mean validation score; save the winner's best model.

    The test split is used last, for the winner alone. A training that diverged loses against all others, and
    so does a candidate with one against those with fewer.

    Args:
        refit: train the winner again with every seed, on training and validation part together, for as many
            epochs as its best ones were on average. These models take the place of the others.
        model: a user's own function that builds the model, or None.
        on_run: called after every training that was made now.
        before_the_test: called when all that can fail is over: the model is written, and takes its place next; then
            the winner is scored on the test split, if the task has one.
        kept: where a training is kept as soon as it has ended, and found again.

    Raises:
        InputError: every training of every candidate diverged, or the model cannot be saved.
    """
    runs = []
    models = {}
    for candidate in candidates:
        for seed in seeds:
            found = None if kept is None else kept.find(candidate, seed)
            if found is None:
                found = _train(candidate, task, objective, seed, model)
                if kept is not None:
                    kept.keep(candidate, found[0], None if found[0].diverged else found[1])
                if on_run is not None:
                    on_run(found[0])
            runs.append(found[0])
            models[candidate.trial, seed] = found[1]
    ranked = sorted(
        (one.trial for one in candidates), key=lambda trial: _rank(trial, runs, objective)
    )
    trial = ranked[0]
    metric = task.spec.task_kind.metrics[0]
    winner = Winner(
        trial, objective.name, metric.name, runs, model_file=str(model_file), ranked=ranked
    )
    usable = [run for run in winner.winning_runs if not run.diverged]
    if not usable:
        raise InputError(
            f"Every training of trial {trial} diverged (NaN or infinite loss): {len(runs)} trainings in all. "
            "Take more trials into account (top), or search with a smaller learning rate or with clip_norm."
        )
    if refit:
        winner.refit_epochs = max(1, round(statistics.fmean(run.best_epoch for run in usable)))
        chosen = next(candidate for candidate in candidates if candidate.trial == trial)
        for run in usable:
            found = None if kept is None else kept.find(chosen, run.seed, winner.refit_epochs)
            if found is None:
                found = run, _refit(chosen, task, objective, run.seed, winner.refit_epochs, model)
                if kept is not None:
                    kept.keep(chosen, *found, winner.refit_epochs)
            models[trial, run.seed] = found[1]
        usable = [run for run in usable if models[trial, run.seed] is not None]
        if not usable:
            raise InputError(
                f"Every training of trial {trial} on training and validation part together diverged (NaN or infinite "
                "loss). Leave out refit, or take another trial (top, limits)."
            )
    best = usable[0]
    for run in usable[1:]:
        best = run if objective.better(run.score, best.score) else best
    winner.saved_seed = best.seed
    failure = f"The model cannot be saved as {model_file}"
    if kept is not None and kept.describe():
        failure = f"{failure} ({kept.describe()})"
    with replacing(model_file, failure) as part:
        models[trial, winner.saved_seed].save(part)
        before_the_test()
    if task.test is not None:
        winner.test_scores = [score_on_test(models[trial, run.seed], task) for run in usable]
    return winner


def _rank(trial: int, runs: Sequence[SeedRun], objective: Metric) -> tuple[int, float]:
    """What sorts the trial with the best mean score first, and those with diverged trainings last."""
    scores = [run.score for run in runs if run.trial == trial]
    mean, _ = mean_and_spread(scores)
    return sum(map(math.isnan, scores)), -mean if objective.direction == "maximize" else mean


def _train(
    candidate: Candidate, task: Task, objective: Metric, seed: int, own: ModelFunction | None
) -> tuple[SeedRun, Any]:
    from tcn_search.models.build import build_model

    def build() -> Any:
        return build_model(
            candidate.architecture, task, candidate.settings, None if own is None else own.load()
        )

    made = train_once(build, task, candidate.settings, objective, seed)
    training = made.training
    return (
        SeedRun(
            candidate.trial,
            seed,
            training.score,
            made.metric,
            training.best_epoch,
            sum(made.seconds),
        ),
        made.model,
    )


def _refit(
    candidate: Candidate,
    task: Task,
    objective: Metric,
    seed: int,
    epochs: int,
    own: ModelFunction | None,
) -> Any:
    """A model trained on both parts, or None if that diverged.

    What it says of the validation part, which it has seen, is not used.
    """
    import keras

    from tcn_search.models.build import build_model
    from tcn_search.trainers.fit import train

    keras.utils.set_random_seed(seed)
    data = task.training.joined()
    settings = replace(candidate.settings, epochs=epochs, patience=0)
    model = build_model(candidate.architecture, data, settings, None if own is None else own.load())
    training = train(model, data, settings, objective)
    return None if training.status is TrialStatus.DIVERGED else model
