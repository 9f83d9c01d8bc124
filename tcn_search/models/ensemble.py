"""Ensembles: one Keras model that predicts the mean of the predictions of its members."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from tcn_search.models.losses import make_loss
from tcn_search.models.metrics import make_metrics
from tcn_search.models.standardize import Predictions
from tcn_search.tasks.task_spec import TaskSpec

_NAME = "ensemble"


def make_ensemble(members: Sequence[keras.Model], spec: TaskSpec) -> keras.Model:
    """Build the ensemble of several models of one task.

    It maps raw sequences (B, T, C) to the mean of its members' predictions: of probabilities, or of
    values in the targets' own units. Its members are layers named "member_1", "member_2", ... and
    lose their optimisers, which would triple the saved file. A single model is its own ensemble.

    Args:
        members: models that `build_model` built, each with its standardisation and predictions.
        spec: of their task; for loss and metrics.
    """
    if len(members) == 1:
        return members[0]
    together = side_by_side(members)
    outputs = keras.layers.Average(dtype="float32", name="mean")(together.outputs)
    model = keras.Model(together.inputs[0], outputs, name=_NAME)
    quantiles = members[0].layers[-1].quantiles
    for each in (*members, model):
        # Plain SGD has no array for each weight. Keras would not record that it scales the loss.
        each.compile(
            "sgd",
            loss=make_loss(spec, quantiles=quantiles),
            metrics=make_metrics(spec),
            auto_scale_loss=False,
        )
    return model


def side_by_side(members: Sequence[keras.Model]) -> keras.Model:
    """Build one model that maps raw sequences to the list of all members' predictions.

    The members are renamed, because the layers of a model need different names.
    """
    inputs = keras.Input(members[0].input_shape[1:], name="sequences")
    predictions = []
    for number, member in enumerate(members, start=1):
        member.name = f"member_{number}"
        predictions.append(member(inputs))
    return keras.Model(inputs, predictions)


def members_of(model: keras.Model) -> list[keras.Model]:
    """Return the members of an ensemble; another model is its only member."""
    members = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if members and all(isinstance(member.layers[-1], Predictions) for member in members):
        return members
    return [model]
