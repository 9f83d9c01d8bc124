"""Scores of a custom model, between the study's standardisation and its predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tcn_search.custom_model.masked_model import MaskedModel
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.text import counted

# architecture, task, settings -> a model from (B, T, C) to scores (B, outputs) or (B, T, outputs)
BuildModel = Callable[[Architecture, TaskSpec, TrainingSettings], keras.Model]

_KINDS_WITH_ACTIVATION = ("classification", "labelling", "multi_label")


def custom_scores(
    x: Any,
    model_fn: BuildModel,
    architecture: Architecture,
    spec: TaskSpec,
    settings: TrainingSettings,
) -> Any:
    """Return the scores (B, outputs) or (B, T, outputs) of a custom model for sequences `x`.

    Args:
        x: standardised sequences, (B, T, C).
        model_fn: the user's function that builds the model.
        architecture: first argument of `model_fn`.
        spec: second argument of `model_fn`, the task's specification.
        settings: third argument of `model_fn`.

    Raises:
        InputError: the function returns no Keras model, or the model does not fit the task.
    """
    model = model_fn(architecture, spec, settings)
    if not isinstance(model, keras.Model):
        raise InputError(f"model_fn must return a keras.Model. Received: {type(model).__name__}")
    _require_no_activation(model, spec)
    if spec.ragged:
        scores = MaskedModel(model, name="own")(x)  # a name that saved models hold
    else:
        scores = model(x)
    expected: tuple[int, ...] = (spec.outputs,)
    if spec.task_kind.reads_every_step:
        expected = (spec.output_steps, spec.outputs)
    shape = tuple(getattr(scores, "shape", ())[1:])
    if shape != expected:
        raise InputError(
            f"The model of model_fn must give {_with_batch(expected)} for {spec.kind} with "
            f"{counted(spec.outputs, 'output')}. Received: {_with_batch(shape)}"
        )
    return scores


def _require_no_activation(model: keras.Model, spec: TaskSpec) -> None:
    """Raise an InputError if the model ends in the activation that the study adds.

    A softmax of a softmax would raise no error, but make a study slow to learn.
    """
    if not model.layers:
        return
    last_layer = model.layers[-1]
    # A layer such as keras.layers.Softmax is the activation itself.
    layer_name = type(last_layer).__name__.lower()
    activation = getattr(getattr(last_layer, "activation", None), "__name__", layer_name)
    if spec.task_kind.name in _KINDS_WITH_ACTIVATION and activation in ("softmax", "sigmoid"):
        raise InputError(
            "The model of model_fn must end in scores without an activation: the study adds the "
            f"activation of {spec.kind}. Received: {activation}"
        )


def _with_batch(shape: tuple[int | None, ...]) -> str:
    """Return the text of a shape with the batch axis in front: "(batch, 16, 2)"."""
    return f"({', '.join(map(str, ('batch', *shape)))})"
