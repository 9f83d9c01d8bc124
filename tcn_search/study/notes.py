"""Notes on a study for its user: what a run does that may surprise, and what could be better."""

from __future__ import annotations

from tcn_search.search.trial_record import TrialRecord
from tcn_search.search.warm_start import WarmStart
from tcn_search.study.handle import StudyHandle
from tcn_search.tasks.kinds import Metric
from tcn_search.trainers.learning_curve import is_still_improving


def notes_before_a_run(handle: StudyHandle, start: WarmStart) -> list[str]:
    """Return lines to read before a run: custom model, warm start, folds, what is not pruned."""
    definition = handle.definition
    search = definition.search
    lines: list[str] = []
    if definition.model is not None:
        lines.append(f"model {definition.model}")
    if start.trials or start.outside:
        lines.append(str(start))
    if search.folds > 1:
        lines.append(
            f"{search.folds} folds: a trial trains {search.folds} times, and its score is the mean"
        )
    if search.fraction is not None and search.fraction < 1:
        lines.append(_fraction_note(handle, search.fraction))
    if len(search.objectives) > 1 and search.pruner != "none":
        lines.append(
            f"{len(search.objectives)} objectives: no trial is pruned between epochs, "
            "pruners weigh one only"
        )
    return lines


def _fraction_note(handle: StudyHandle, fraction: float) -> str:
    """Return on how many of the training sequences trials are trained."""
    data = handle.training_data
    if data.folds is None:
        count = f"{len(data.train):,} of {len(handle.task.train):,} sequences"
    else:
        count = "a part of the training sequences of each fold"
    return f"trials train on {count} (fraction {fraction:g}); final trainings on all"


def note_on_improvement(best: TrialRecord, objective: Metric, final_epochs: int) -> str:
    """Return what to do where the best trial was still improving at its last epoch; else "".

    Args:
        final_epochs: of the final trainings of the study.
    """
    outcome = best.outcome
    settings = best.settings
    if outcome is None or settings is None:  # None in studies of early versions
        return ""
    if not is_still_improving(outcome.curve, objective):
        return ""
    return (
        f"Trial {outcome.number} was still improving at the last of its {settings.epochs} epochs; "
        f"final trainings have {final_epochs}. Longer ones may be better: give a new study "
        f"epochs = {2 * settings.epochs} in [training], or more epochs in [final] for the final "
        "trainings alone."
    )
