"""Configurations of the layer, generated from a seed."""

from __future__ import annotations

import keras
import numpy as np


def configuration(seed: int, **fixed):
    """Draw arguments of `TCN`, with unsorted, repeated and odd dilations among them."""
    draw = np.random.default_rng(seed)
    levels = int(draw.integers(1, 5))
    skips = bool(draw.integers(2))
    equal = skips or bool(draw.integers(2))
    drawn = {
        "nb_filters": int(draw.integers(1, 5))
        if equal
        else [int(n) for n in draw.integers(1, 5, levels)],
        "kernel_size": int(draw.integers(1, 5)),
        "nb_stacks": int(draw.integers(1, 3)),
        "dilations": [int(d) for d in draw.choice([1, 2, 3, 4, 6, 8], levels)],
        "padding": str(draw.choice(["causal", "same"])),
        "use_skip_connections": skips,
        "return_sequences": bool(draw.integers(2)),
        "activation": str(draw.choice(["relu", "tanh", "linear"])),
        "norm": str(draw.choice(["none", "batch", "layer", "weight"])),
        "go_backwards": bool(draw.integers(2)),
    }
    return {**drawn, **fixed}


def inputs(seed: int, batch: int = 3, steps: int | None = None, channels: int | None = None):
    """Draw normal numbers (batch, steps, channels); a size that is not given is drawn, too."""
    draw = np.random.default_rng(1000 + seed)
    steps = steps or int(draw.integers(1, 50))
    channels = channels or int(draw.integers(1, 4))
    return draw.normal(size=(batch, steps, channels))


def shake(layer, seed: int = 0) -> None:
    """Set weights of a size at which every weight matters; variances stay positive."""
    draw = np.random.default_rng(seed)
    weights = layer.get_weights()
    layer.set_weights(
        [
            draw.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else draw.normal(0, 0.5, w.shape)
            for w in weights
        ]
    )


def worst(found, expected) -> float:
    """Return the largest difference, relative to the largest expected number (or 1)."""
    if not np.size(expected):
        return 0.0
    return float(np.max(np.abs(found - expected)) / max(1.0, np.max(np.abs(expected))))


def float64_tolerance(options) -> float:
    """Return the error allowed to a float64 layer, relative to the largest number.

    Off TensorFlow, Keras' batch and layer norm, and on JAX its tanh, compute float64 in float32.
    """
    backend = keras.backend.backend()
    narrowed = options["norm"] in ("batch", "layer") or (
        backend == "jax" and options["activation"] == "tanh"
    )
    return 2e-4 if backend != "tensorflow" and narrowed else 1e-9
