"""A keras-tcn network with a dense head, as in its README: how it is built and trained."""

from __future__ import annotations

from typing import Any

import keras
from tcn import TCN


def receptive_field(parameters: dict[str, Any]) -> int:
    """Return the receptive field by keras-tcn's own formula."""
    dilations = sum(2**level for level in range(parameters["levels"]))
    return 1 + 2 * (parameters["kernel_size"] - 1) * parameters["nb_stacks"] * dilations


def fit_arguments(asked: dict[str, Any], data: Any) -> dict[str, Any]:
    """Return the arguments of `keras.Model.fit`, but for the callbacks.

    Args:
        asked: batch size and epochs.
        data: the arrays of training and validation split.
    """
    return {
        "x": data["X_train"],
        "y": data["y_train"],
        "batch_size": asked["batch_size"],
        "epochs": asked["epochs"],
        "validation_data": (data["X_val"], data["y_val"]),
        "verbose": 0,
    }


def keras_tcn_model(
    parameters: dict[str, Any], shape: tuple[int, int], outputs: int
) -> keras.Model:
    """Return a compiled model; one output is a number, several are classes."""
    inputs = keras.Input(shape)
    x = TCN(
        nb_filters=parameters["nb_filters"],
        kernel_size=parameters["kernel_size"],
        dilations=[2**level for level in range(parameters["levels"])],
        nb_stacks=parameters["nb_stacks"],
        use_skip_connections=parameters["use_skip_connections"],
        dropout_rate=parameters["dropout_rate"],
        use_layer_norm=parameters["norm"] == "layer",
        use_batch_norm=parameters["norm"] == "batch",
    )(inputs)
    is_number = outputs == 1
    x = keras.layers.Dense(outputs, activation=None if is_number else "softmax")(x)
    model = keras.Model(inputs, x)
    model.compile(
        keras.optimizers.Adam(parameters["learning_rate"]),
        loss="mse" if is_number else "sparse_categorical_crossentropy",
    )
    return model
