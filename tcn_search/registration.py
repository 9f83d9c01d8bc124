"""Register the classes that a saved model may hold with Keras, so that Keras itself loads it.

Keras deserialises only registered classes, and a class is registered when its module is imported.
"""

from __future__ import annotations

from importlib import import_module

# Modules with such classes; a test compares them with the package.
MODULES = (
    "layers.convolution",
    "layers.residual_block",
    "layers.tcn",
    "custom_model.masked_model",
    "models.losses",
    "models.metrics",
    "models.optimizer",
    "models.readout",
    "models.series",
    "models.standardize",
    "models.tokens",
    "models.windows",
    "baselines.convolutional",
)


def register_classes() -> None:
    """Import every module whose classes a saved model may hold. It imports Keras, too."""
    for module in MODULES:
        import_module(f"tcn_search.{module}")
