"""Recurrent networks for comparison with a TCN, sized to its number of parameters."""

from __future__ import annotations

from dataclasses import dataclass

from tcn_search.arguments import one_of, positive_integer

CELLS = ("simple_rnn", "gru", "lstm")
# Number of kernels of (channels, units) and (units, units) in one cell, and of its bias vectors.
# Keras' GRU has two biases for each gate (reset_after=True, as in cuDNN).
_KERNELS = {"simple_rnn": 1, "gru": 3, "lstm": 4}
_BIASES = {"simple_rnn": 1, "gru": 6, "lstm": 4}


@dataclass(frozen=True)
class Recurrent:
    """One or several recurrent layers of the same width, under the same head as the TCN.

    Args:
        cell: "simple_rnn", "gru" or "lstm".
        units: width of each layer.
        layers: number of layers; each reads the whole output sequence of the layer below.

    Raises:
        InputError: the cell is unknown, or a number is below 1.
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
        """The network's name, such as "gru" or "2 × lstm"."""
        if self.layers == 1:
            return self.cell
        return f"{self.layers} × {self.cell}"

    def parameters(self, input_channels: int, outputs: int, vocabulary: int = 0) -> int:
        """Return the number of parameters of the whole model with its head, as in `count_params()`.

        Args:
            input_channels: channels C of the sequences.
            outputs: number of outputs of the head.
            vocabulary: number of tokens; each is embedded in `units` numbers, and the head uses
                the same table. 0: the sequences are numbers.

        >>> Recurrent("lstm", units=10).parameters(input_channels=1, outputs=2)
        502
        """
        total = 0
        channels = input_channels
        if vocabulary:
            channels = self.units
        for _ in range(self.layers):
            total += _KERNELS[self.cell] * (channels + self.units) * self.units
            total += _BIASES[self.cell] * self.units
            channels = self.units
        return total + self.units * outputs + outputs


def sized_to(
    parameters: int, cell: str, layers: int, input_channels: int, outputs: int, vocabulary: int = 0
) -> Recurrent:
    """Return the network whose number of parameters is nearest to `parameters`.

    Args:
        parameters: number of parameters to come near to, at least 1.
        cell: "simple_rnn", "gru" or "lstm".
        layers: number of layers.
        input_channels: channels C of the sequences.
        outputs: number of outputs of the head.
        vocabulary: number of tokens, or 0; see `Recurrent.parameters`.

    Raises:
        InputError: an argument cannot be used.

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
        if count(middle) < parameters:
            below = middle
        else:
            above = middle
    units = min((below, above), key=lambda width: abs(count(width) - parameters))
    return Recurrent(cell, units, layers)
