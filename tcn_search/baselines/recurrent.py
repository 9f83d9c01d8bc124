"""Recurrent networks to hold a TCN against, sized to its number of parameters."""

from __future__ import annotations

from dataclasses import dataclass

from tcn_search.arguments import one_of, positive_integer

CELLS = ("simple_rnn", "gru", "lstm")
# Kernels of (channels, units) and (units, units) in one cell, and its bias vectors. Keras' GRU has two biases a
# gate (reset_after=True, as in cuDNN).
_KERNELS = {"simple_rnn": 1, "gru": 3, "lstm": 4}
_BIASES = {"simple_rnn": 1, "gru": 6, "lstm": 4}


@dataclass(frozen=True)
class Recurrent:
    """One or several recurrent layers of the same width, under the same head as the TCN.

    Args:
        cell: "simple_rnn", "gru" or "lstm".
        units: width of each layer.
        layers: how many, each reading the whole sequence of the one below.
    """

    cell: str
    units: int
    layers: int = 1

    def __post_init__(self) -> None:
        one_of("cell", self.cell, CELLS)
        positive_integer("units", self.units)
        positive_integer("layers", self.layers)

    @property
    def name(self) -> str:
        """Such as "gru" or "2 × lstm"."""
        return self.cell if self.layers == 1 else f"{self.layers} × {self.cell}"

    def parameters(self, input_channels: int, outputs: int, vocabulary: int = 0) -> int:
        """Parameters of the whole model, its head included, as Keras' `count_params()` has them.

        Of a `vocabulary` of tokens each is embedded in `units` numbers, and the head is the same table.

        >>> Recurrent("lstm", units=10).parameters(input_channels=1, outputs=2)
        502
        """
        total = 0
        channels = self.units if vocabulary else input_channels
        for _ in range(self.layers):
            total += _KERNELS[self.cell] * (channels + self.units) * self.units
            total += _BIASES[self.cell] * self.units
            channels = self.units
        return total + self.units * outputs + outputs


def sized_to(
    parameters: int, cell: str, layers: int, input_channels: int, outputs: int, vocabulary: int = 0
) -> Recurrent:
    """The network of this cell whose number of parameters comes nearest to `parameters`.

    >>> sized_to(500, "lstm", 1, input_channels=1, outputs=2)
    Recurrent(cell='lstm', units=10, layers=1)
    """
    positive_integer("parameters", parameters)

    def count(units: int) -> int:
        return Recurrent(cell, units, layers).parameters(input_channels, outputs, vocabulary)

    above = 1
    while count(above) < parameters:
        above *= 2
    below = 1
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (middle, above) if count(middle) < parameters else (below, middle)
    units = min((below, above), key=lambda width: abs(count(width) - parameters))
    return Recurrent(cell, units, layers)
