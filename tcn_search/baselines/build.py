"""Build the compiled Keras model of a network that a TCN is compared with."""

from __future__ import annotations

from typing import Any

import keras

from tcn_search.baselines.contender_names import CONVOLUTIONAL
from tcn_search.baselines.convolutional import build_convolutional
from tcn_search.baselines.recurrent import Recurrent, sized_to
from tcn_search.models.build import assemble
from tcn_search.models.compilation import AnyTask, spec_of
from tcn_search.settings import TrainingSettings

_LAYERS = {"simple_rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def build_contender(
    contender: str, parameters: int, task: AnyTask, settings: TrainingSettings
) -> keras.Model:
    """Return the compiled model of a contender that is a network, but not the TCN.

    Args:
        contender: name such as "fcn" or "lstm:2".
        parameters: number of parameters to which a recurrent network is sized.
        task: the task, its training data or its specification.
        settings: training settings.
    """
    if contender in CONVOLUTIONAL:
        return build_convolutional(contender, task, settings)
    cell, _, layers = contender.partition(":")
    spec = spec_of(task)
    recurrent = sized_to(
        parameters,
        cell,
        int(layers or 1),
        input_channels=spec.input_channels,
        outputs=spec.outputs,
        vocabulary=spec.vocabulary,
    )
    return build_baseline(recurrent, task, settings)


def build_baseline(
    recurrent: Recurrent, task: AnyTask, settings: TrainingSettings | None = None
) -> keras.Model:
    """Return a compiled model that differs from the TCN's model in its body only.

    Standardisation, head, loss, metrics and optimiser are the same. The head reads the last valid
    step, or every step if the task asks for it.

    Args:
        recurrent: cell, width and number of layers.
        task: the task, its training data or its specification.
        settings: training settings; their dropout applies to the inputs of each layer.

    Returns:
        A model from sequences (B, T, C) to predictions as in `build_model`.
    """
    spec = spec_of(task)
    if settings is None:
        settings = TrainingSettings()
    layer = _LAYERS[recurrent.cell]

    def body(x: Any) -> Any:
        for number in range(recurrent.layers):
            is_last = number == recurrent.layers - 1
            x = layer(
                recurrent.units,
                return_sequences=spec.task_kind.reads_every_step or not is_last,
                dropout=settings.dropout_rate,
                name=f"{recurrent.cell}_{number + 1}",
            )(x)
        return x

    return assemble(body, task, settings, recurrent.units)
