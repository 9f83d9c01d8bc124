"""Which steps of a sequence decide a model's output: attributions and class activation maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
import pandas as pd
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tensor import Tensor
from tcn_search.models.gradients import gradients_of, require_sequences
from tcn_search.models.readout import PoolOverTime


def input_attributions(
    model: keras.Model,
    X: np.ndarray,
    outputs: Sequence[int] | None = None,
    steps: int = 32,
    batch_size: int = 32,
) -> np.ndarray:
    """Return how much each number of each sequence adds to an output (integrated gradients).

    A(x) = (x − b) · mean over k of ∂f(b + (k + ½)/steps · (x − b))/∂x, where f is the output and b
    the mean of X in each channel. The attributions of a sequence add up to f(x) − f(b), but for the
    error of the sum over `steps`. With steps=1 it is the gradient half way times the input.

    Source: Sundararajan et al. 2017, equation 1.

    Args:
        model: from floating-point sequences (n, T, C) to (n, outputs), on any backend.
        X: sequences, (n, T, C).
        outputs: number of the output for each sequence, such as its class; default: the largest
            one.
        steps: between b and x, at which gradients are taken.
        batch_size: sequences for which gradients are taken at once.

    Returns:
        (n, T, C); positive where the number speaks for the output.

    Raises:
        InputError: X is not a non-empty floating-point array of rank 3, the model has an output for
            each step, or `outputs` has another length.
    """
    inputs = require_sequences(X)
    if len(model.output_shape) != 2:
        raise InputError(
            "model must have outputs of shape (n, outputs), one row for each sequence. "
            f"Received: a model with outputs of shape {model.output_shape}"
        )
    if outputs is not None and len(outputs) != len(inputs):
        raise InputError(
            f"outputs must have one number for each of the {len(inputs)} sequences. "
            f"Received: {len(outputs)}"
        )
    baseline = np.nanmean(inputs, axis=(0, 1), keepdims=True)
    batches = []
    for start in range(0, len(inputs), batch_size):
        batch = inputs[start : start + batch_size].astype(keras.config.floatx())
        if outputs is None:
            wanted = np.argmax(model.predict_on_batch(batch), axis=1)
        else:
            wanted = np.asarray(outputs[start : start + batch_size], dtype=int)
        chosen = np.eye(model.output_shape[1], dtype=batch.dtype)[wanted]
        difference = np.nan_to_num(batch - baseline.astype(batch.dtype))  # 0 in padding
        total = np.zeros(batch.shape, dtype="float64")
        for step in range(steps):
            between = batch - (1 - (step + 0.5) / steps) * difference
            total += gradients_of(_sum_of_chosen(model, chosen), between.astype(batch.dtype))
        batches.append(difference * total / steps)
    return np.concatenate(batches)


def _sum_of_chosen(model: keras.Model, chosen: np.ndarray) -> Callable[[Tensor], Tensor]:
    """Return a function that sums the chosen output of each sequence; rows do not mix."""

    def function(x: Tensor) -> Tensor:
        return ops.sum(model(x, training=False) * chosen)

    return function


def class_activation_map(model: keras.Model, X: np.ndarray) -> np.ndarray:
    """Return what each step of the TCN adds to the score of each class, before the softmax.

    M(t, c) = Σ over filters f of w(f, c) · x(t, f), for the features x of the TCN and the weights w
    of the head. Source: Zhou et al. 2016, equation 2.

    Args:
        model: that `build_model` built for an architecture with readout "average", so that the mean
            of the map over the steps, and the head's bias, are the score.
        X: sequences, (n, T, C).

    Returns:
        (n, T, classes); with patches, a step for each patch in place of T.

    Raises:
        InputError: X is not a non-empty floating-point array of rank 3, or the model does not
            average over time between its TCN and its head.
    """
    inputs = require_sequences(X)
    layers = {layer.name: layer for layer in model.layers}
    readout = layers.get("readout")
    head = layers.get("head")
    if not isinstance(readout, PoolOverTime) or readout.kind != "average" or head is None:
        raise InputError(
            "A class activation map needs a model whose readout is 'average'. Use "
            "input_attributions for other models."
        )
    features = keras.Model(model.input, readout.input).predict(inputs, verbose=0)
    weights = np.asarray(ops.convert_to_numpy(head.kernel))
    return np.asarray(features @ weights)


def attribution_frame(
    X: np.ndarray, attributions: np.ndarray, classes: Sequence[object]
) -> pd.DataFrame:
    """Return sequences and attributions as a table, for `plots.attribution`.

    Args:
        X: sequences, (n, T, C).
        attributions: as `input_attributions` returns them; those of the channels are added.
        classes: of each sequence, n names or numbers.

    Returns:
        One row for each step of each sequence: sequence, class, step, value (of the first channel)
        and attribution.
    """
    count, steps = X.shape[:2]
    return pd.DataFrame(
        {
            "sequence": np.repeat(np.arange(count), steps),
            "class": np.repeat(np.asarray(classes, dtype=object), steps),
            "step": np.tile(np.arange(steps), count),
            "value": X[:, :, 0].ravel(),
            "attribution": attributions.sum(axis=2).ravel(),
        }
    )
