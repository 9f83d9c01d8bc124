"""keras-tcn's numbers on TensorFlow, written to a file for the tests on other backends.

KERAS_BACKEND=tensorflow python -m tests.layers.keras_tcn_references FILE.npz
"""

from __future__ import annotations

import sys

import keras
import numpy as np

from tests.layers.configurations import configuration, inputs
from tests.layers.differentiate import gradients

SEEDS = range(300, 308)


def known_to_both(seed):
    """Draw a configuration without weight norm, which keras-tcn 3.5.7 does not have."""
    options = configuration(seed)
    return {**options, "norm": "none"} if options["norm"] == "weight" else options


def theirs_from(options):
    """Build keras-tcn's layer from our arguments."""
    import tcn

    options = dict(options)
    norm = options.pop("norm", "none")
    return tcn.TCN(**options, use_batch_norm=norm == "batch", use_layer_norm=norm == "layer")


def drawn_like(weights):
    """Draw weights of equal shapes at which every weight matters; variances are positive."""
    draw = np.random.default_rng(0)
    return [
        draw.uniform(0.5, 1.5, w.shape) if w.ndim == 1 else draw.normal(0, 0.5, w.shape)
        for w in weights
    ]


def reference(seed):
    """Return weights, output and gradients by name, in float64, at inference."""
    layer, x = theirs_from(known_to_both(seed)), inputs(seed)
    layer(x)
    layer.set_weights(drawn_like(layer.get_weights()))
    output, by_x, by_weights = gradients(layer, x, dtype="float64")
    named = {"output": output, "by_x": by_x}
    named |= {f"weight_{index:03}": weight for index, weight in enumerate(layer.get_weights())}
    # keras-tcn's last gradients may be None; ours are compared as far as they go.
    return named | {
        f"by_weight_{index:03}": g for index, g in enumerate(by_weights) if g is not None
    }


def main(path):
    keras.config.set_dtype_policy("float64")  # keras-tcn's inner layers do not get its dtype
    found = {f"{seed}/{name}": array for seed in SEEDS for name, array in reference(seed).items()}
    np.savez(path, **found)


if __name__ == "__main__":
    main(sys.argv[1])
