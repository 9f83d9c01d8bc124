"""When a run stops early: scores no longer improve, or trial after trial fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import optuna
from optuna.trial import TrialState

from tcn_search.errors import InputError
from tcn_search.search.objectives import Front
from tcn_search.tasks.kinds import Metric
from tcn_search.workers.failures import ERRORS
from tcn_search.workers.trial import TrialOutcome

ERRORS_IN_A_ROW = 3
LIMITS_IN_A_ROW = 10
LIMITS_AT_THE_START = 5  # while no trial of the study has ended well
TOO_LARGE_IN_A_ROW = 100  # they cost a model that is built, no training
_ADVICE = {
    "diverged": "Smaller learning rates or gradient clipping keep the loss finite.",
    "out_of_memory": "Smaller networks, smaller batches or fewer workers need less memory.",
    "over_time": "A longer --trial-timeout, fewer epochs or smaller networks would fit.",
    "too_large": "A larger max_params, or a space of smaller networks, would fit.",
    "unbuildable": "The space or the model needs a change.",
}


class TrialsFail(InputError):
    """Trial after trial ended badly."""


def ended_well(trial: optuna.trial.FrozenTrial) -> bool:
    """Trained to its end, or pruned between epochs."""
    return trial.user_attrs.get("result", {}).get("ended") in ("complete", "stopped")


def give_up_after(bad: list[TrialOutcome], any_good: bool) -> None:
    """Raise TrialsFail when the trials that just ended badly, one after the other, are too many.

    Lost trials are among them only where a second try was lost too: one event may take the workers of many.
    """
    last = bad[-1]
    if len(bad) >= ERRORS_IN_A_ROW and all(end.ended in ERRORS for end in bad[-ERRORS_IN_A_ROW:]):
        raise TrialsFail(
            f"{ERRORS_IN_A_ROW} trials in a row ended in an error, the last with: {last.reason}"
        )
    costly = sum(end.ended != "too_large" for end in bad)
    if (
        costly >= (LIMITS_IN_A_ROW if any_good else LIMITS_AT_THE_START)
        or len(bad) >= TOO_LARGE_IN_A_ROW
    ):
        counts = Counter(end.ended for end in bad)
        listed = ", ".join(
            f"{count} {ended.replace('_', ' ')}" for ended, count in counts.most_common()
        )
        reason = f" The last: {last.reason.rstrip('.')}." if last.reason else ""
        advice = _ADVICE.get(counts.most_common(1)[0][0], "")
        raise TrialsFail(
            f"{len(bad)} trials in a row ended badly: {listed}.{reason} {advice}".rstrip()
        )


class Patience:
    """Counts finished trials since the last that was better than all before it.

    With several objectives a trial is better if no earlier one is as good in each of them.

    Args:
        finished: the study's finished trials.
    """

    def __init__(
        self, metrics: Sequence[Metric], finished: Sequence[optuna.trial.FrozenTrial]
    ) -> None:
        self._front = Front(metrics)
        self.without_improvement = 0
        for trial in sorted(finished, key=lambda trial: str(trial.datetime_complete)):
            self.count(trial.values if trial.state is TrialState.COMPLETE else None)

    def count(self, values: Sequence[float] | None) -> None:
        """Take note of a finished trial; None for one that was not trained to its end."""
        better = values is not None and self._front.add(values)
        self.without_improvement = 0 if better else self.without_improvement + 1
