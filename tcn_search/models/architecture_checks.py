"""Checks that an architecture can be built for a task."""

from __future__ import annotations

import keras

from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.tasks.task_spec import TaskSpec


def check_architecture(architecture: Architecture, spec: TaskSpec) -> None:
    """Raise an error if the readout, padding or activation cannot be used for the task."""
    every_step = spec.task_kind.reads_every_step
    if every_step != (architecture.readout == "sequence"):
        allowed = "'last', 'max', 'average' or 'flatten'"
        if every_step:
            allowed = "'sequence'"
        raise InputError(
            f"readout must be {allowed} for {spec.kind} ({spec.task_kind.description}). "
            f"Received: {architecture.readout!r}"
        )
    architecture.require_patches(spec.seq_len)
    if architecture.patch > 1 and spec.ragged:
        raise InputError(
            f"patch must be 1 where sequences differ in length. Received: {architecture.patch}"
        )
    if architecture.look_back is not None and spec.ragged:
        raise InputError(
            "look_back must be None where sequences differ in length. Received: "
            f"{architecture.look_back}"
        )
    if architecture.readout == "flatten" and spec.ragged:
        raise InputError(
            "readout must be 'last', 'max' or 'average' for sequences of different length. "
            "Received: 'flatten'"
        )
    if spec.vocabulary and architecture.padding != "causal":
        raise InputError(
            "padding must be 'causal' where the next token is asked for: any other sees it. "
            f"Received: {architecture.padding!r}"
        )
    try:
        keras.activations.get(architecture.activation)
    except ValueError as error:
        raise InputError(
            "activation must be the name of a Keras activation. "
            f"Received: {architecture.activation!r}"
        ) from error
