"""What the learning curve of a training says about its length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tcn_search.tasks.kinds import Metric

FEWEST_EPOCHS = 4
# Share of all that was gained since the first epoch that the last quarter of the epochs must gain.
_SHARE_OF_LAST_QUARTER = 0.1


def is_still_improving(curve: Sequence[Mapping[str, float]], objective: Metric) -> bool:
    """Return whether a training was still getting better when it ended.

    It was if its best epoch is one of the last tenth, and the last quarter of the epochs gained at
    least a tenth of all that was gained since the first epoch. A training of fewer than 4 epochs is
    not judged. In cross-validation the first fold is judged.

    Args:
        curve: numbers of each epoch, as in `Training.curve`.
        objective: name and direction of the number that counts.

    >>> loss = Metric("val_loss", "minimize")
    >>> is_still_improving([{"val_loss": 1 - 0.1 * epoch} for epoch in range(8)], loss)
    True
    >>> is_still_improving([{"val_loss": 0.3**epoch} for epoch in range(8)], loss)
    False
    """
    values = [row[objective.name] for row in curve if row.get("fold", 1) == 1]
    if len(values) < FEWEST_EPOCHS:
        return False
    if objective.direction == "maximize":
        values = [-value for value in values]
    best = min(values)
    is_late = best in values[-max(1, len(values) // 10) :]
    before = min(values[: len(values) - max(1, len(values) // 4)])
    return (
        is_late and best < before and before - best >= _SHARE_OF_LAST_QUARTER * (values[0] - best)
    )
