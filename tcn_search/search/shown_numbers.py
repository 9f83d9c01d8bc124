"""The validation numbers of a trial that are shown beside its score, whatever the objective."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tcn_search.search.definition import Definition
from tcn_search.search.ranking import VALIDATION_LOSS, recorded_number
from tcn_search.workers.trial import TrialOutcome


def names_beside_score(definition: Definition) -> tuple[str, ...]:
    """Return the names of the numbers that are shown beside the score of a study.

    The validation loss, and where targets are classes the first metric of the task, such as
    "val_accuracy"; each unless it is the score itself.
    """
    kind = definition.spec.task_kind
    names = [VALIDATION_LOSS]
    if kind.has_classes:
        names.append(f"val_{kind.metrics[0].name}")
    return tuple(name for name in names if name != definition.objective.name)


def numbers_beside_score(
    outcome: TrialOutcome | None, names: Sequence[str]
) -> dict[str, float | None]:
    """Return these numbers in the best epoch of a trial; None where they were not recorded."""
    return {name: recorded_number(outcome, name) for name in names}


def score_in_words(name: str, score: float, beside: Mapping[str, float | None]) -> str:
    """Return a score with the numbers beside it.

    >>> score_in_words("val_loss", 0.41, {"val_accuracy": 0.875})
    'val_loss 0.41, val_accuracy 0.875'
    """
    numbers = {name: score, **beside}
    return ", ".join(f"{key} {value:.4g}" for key, value in numbers.items() if value is not None)
