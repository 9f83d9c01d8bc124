"""Trials as tidy data frames."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import stdev
from typing import Any

import optuna
import pandas as pd

from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.objectives import parameters_of
from tcn_search.settings import SEARCHABLE

# What a user asks of a trial, in the order of asking.
_RESULTS = (
    "best_epoch",
    "epochs",
    "receptive_field",
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


def trials_frame(
    trials: Sequence[optuna.trial.FrozenTrial], definition: Definition
) -> pd.DataFrame:
    """One row a trial.

    Columns: trial; state (Optuna's) and ended ("complete", "pruned" between epochs, "infeasible",
    "diverged", "out_of_memory", "over_time", "unbuildable", "too_large", "failed", "lost", "running",
    "waiting"); score (best epoch's validation value; of several folds, the mean); fold_scores and fold_std (their
    sample deviation), where the study has several folds; best_epoch (of several folds, the rounded mean), epochs (of
    all folds); receptive_field, required_context (within the trial's own look-back) and seq_len in steps; parameters
    of the whole model; seconds in all, and in build, compile (first calls), training and validation; outside_share,
    the part of the seconds in which Python was in no training step (JAX may be at work on one meanwhile); the
    architecture's fields; the training settings that are searched; reason; machine (host, device, backend and
    versions); started (by the clock of the machine that ran it, without a time zone).
    """
    rows = [_row(trial, definition) for trial in trials]
    settings = [name for name in SEARCHABLE if any(name in row["settings"] for row in rows)]
    architecture = [
        *_ARCHITECTURE,
        *(["look_back"] if definition.space.look_back is not None else []),
    ]
    results = [
        "score",
        *(["fold_scores", "fold_std"] if definition.search.folds > 1 else []),
        *_RESULTS,
    ]
    columns = [
        "trial",
        "state",
        "ended",
        *results,
        *architecture,
        *settings,
        "reason",
        "machine",
        "started",
    ]
    flat = [{**row, **row["settings"]} for row in rows]
    return pd.DataFrame(flat, columns=columns)


def curves_frame(trials: Sequence[optuna.trial.FrozenTrial]) -> pd.DataFrame:
    """One row an epoch of a trial: trial, fold (where there are several) and epoch from 1, and loss, val_loss, metrics
    and seconds."""
    rows = [
        {"trial": trial.number, **numbers}
        for trial in trials
        for numbers in trial.user_attrs.get("result", {}).get("curve", [])
    ]
    if not rows:
        return pd.DataFrame(columns=["trial", "epoch"])
    frame = pd.DataFrame(rows)
    training = [column for column in ("trial", "fold") if column in frame]
    frame.insert(len(training), "epoch", frame.groupby(training, dropna=False).cumcount() + 1)
    return frame


def _row(trial: optuna.trial.FrozenTrial, definition: Definition) -> dict[str, Any]:
    result = trial.user_attrs.get("result", {})
    described = trial.user_attrs.get("architecture")
    row: dict[str, Any] = {
        "trial": trial.number,
        "state": trial.state.name,
        "ended": ended(trial),
        "score": result.get("score"),
        "best_epoch": result.get("best_epoch") or None,
        "epochs": len(result.get("curve", [])) or None,
        "required_context": definition.required_context,
        "seq_len": definition.spec.seq_len,
        **_folds(result.get("folds", [])),
        **_seconds(result.get("seconds", {})),
        "reason": result.get("reason") or trial.user_attrs.get("infeasible") or "",
        "machine": result.get("machine", ""),
        "started": trial.datetime_start,
        "settings": {name: trial.params[name] for name in SEARCHABLE if name in trial.params},
    }
    if described is not None:
        architecture = Architecture.from_dict(described)
        row |= {
            key: value for key, value in described.items() if key in (*_ARCHITECTURE, "look_back")
        }
        row["required_context"] = architecture.steps_of(definition.required_context)
        row["dilations"] = ",".join(map(str, architecture.dilations))
        row["levels"] = architecture.levels
        row["receptive_field"] = architecture.receptive_field
        row["parameters"] = parameters_of(architecture, definition, result)
    return row


def _folds(folds: list[dict[str, float]]) -> dict[str, Any]:
    scores = [fold["score"] for fold in folds]
    return {
        "fold_scores": ", ".join(f"{score:.6g}" for score in scores) or None,
        "fold_std": stdev(scores) if len(scores) > 1 else None,
    }


def _seconds(seconds: dict[str, float]) -> dict[str, float | None]:
    total = seconds.get("total")
    training = seconds.get("training")
    in_steps = None if training is None else training - seconds.get("between", 0.0)
    return {
        "seconds": total,
        **{
            f"seconds_{phase}": seconds.get(phase)
            for phase in ("build", "compile", "training", "validation")
        },
        "outside_share": 1 - in_steps / total if total and in_steps is not None else None,
    }


def ended(trial: optuna.trial.FrozenTrial) -> str:
    """How a trial ended, or what it does now, in the words of `trials_frame`."""
    result = trial.user_attrs.get("result", {})
    if result:
        return "pruned" if result["ended"] == "stopped" else result["ended"]
    if trial.state is optuna.trial.TrialState.PRUNED:
        return "infeasible"
    return "lost" if trial.state is optuna.trial.TrialState.FAIL else trial.state.name.lower()
