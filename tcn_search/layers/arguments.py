"""Checks of the layer's arguments and of its input's shape."""

from __future__ import annotations

import keras

from tcn_search.errors import InputError
from tcn_search.planning.architecture import NORMS


def resolve_norm(norm: str | None, **switches: bool) -> str:
    """Return the norm that is given by `norm` or by keras-tcn's three switches.

    Args:
        norm: a name of `NORMS`, or None if only the switches are given.
        switches: "batch", "layer" and "weight", each with the value of its `use_..._norm`.

    Raises:
        InputError: more than one norm is given, or an unknown one.
    """
    switched_on = [name for name, on in switches.items() if on]
    if len(switched_on) > 1:
        received = ", ".join(f"use_{name}_norm=True" for name in switched_on)
        raise InputError(f"Only one norm can be used at once. Received: {received}")
    if norm is None:
        return next(iter(switched_on), "none")
    if norm not in NORMS:
        raise InputError(f"norm must be one of {', '.join(map(repr, NORMS))}. Received: {norm!r}")
    if switched_on and switched_on[0] != norm:
        raise InputError(
            f"Only one norm can be used at once. Received: norm={norm!r} "
            f"and use_{switched_on[0]}_norm=True"
        )
    return norm


def check_rates(dropout_rate: object, batch_norm_momentum: object) -> None:
    """Raise an error if a rate is not from 0 to below 1."""
    rates = {"dropout_rate": dropout_rate, "batch_norm_momentum": batch_norm_momentum}
    for name, rate in rates.items():
        if isinstance(rate, bool) or not 0 <= rate < 1:  # type: ignore[operator]
            raise InputError(f"{name} must be at least 0 and below 1. Received: {rate!r}")


def require_rank_3(shape: tuple[int | None, ...]) -> None:
    """Raise an error if the shape of an input is not (B, T, C)."""
    if len(shape) != 3:
        raise InputError(
            "TCN needs an input of rank 3, (batch, time, channels). "
            f"Received: shape {tuple(shape)}. Add the missing axis with reshape or expand_dims."
        )


def channels_spec(input_shape: tuple[int | None, ...]) -> keras.InputSpec:
    """Return the specification of inputs (B, T, C) with the channels that a layer is built for.

    Keras checks it at every call. Without it, a convolution would accept a multiple of the channels
    and treat them as groups.

    Raises:
        InputError: the number of channels is unknown.
    """
    if input_shape[-1] is None:
        raise InputError(
            "The number of channels, the last axis of the input, must be known when the layer is "
            f"built. Received: shape {tuple(input_shape)}. Use keras.Input((steps, channels))."
        )
    return keras.InputSpec(ndim=3, axes={-1: input_shape[-1]})
