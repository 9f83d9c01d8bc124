"""The adding problem of Hochreiter and Schmidhuber 1997.

As in Bai, Kolter, Koltun 2018, section 4.1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.tasks.builtin.generated import generated
from tcn_search.tasks.task import Task


def adding(
    seq_len: int = 200,
    train_size: int = 50_000,
    validation_size: int = 1_000,
    test_size: int = 1_000,
    seed: int = 0,
) -> Task:
    """Add up the two marked numbers of a sequence: X (n, seq_len, 2), y (n,).

    Channel 0 holds numbers uniform in [0, 1), channel 1 is 1 at two steps drawn without replacement
    and 0 elsewhere; the target is the sum of the two marked numbers. Always predicting 1 gives a
    mean squared error of 1/6. Neither inputs nor targets are standardised, so that errors compare
    with published ones.

    Raises:
        InputError: names the size or the seed that cannot be used.
    """
    seq_len = positive_integer("seq_len", seq_len)
    if seq_len < 2:
        raise InputError(
            f"seq_len of the adding problem must be at least 2, for two marks. Received: {seq_len}"
        )
    task = generated(
        lambda generator, count: _draw(generator, count, seq_len),
        steps=seq_len,
        train_size=train_size,
        validation_size=validation_size,
        test_size=test_size,
        seed=seed,
        name="adding",
        kind="regression",
    )
    spec = replace(
        task.spec, context_reason="the marked numbers may stand anywhere in the sequence"
    )
    return replace(task, spec=spec, inferred="regression, the sum of two marked numbers")


def _draw(
    generator: np.random.Generator, count: int, seq_len: int
) -> tuple[np.ndarray, np.ndarray]:
    numbers = generator.random((count, seq_len), dtype="float32")
    first = generator.integers(seq_len, size=count)
    second = (first + generator.integers(1, seq_len, size=count)) % seq_len
    rows = np.arange(count)
    marks = np.zeros_like(numbers)
    marks[rows, first] = marks[rows, second] = 1
    return np.stack([numbers, marks], axis=-1), numbers[rows, first] + numbers[rows, second]
