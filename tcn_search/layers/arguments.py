"""Arguments of the layer that must fit each other, and its input."""

from __future__ import annotations

import keras

from tcn_search.errors import InputError
from tcn_search.planning.architecture import NORMS


def one_norm(norm: str | None, **asked: bool) -> str:
    """The one norm that is asked for by `norm` or by keras-tcn's three switches."""
    switches = [name for name, on in asked.items() if on]
    if len(switches) > 1:
        given = ", ".join(f"use_{name}_norm=True" for name in switches)
        raise InputError(f"Only one normalization can be used at once. Received: {given}")
    if norm is None:
        return switches[0] if switches else "none"
    if norm not in NORMS:
        raise InputError(f"norm must be one of {', '.join(map(repr, NORMS))}. Received: {norm!r}")
    if switches and switches[0] != norm:
        raise InputError(
            f"Only one normalization can be used at once. Received: norm={norm!r} "
            f"and use_{switches[0]}_norm=True"
        )
    return norm


def check_state_arguments(padding: str, go_backwards: bool) -> None:
    """Streaming goes forward in time and sees only the past."""
    if padding != "causal":
        raise InputError(
            f"return_state and initial_state need padding='causal'. Received: padding={padding!r}"
        )
    if go_backwards:
        raise InputError("return_state and initial_state need go_backwards=False. Received: True")


def channels_spec(input_shape: tuple[int | None, ...]) -> keras.InputSpec:
    """Specify inputs (B, T, C) of as many channels as a layer is built for.

    Keras checks it at every call; a convolution would take a multiple of the channels for groups.
    """
    if input_shape[-1] is None:
        raise InputError(
            "The number of channels, the last axis of the input, must be known when the layer is "
            f"built. Received: shape {tuple(input_shape)}. Use keras.Input((steps, channels))."
        )
    return keras.InputSpec(ndim=3, axes={-1: input_shape[-1]})
