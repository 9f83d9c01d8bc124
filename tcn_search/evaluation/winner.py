"""The stored result of `best`: the winner, its trainings over seeds and its test scores."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, with_config

from tcn_search.evaluation.final_training import SeedRun
from tcn_search.evaluation.spread import with_spread
from tcn_search.storage.stored_values import STRICT

EVALUATIONS = "Test evaluations"  # name of a fact


@with_config(STRICT)
@dataclass
class Winner:
    """Result of `best`. The names of the fields are those under which it is stored.

    Attributes:
        trial: number of the winner.
        runs: all trainings, of all candidates.
        objective: name of the number in `SeedRun.score`.
        metric: name of the numbers in `SeedRun.metric` (validation split) and `test_scores`.
        test_scores: the winner's metric on the test split, one for each of its trainings that did
            not diverge, in their order; empty if the task has no test split.
        saved_seed: seed of the model that was saved, the one with the best validation score.
        read_at: when the winner was scored on the test split, ISO 8601 in UTC.
        readings: test evaluations of the study so far, this one included; see
            `Study.test_evaluations`.
        model_file: where the model was saved.
        refit_epochs: epochs of the trainings on training and validation split together, whose
            models were scored on the test split; 0 where there were none.
        made_with: digest of everything that decides the results of the trainings.
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
        """Return a candidate's trainings."""
        return [run for run in self.runs if run.trial == trial]

    def is_result_of(
        self, wanted: set[tuple[int, int]], made_with: str, file: Path, refit: bool
    ) -> bool:
        """Return whether this is the result of the wanted trainings, with its model still there.

        Args:
            wanted: (trial, seed) of each training.
            made_with: digest of everything that decides their results.
            file: where the model is wanted.
            refit: whether the winner is trained on training and validation split together.
        """
        trained = {(run.trial, run.seed) for run in self.runs}
        if trained != wanted or self.made_with != made_with or bool(self.refit_epochs) != refit:
            return False
        return Path(self.model_file) == file and file.exists()

    def facts(self) -> dict[str, str]:
        """Return the result in words, by name: "Ranked by val_loss", "Winner over 3 seeds", ..."""
        runs = self.winning_runs
        facts = {}
        if len(self.ranked) > 1:
            facts[f"Ranked by {self.objective}"] = "; ".join(
                f"trial {trial}: {with_spread([run.score for run in self.runs_of(trial)])}"
                for trial in self.ranked
            )
        seeds = "1 seed" if len(runs) == 1 else f"{len(runs)} seeds"
        validation = with_spread([run.metric for run in runs])
        facts[f"Winner over {seeds}"] = f"trial {self.trial}, validation {self.metric} {validation}"
        if self.refit_epochs:
            facts["Trained again"] = (
                f"on training and validation split together, {self.refit_epochs} epochs, "
                "with the same seeds"
            )
        if self.test_scores:
            facts["Test"] = f"{self.metric} {with_spread(self.test_scores)}, {self.read_at}"
            facts[EVALUATIONS] = evaluations_in_words(self.readings)
        else:
            facts["Test"] = "the task has no test split"
        return facts

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.facts().items())

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
