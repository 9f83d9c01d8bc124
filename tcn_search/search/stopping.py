"""Stop a run after too many trials without improvement, or too many failures in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tcn_search.errors import TrialsFailedError
from tcn_search.search.objectives import Front
from tcn_search.search.trial_record import TrialRecord
from tcn_search.tasks.kinds import Metric
from tcn_search.trial_status import TrialStatus
from tcn_search.workers.trial import TrialOutcome

ERRORS_IN_A_ROW = 3
LIMITS_IN_A_ROW = 10
LIMITS_AT_THE_START = 5  # while no trial of the study has ended well
TOO_LARGE_IN_A_ROW = 100  # each costs the building of a model, but no training
_ADVICE = {
    TrialStatus.DIVERGED: "Smaller learning rates or gradient clipping keep the loss finite.",
    TrialStatus.OUT_OF_MEMORY: (
        "Smaller networks, smaller batches or fewer workers need less memory."
    ),
    TrialStatus.TIMED_OUT: "A longer --trial-timeout, fewer epochs or smaller networks would fit.",
    TrialStatus.TOO_LARGE: "A larger max_params, or a space of smaller networks, would fit.",
    TrialStatus.UNBUILDABLE: "The space or the model needs a change.",
}


class BadTrials:
    """The trials that failed, or ran into a limit, since the last success.

    Args:
        any_success: whether any trial of the study was complete or pruned so far.
    """

    def __init__(self, any_success: bool) -> None:
        self._in_a_row: list[TrialOutcome] = []
        self._any_success = any_success

    def add_success(self) -> None:
        """Count from zero again."""
        self._in_a_row.clear()
        self._any_success = True

    def add(self, outcome: TrialOutcome) -> None:
        """Count a failure. A stale trial counts only where its second try was stale too.

        One event may take the workers of many trials.

        Raises:
            TrialsFailedError: too many trials in a row failed or ran into a limit.
        """
        self._in_a_row.append(outcome)
        newest = self._in_a_row[-ERRORS_IN_A_ROW:]
        if len(newest) == ERRORS_IN_A_ROW and all(end.status.is_error for end in newest):
            raise TrialsFailedError(
                f"{ERRORS_IN_A_ROW} trials in a row ended in an error, "
                f"the last with: {outcome.reason}"
            )
        if self._is_over_limit():
            raise TrialsFailedError(self._summary())

    def _is_over_limit(self) -> bool:
        trained = [end for end in self._in_a_row if end.status is not TrialStatus.TOO_LARGE]
        most = LIMITS_IN_A_ROW if self._any_success else LIMITS_AT_THE_START
        return len(trained) >= most or len(self._in_a_row) >= TOO_LARGE_IN_A_ROW

    def _summary(self) -> str:
        counts = Counter(end.status for end in self._in_a_row).most_common()
        listed = ", ".join(f"{count} {status.in_words}" for status, count in counts)
        parts = [f"{len(self._in_a_row)} trials in a row ended badly: {listed}."]
        reason = self._in_a_row[-1].reason.rstrip(".")
        if reason:
            parts.append(f"The last: {reason}.")
        most_frequent = counts[0][0]
        if most_frequent in _ADVICE:
            parts.append(_ADVICE[most_frequent])
        return " ".join(parts)


class Patience:
    """Count the finished trials since the last improvement.

    With one objective a trial improves if it is better than all before it; with several, if no
    earlier trial is as good in each of them.

    Args:
        finished: records of the study's finished trials.
    """

    def __init__(self, metrics: Sequence[Metric], finished: Sequence[TrialRecord]) -> None:
        self._front = Front(metrics)
        self.without_improvement = 0
        for record in sorted(finished, key=lambda record: str(record.completed)):
            self.count(record.values)

    def count(self, values: Sequence[float] | None) -> None:
        """Count a finished trial by its values; None if it was not trained to its end."""
        improves = values is not None and self._front.add(values)
        if improves:
            self.without_improvement = 0
        else:
            self.without_improvement += 1
