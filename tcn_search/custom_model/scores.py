"""What a user's own model function must give, between our standardisation and our predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from tcn_search.custom_model.masked_model import MaskedModel
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.task_spec import TaskSpec

# architecture, task, settings -> a model from (B, T, C) to scores (B, outputs), or (B, T, outputs)
BuildModel = Callable[[Architecture, TaskSpec, TrainingSettings], keras.Model]


def custom_scores(
    x: Any,
    model_fn: BuildModel,
    architecture: Architecture,
    spec: TaskSpec,
    settings: TrainingSettings,
) -> Any:
    """The scores that a user's model gives to standardised sequences `x` (B, T, C).

    Raises:
        InputError: what the function returns is no Keras model, or its output does not fit the task.
    """
    model = model_fn(architecture, spec, settings)
    if not isinstance(model, keras.Model):
        raise InputError(f"model_fn must return a keras.Model. Received: {type(model).__name__}")
    _require_scores(model, spec)
    scores = MaskedModel(model, name="own")(x) if spec.ragged else model(x)
    wanted = (
        (spec.answered_steps, spec.outputs) if spec.task_kind.reads_every_step else (spec.outputs,)
    )
    found = tuple(getattr(scores, "shape", ())[1:])
    if found != wanted:
        raise InputError(
            f"The model of model_fn must give {_shape(wanted)} for {spec.kind} with {spec.outputs} "
            f"output{'' if spec.outputs == 1 else 's'}. Received: {_shape(found)}"
        )
    return scores


def _require_scores(model: keras.Model, spec: TaskSpec) -> None:
    """Probabilities come from us; taken twice, a softmax would only make a study slow to learn."""
    last = model.layers[-1] if model.layers else None
    activation = getattr(getattr(last, "activation", None), "__name__", type(last).__name__.lower())
    if spec.task_kind.name in ("classification", "labelling", "multi_label") and activation in (
        "softmax",
        "sigmoid",
    ):
        raise InputError(
            f"The model of model_fn must end in scores without an activation: the study adds the one of {spec.kind}. "
            f"Received: {activation}"
        )


def _shape(steps_and_outputs: tuple[int | None, ...]) -> str:
    return f"({', '.join(map(str, ('batch', *steps_and_outputs)))})"
