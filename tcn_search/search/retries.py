"""Trials whose process has died: seen at the next start, recorded, and run again once with the same parameters.

Every step can be interrupted by the next kill: a sweep repairs whatever an earlier one, or a run, left half done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.objectives import objective_values

RETRY_OF = "retry_of"
QUEUED = "queued"
# what a second try has in common with the first
PLANNED = "planned"
EPOCHS = "epochs"


def enqueue(study: optuna.Study, parameters: Mapping[str, Any], **attributes: Any) -> None:
    """Queue parameters; they are kept with the trial too, should it be lost before it has asked for them."""
    study.enqueue_trial(dict(parameters), user_attrs={QUEUED: dict(parameters), **attributes})


def queue_again(
    study: optuna.Study, number: int, parameters: Mapping[str, Any], attributes: Mapping[str, Any]
) -> None:
    """Queue a lost trial's parameters again, unless it was a second try already, and got as far as a network."""
    if RETRY_OF not in attributes or "architecture" not in attributes:
        kept = {name: attributes[name] for name in (PLANNED, EPOCHS) if name in attributes}
        enqueue(study, {**attributes.get(QUEUED, {}), **parameters}, **{**kept, RETRY_OF: number})


def sweep(study: optuna.Study, definition: Definition) -> int:
    """Trials that an earlier run left RUNNING are ended, and lost ones are queued again. Returns how many were left.

    One whose result had been written, and no more, is told as it ended.
    """
    trials = study.get_trials(deepcopy=False)
    left = [trial for trial in trials if trial.state is TrialState.RUNNING]
    for trial in left:
        _end(study, trial, definition)
    retried = {trial.user_attrs.get(RETRY_OF) for trial in trials}
    for trial in study.get_trials(deepcopy=False, states=(TrialState.FAIL,)):
        if _is_lost(trial) and trial.number not in retried:
            queue_again(study, trial.number, trial.params, trial.user_attrs)
    return len(left)


def _end(study: optuna.Study, trial: FrozenTrial, definition: Definition) -> None:
    result = trial.user_attrs.get("result", {})
    if result.get("ended") == "complete":
        architecture = Architecture.from_dict(trial.user_attrs["architecture"])
        study.tell(trial.number, objective_values(definition, result, architecture))
    elif "infeasible" in trial.user_attrs or result.get("ended") not in (None, "failed", "lost"):
        study.tell(trial.number, state=TrialState.PRUNED)
    else:
        study.tell(trial.number, state=TrialState.FAIL)


def _is_lost(trial: FrozenTrial) -> bool:
    """FAIL without an error of its own."""
    return trial.user_attrs.get("result", {"ended": "lost"})["ended"] == "lost"
