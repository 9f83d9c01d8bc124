"""Names of the contenders of a comparison, on the command line and for people."""

from __future__ import annotations

from collections.abc import Sequence

from tcn_search.baselines.recurrent import CELLS
from tcn_search.errors import InputError

TCN = "tcn"
CONVOLUTIONAL = ("fcn", "resnet")
AEON = ("mini_rocket", "hydra", "nn_dtw")
DETERMINISTIC = ("nn_dtw",)  # a seed changes nothing
NAMES = (*CELLS, *CONVOLUTIONAL, *AEON)
_TITLES = {
    TCN: "TCN",
    "simple_rnn": "SimpleRNN",
    "gru": "GRU",
    "lstm": "LSTM",
    "fcn": "FCN",
    "resnet": "ResNet",
    "mini_rocket": "MiniRocket",
    "hydra": "Hydra",
    "nn_dtw": "1-nearest-neighbour (DTW)",
}


def title(name: str) -> str:
    """Return a contender's name for people.

    >>> title("nn_dtw"), title("lstm:2")
    ('1-nearest-neighbour (DTW)', 'LSTM, 2 layers')
    """
    base, _, layers = name.partition(":")
    text = _TITLES.get(base, base)
    if layers and int(layers) > 1:
        text += f", {layers} layers"
    return text


def read_contenders(names: Sequence[str]) -> list[str]:
    """Check names of contenders, and return each once.

    Raises:
        InputError: a name is unknown, a number of layers is not an integer of at least 1 or the
            contender has none, or there is no name.
    """
    for name in names:
        base, colon, layers = name.partition(":")
        known = base in NAMES
        if colon:
            known = base in CELLS and layers.isdecimal() and int(layers) > 0
        if not known:
            raise InputError(
                f"against must be some of {', '.join(NAMES)}. {', '.join(CELLS)} may be "
                f"followed by a number of layers, such as lstm:2. Received: {name!r}"
            )
    if not names:
        raise InputError(
            f"against must have at least one name out of {', '.join(NAMES)}. Received: none"
        )
    return list(dict.fromkeys(names))
