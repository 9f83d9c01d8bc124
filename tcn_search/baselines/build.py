"""From a recurrent baseline and a task to a compiled Keras model."""

from __future__ import annotations

from typing import Any

import keras

from tcn_search.baselines.recurrent import Recurrent
from tcn_search.models.build import AnyTask, assemble, spec_of
from tcn_search.settings import TrainingSettings

_LAYERS = {"simple_rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


def build_baseline(
    recurrent: Recurrent, task: AnyTask, settings: TrainingSettings | None = None
) -> keras.Model:
    """A compiled model that differs from the TCN's in its body only: same ends, loss, metrics and optimiser.

    The last valid step is read, or every step where the task asks for it. The settings' dropout applies to
    each layer's inputs.
    """
    spec = spec_of(task)
    settings = settings or TrainingSettings()
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
