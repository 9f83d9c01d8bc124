"""The largest numbers that arguments accept, so that a typing error is reported at once.

Every limit is far above any network, machine or running time in practice, and small enough that
everything computed from integers alone (`check`, `plan`, feasibility of a space) ends within
seconds.
"""

from __future__ import annotations

MOST_STEPS = 2**27  # 50 minutes of sound at 44.1 kHz: 0.5 GB for one channel of one sequence
MOST_BLOCKS = 1_024  # as deep as the deepest networks that have been trained
MOST_TAPS = 2**17  # of one convolution in each block: kernel_size × levels × nb_stacks
MOST_ENTRIES = 65_536  # of a list
MOST_POINTS = 100_000  # combinations of the hyperparameters that decide the receptive field
MOST_VALUES_OF_A_RANGE = 10**6  # of a range with a step
MOST_SECONDS = 10 * 365 * 24 * 3600

_DEFAULT = 2**63 - 1  # tensor libraries and databases count in 64 bits
_MOST = {
    # 65,536 taps of 65,536 to 65,536 channels are 2**48 weights: no machine holds them.
    "nb_filters": 65_536,
    "kernel_size": 65_536,
    # Dilations 1, 2, 4, ..., 2**62: the last power that a signed 64-bit integer holds.
    "levels": 63,
    "nb_stacks": MOST_BLOCKS,
    "seq_len": MOST_STEPS,
    "required_context": MOST_STEPS,
    "look_back": MOST_STEPS,
    "horizon": MOST_STEPS,
    "blanks": MOST_STEPS,
    "downsample": 65_536,
    "validation_gap": MOST_STEPS,
    "input_channels": 2**20,
    "train_size": 10**9,
    "validation_size": 10**9,
    "test_size": 10**9,
    "batch_size": 2**20,
    "learning_rate": 10**38,  # float32's largest; too large a rate diverges, and costs an epoch
    "weight_decay": 1_000,
    "clip_norm": 10**9,
    "epochs": 10**6,
    "final_epochs": 10**6,
    "patience": 10**6,
    "trials": 10**6,
    "folds": 1_000,
    "seeds": 10_000,
    "top": 10**6,
    "learning_rates": 1_000,
    "units": 2**20,
    "layers": MOST_BLOCKS,
    "workers": 1_024,
    "workers_per_gpu": 64,
}


def most(name: str) -> int:
    """Return the largest number that the argument with this name accepts.

    >>> most("kernel_size"), most("levels")
    (65536, 63)
    """
    return _MOST.get(name, _DEFAULT)
