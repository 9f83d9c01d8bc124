"""The copy memory task, as in Bai, Kolter, Koltun 2018, section 4.1 and appendix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.tasks.builtin.generated import generated
from tcn_search.tasks.task import Task

SYMBOLS = 10
DELIMITER = 9
CONTEXT_REASON = (
    "each symbol is asked for {lag} steps after it was seen: a network that misses just that step "
    "is blind"
)


def copy_memory(
    blanks: int | None = None,
    seq_len: int | None = None,
    train_size: int = 10_000,
    validation_size: int = 1_000,
    test_size: int = 1_000,
    seed: int = 0,
) -> Task:
    """Repeat ten symbols after T blanks: X (n, T + 20, 1), y (n, T + 20).

    A sequence has T + 20 steps of one channel: ten symbols, each of 1 to 8, T − 1 zeros, and eleven
    nines, the first of which marks the end of the blanks. The class at each step is 0, except that
    the last ten steps repeat the ten symbols in their order. A symbol and its repetition lie T + 10
    steps apart, so T + 11 steps are required. The metrics look at the last ten steps only:
    predicting 0 everywhere is right at 98% of all steps for T = 500, and at 0% of the last ten. The
    loss is the mean over all steps, as in the paper.

    Args:
        blanks: T; 500 unless `seq_len` = T + 20 is given instead.

    Raises:
        InputError: names the size or the seed that cannot be used.
    """
    blanks = _blanks(blanks, seq_len)
    task = generated(
        lambda generator, count: _draw(generator, count, blanks),
        steps=blanks + 2 * SYMBOLS,
        train_size=train_size,
        validation_size=validation_size,
        test_size=test_size,
        seed=seed,
        class_names=["blank", *map(str, range(1, 9))],
        name="copy_memory",
        kind="labelling",
        required_context=blanks + SYMBOLS + 1,
    )
    return replace(
        task,
        spec=replace(
            task.spec,
            context_reason=CONTEXT_REASON.format(lag=f"{blanks + SYMBOLS:,}"),
            scored_steps=SYMBOLS,
        ),
        inferred=f"labelling, ten symbols to repeat after {blanks:,} blanks",
    )


def _blanks(blanks: int | None, seq_len: int | None) -> int:
    """Return T from either of the two options."""
    if seq_len is None:
        return positive_integer("blanks", 500 if blanks is None else blanks)
    if blanks is not None:
        raise InputError(
            "copy_memory takes blanks or seq_len = blanks + 20, not both. "
            f"Received: {blanks} and {seq_len}"
        )
    if positive_integer("seq_len", seq_len) <= 2 * SYMBOLS:
        raise InputError(
            "seq_len of copy_memory must be at least 21: ten symbols, blanks, and ten answers. "
            f"Received: {seq_len}"
        )
    return seq_len - 2 * SYMBOLS


def _draw(generator: np.random.Generator, count: int, blanks: int) -> tuple[np.ndarray, np.ndarray]:
    symbols = generator.integers(1, DELIMITER, size=(count, SYMBOLS))
    X = np.zeros((count, blanks + 2 * SYMBOLS, 1), dtype="float32")
    y = np.zeros((count, blanks + 2 * SYMBOLS), dtype="int32")
    X[:, :SYMBOLS, 0] = symbols
    X[:, blanks + SYMBOLS - 1 :, 0] = DELIMITER
    y[:, -SYMBOLS:] = symbols
    return X, y
