"""How a network is trained, apart from what it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tcn_search.errors import InputError
from tcn_search.planning.arguments import positive_integer


@dataclass(frozen=True)
class TrainingSettings:
    """Training settings of one trial.

    Args:
        epochs: at most this many passes over the training part.
        batch_size: sequences in one step.
        learning_rate: of Adam.
        dropout_rate: of the TCN's spatial dropout, 0 ≤ rate < 1.
        patience: stop after this many epochs without a better validation value; 0 never stops early.
    """

    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    dropout_rate: float = 0.0
    patience: int = 0

    def __post_init__(self) -> None:
        positive_integer("epochs", self.epochs)
        positive_integer("batch_size", self.batch_size)
        if not 0 < self.learning_rate < math.inf:
            raise InputError(f"learning_rate must be above 0 and finite. Received: {self.learning_rate!r}")
        if not 0 <= self.dropout_rate < 1:
            raise InputError(f"dropout_rate must be at least 0 and below 1. Received: {self.dropout_rate!r}")
        if self.patience < 0:
            raise InputError(f"patience must be at least 0 epochs. Received: {self.patience!r}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingSettings:
        """The settings that `to_dict` wrote."""
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(f"Training settings have no {', '.join(map(repr, unknown))}.")
        return cls(**values)


def settings_for(sequences: int, **given: Any) -> TrainingSettings:
    """Settings that suit a training part of so many sequences; what is `given` stays as it is.

    Batches of an eighth of the sequences, 8 to 64, and epochs for some 1,000 training steps, 10 to 60: with
    the same settings for all, a small dataset would hardly be trained on and a large one for hours.

    >>> settings_for(160)
    TrainingSettings(epochs=60, batch_size=16, learning_rate=0.001, dropout_rate=0.0, patience=0)
    >>> settings_for(50_000, patience=3)
    TrainingSettings(epochs=10, batch_size=64, learning_rate=0.001, dropout_rate=0.0, patience=3)
    """
    eighth = max(1, sequences // 8)
    batch_size = min(64, max(8, 2 ** (eighth.bit_length() - 1)))
    steps = math.ceil(sequences / given.get("batch_size", batch_size))
    epochs = min(60, max(10, round(1_000 / steps)))
    return TrainingSettings(**{"batch_size": batch_size, "epochs": epochs, **given})
