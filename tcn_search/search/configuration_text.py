"""A configuration in words: everything that is needed to build and train it again."""

from __future__ import annotations

from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings

_ALWAYS = ("learning_rate", "dropout_rate", "batch_size", "epochs")


def configuration_text(architecture: Architecture, settings: TrainingSettings) -> str:
    """Return an architecture and its training settings, from which both can be rebuilt.

    The arguments of `Architecture` and `TrainingSettings` that are not named have their defaults.
    Numbers have six significant digits.

    >>> settings = TrainingSettings(learning_rate=0.0023472839, schedule="cosine")
    >>> print(configuration_text(Architecture(nb_filters=8), settings))  # doctest: +ELLIPSIS
    TCN(nb_filters=8, ...) with learning_rate=0.00234728, ..., epochs=10, schedule='cosine'
    """
    return f"{architecture} with {settings_text(settings)}"


def settings_text(settings: TrainingSettings) -> str:
    """Return learning rate, dropout, batch size, epochs and whatever is not the default."""
    values = settings.to_dict()
    defaults = TrainingSettings().to_dict()
    names = [*_ALWAYS]
    names += [name for name in values if name not in _ALWAYS and values[name] != defaults[name]]
    return ", ".join(f"{name}={_value(values[name])}" for name in names)


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return repr(value)
