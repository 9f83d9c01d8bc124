"""A causal network as a function of one step and a state, for streams."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from tcn_search.layers.tcn import TCN
from tcn_search.layers.tensor import Tensor
from tcn_search.models.ensemble import members_of
from tcn_search.models.standardize import Predictions, Standardize
from tcn_search.text import listed


def why_not_by_steps(model: keras.Model) -> str:
    """Return why a model cannot take one step at a time, in words; "" if it can."""
    for member in members_of(model):
        reason = _why_not(member)
        if reason:
            return reason
    return ""


def _why_not(member: keras.Model) -> str:
    layers = _layers(member)
    tcn = next((layer for layer in layers if isinstance(layer, TCN)), None)
    if tcn is None:
        return "it is no network of a single TCN"
    if tcn.padding != "causal":
        return f'its TCN has padding="{tcn.padding}", so that a step depends on later ones'
    if member.get_layer("standardize").by_series:
        return "it standardises each sequence by all of its steps"
    wanted = (Standardize, TCN, keras.layers.Dense, Predictions)
    others = [layer.name for layer in layers if not isinstance(layer, wanted)]
    if others or len(layers) != len(wanted):
        return f"its layers {listed(others, 4)} look at several steps"
    return ""


def _layers(member: keras.Model) -> list[keras.layers.Layer]:
    return [layer for layer in member.layers if not isinstance(layer, keras.layers.InputLayer)]


class StepSignature(keras.layers.Layer):
    """Turn one step (B, 1, C) and a state (B, S) into predictions (B, K) and the next state.

    The state holds the last inputs of each convolution of each member, one after the other. After n
    steps from a state of zeros, the predictions are those of the network on these n steps, whose
    last step it reads.

    Args:
        model: for which `why_not_by_steps` has no reason.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name="step")
        self._members = [_Member(member) for member in members_of(model)]
        self.channels = model.input_shape[-1]
        self.state_size = sum(member.state_size for member in self._members)
        self.built = True

    def call(self, step: Tensor, state: Tensor) -> dict[str, Tensor]:
        predictions = []
        states = []
        first = 0
        for member in self._members:
            own = state[:, first : first + member.state_size]
            first += member.state_size
            predicted, next_state = member(step, own)
            predictions.append(predicted)
            states.append(next_state)
        mean = predictions[0]
        for predicted in predictions[1:]:
            mean = mean + predicted
        return {
            "predictions": mean / len(predictions),
            "state": ops.cast(ops.concatenate(states, axis=1), "float32"),
        }

    def add_to(self, archive: Any) -> None:
        """Add the signature `step` to an archive of Keras."""
        archive.track_and_add_endpoint(
            "step",
            self,
            [
                keras.InputSpec(shape=(None, 1, self.channels), dtype="float32", name="step"),
                keras.InputSpec(shape=(None, self.state_size), dtype="float32", name="state"),
            ],
        )

    def metadata(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "step": [-1, 1, self.channels],
            "state": [-1, self.state_size],
            "first_state": "zeros",
        }


class _Member(keras.layers.Layer):
    """One network of a `StepSignature`."""

    def __init__(self, member: keras.Model) -> None:
        super().__init__(name=f"{member.name}_step")
        self._standardize, tcn, self._head, self._predictions = _layers(member)
        config = {**tcn.get_config(), "return_state": True, "return_sequences": False}
        self._tcn = TCN.from_config({**config, "name": f"{member.name}_tcn_step"})
        channels = member.input_shape[-1]
        self._tcn.build((None, 1, channels))
        self._tcn.set_weights(tcn.get_weights())
        self._shapes = self._tcn.state_shapes(channels)
        self.state_size = sum(math.prod(shape) for shape in self._shapes)
        self.built = True

    def call(self, step: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        states = []
        first = 0
        for shape in self._shapes:
            size = math.prod(shape)
            states.append(ops.reshape(state[:, first : first + size], (-1, *shape)))
            first += size
        x = self._standardize.call(step)
        features, *next_states = self._tcn(x, initial_state=states, training=False)
        outputs = self._predictions(self._head(features))
        flat = [
            ops.reshape(each, (-1, math.prod(shape)))
            for each, shape in zip(next_states, self._shapes, strict=True)
        ]
        return outputs, ops.concatenate(flat, axis=1)
