"""Trials as tidy data frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import stdev
from typing import Any

import pandas as pd

from tcn_search.search.definition import Definition
from tcn_search.search.shown_numbers import names_beside_score, numbers_beside_score
from tcn_search.search.trial_record import TrialRecord
from tcn_search.search.trial_values import parameter_count
from tcn_search.settings import SEARCHABLE

# In the order in which users ask for them.
_RESULTS = (
    "best_epoch",
    "epochs",
    "receptive_field",
    "output_receptive_field",
    "required_context",
    "seq_len",
    "parameters",
    "seconds",
    "seconds_build",
    "seconds_compile",
    "seconds_training",
    "seconds_validation",
    "outside_share",
)
_ARCHITECTURE = (
    "nb_filters",
    "kernel_size",
    "dilations",
    "levels",
    "nb_stacks",
    "padding",
    "norm",
    "use_skip_connections",
    "activation",
    "readout",
)
# Columns where the space has the dimension.
_OPTIONAL = ("look_back", "patch", "patch_stride", "channels", "window_norm", "linear_path")


def trials_frame(records: Sequence[TrialRecord], definition: Definition) -> pd.DataFrame:
    """Return one row a trial.

    Columns:
        trial: number, from 0.
        state: Optuna's.
        ended: the status, a word of `TrialStatus`.
        score: validation value of the best epoch; over several folds, the mean.
        val_loss: in that epoch; only where the score is another number. It ranks trials of equal
            score.
        val_accuracy: in that epoch, where targets are classes, or the first metric of the task
            under its name; only where the score is another number.
        fold_scores, fold_std: of each fold, and their sample standard deviation; only where the
            study has several folds.
        best_epoch, epochs: from 1, or 0 for the start of a network with a linear path; over several
            folds, the rounded mean and the sum.
        receptive_field: of one step of the TCN, in steps.
        output_receptive_field: of the output; through a pooled readout all steps.
        required_context: what one step must see, within the trial's own look-back; missing where
            the readout is pooled and nothing is required of one step.
        seq_len: in steps.
        parameters: of the whole model.
        seconds: in all; and in build, compile (first calls), training and validation.
        outside_share: share of the seconds in which Python was in no training step (JAX may be at
            work on a step meanwhile).
        nb_filters, ...: the fields of the architecture.
        learning_rate, ...: the training settings that are searched.
        reason: why the trial ended as it did.
        machine: host, device, backend and versions.
        started, completed: by the clock of the machine that ran it, without a time zone.
    """
    rows = [_row(record, definition) for record in records]
    searched = [name for name in SEARCHABLE if any(name in record.suggested for record in records)]
    columns = ["trial", "state", "ended", "score"]
    columns += names_beside_score(definition)
    if definition.search.folds > 1:
        columns += ["fold_scores", "fold_std"]
    columns += [*_RESULTS, *_ARCHITECTURE]
    columns += [name for name in _OPTIONAL if getattr(definition.space, name) is not None]
    columns += [*searched, "reason", "machine", "started", "completed"]
    return pd.DataFrame(rows, columns=columns)


def curves_frame(records: Sequence[TrialRecord]) -> pd.DataFrame:
    """Return one row an epoch of a trial.

    Columns: trial, fold (where there are several), epoch (from 1), loss, val_loss, metrics,
        seconds.
    """
    outcomes = {record.number: record.outcome for record in records}
    return frame_of_curves(
        {number: outcome.curve for number, outcome in outcomes.items() if outcome is not None}
    )


def frame_of_curves(curves: Mapping[int, Sequence[Mapping[str, float]]]) -> pd.DataFrame:
    """Return one row an epoch of a trial, as `curves_frame`.

    Args:
        curves: the numbers of each epoch, by number of the trial.
    """
    rows = [{"trial": number, **numbers} for number, curve in curves.items() for numbers in curve]
    if not rows:
        return pd.DataFrame(columns=["trial", "epoch"])
    frame = pd.DataFrame(rows)
    training = [column for column in ("trial", "fold") if column in frame]
    epochs = frame.groupby(training, dropna=False).cumcount() + 1
    frame.insert(len(training), "epoch", epochs)
    return frame


def _row(record: TrialRecord, definition: Definition) -> dict[str, Any]:
    row: dict[str, Any] = {
        "trial": record.number,
        "state": record.state.name,
        "ended": record.status.value,
        "score": record.score,
        "required_context": definition.required_context,
        "seq_len": definition.spec.seq_len,
        "reason": record.reason,
        "machine": "",
        "started": record.started,
        "completed": record.completed,
    }
    row |= numbers_beside_score(record.outcome, names_beside_score(definition))
    row |= {name: record.suggested[name] for name in SEARCHABLE if name in record.suggested}
    row |= _outcome_columns(record)
    row |= _architecture_columns(record, definition)
    return row


def _outcome_columns(record: TrialRecord) -> dict[str, Any]:
    outcome = record.outcome
    if outcome is None:
        return {}
    best_epoch: int | None = outcome.best_epoch
    if not best_epoch and not outcome.start:
        best_epoch = None
    columns: dict[str, Any] = {
        "machine": outcome.machine,
        "best_epoch": best_epoch,
        "epochs": len(outcome.curve) or None,
        "seconds": outcome.seconds.get("total"),
        "outside_share": _outside_share(outcome.seconds),
    }
    for phase in ("build", "compile", "training", "validation"):
        columns[f"seconds_{phase}"] = outcome.seconds.get(phase)
    scores = [fold["score"] for fold in outcome.folds]
    if scores:
        columns["fold_scores"] = ", ".join(f"{score:.6g}" for score in scores)
    if len(scores) > 1:
        columns["fold_std"] = stdev(scores)
    return columns


def _outside_share(seconds: dict[str, float]) -> float | None:
    """Return the share of a trial's time in which Python was in no training step."""
    total = seconds.get("total")
    training = seconds.get("training")
    if not total or training is None:
        return None
    in_steps = training - seconds.get("between", 0.0)
    return 1 - in_steps / total


def _architecture_columns(record: TrialRecord, definition: Definition) -> dict[str, Any]:
    architecture = record.architecture
    if architecture is None:
        return {}
    columns = {
        name: value for name, value in architecture.to_dict().items() if name in _ARCHITECTURE
    }
    columns |= {name: getattr(architecture, name) for name in _OPTIONAL}
    columns["dilations"] = ",".join(map(str, architecture.dilations))
    columns["levels"] = architecture.levels
    columns["receptive_field"] = architecture.receptive_field
    seq_len = definition.spec.seq_len
    columns["output_receptive_field"] = architecture.output_receptive_field(seq_len)
    columns["required_context"] = definition.required_context_of(architecture)
    columns["parameters"] = parameter_count(architecture, definition, record.outcome)
    return columns
