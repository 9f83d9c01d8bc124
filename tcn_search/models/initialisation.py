"""Initial weights with which a model answers its first batch like a constant prediction.

A stack of residual blocks with keras-tcn's initialisation multiplies its inputs: 18 blocks without
a norm begin with a cross-entropy of 35 for two classes, where a constant prediction has 0.69.
"""

from __future__ import annotations

import numpy as np

from tcn_search.layers.tcn import TCN
from tcn_search.planning.architecture import Architecture
from tcn_search.tasks.kinds import NO_CLASS
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData

_FEWEST = 0.5  # occurrences of a class without any, so that its logarithm is finite


def residual_scale(architecture: Architecture) -> float:
    """Return the factor of each residual branch: 1 over the number of blocks."""
    return 1 / len(architecture.blocks)


def scale_residual_branches(tcn: TCN, factor: float) -> None:
    """Multiply the output of each residual branch of a built layer by a factor.

    It is the scale of the branch's last norm that is multiplied, or, where there is none, the last
    kernel. Neither can be zero, as in SkipInit (De and Smith 2020): behind a relu, a branch that is
    zero has no gradient.
    """
    for block in tcn.residual_blocks:
        last = block.convolutions[-1]
        scale = last.kernel
        if tcn.norm == "weight":
            scale = last.scale
        elif block.norms:
            scale = block.norms[-1].gamma
        scale.assign(scale * factor)


def constant_scores(spec: TaskSpec, train: SplitData) -> np.ndarray:
    """Return the scores (outputs,) of the best constant prediction for the training split.

    Logarithms of the classes' frequencies, log odds of the labels, or the mean of the numbers in
    units of the loss. Class weights count. A forecast from the last value adds nothing to it.
    """
    if spec.last_value_channels:
        return np.zeros(spec.outputs)
    if spec.kind == "multi_label":
        labels = train.y.reshape(len(train), -1)
        occurrences = np.clip(labels.sum(axis=0), _FEWEST, len(train) - _FEWEST)
        log_odds: np.ndarray = np.log(occurrences / (len(train) - occurrences))
        return log_odds
    if spec.task_kind.has_classes:
        classes = train.y[train.y != NO_CLASS].astype("int64").ravel()
        counts = np.maximum(np.bincount(classes, minlength=spec.outputs), _FEWEST)
        if spec.class_weights:
            counts = counts * np.asarray(spec.class_weights)
        logs: np.ndarray = np.log(counts / counts.sum())
        return logs
    mean: np.ndarray = train.y.reshape(len(train), -1).mean(axis=0, dtype="float64")
    if spec.target_mean:
        mean = (mean - np.asarray(spec.target_mean)) / np.asarray(spec.target_std)
    return mean
