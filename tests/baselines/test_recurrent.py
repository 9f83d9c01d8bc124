"""Recurrent baselines: number of parameters, size nearest to a TCN's, padding, outputs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import Task, TrainingSettings
from tcn_search.baselines.recurrent import CELLS, Recurrent, sized_to
from tcn_search.errors import InputError
from tcn_search.tasks.kinds import Metric
from tests.conftest import draw_head, waves

CELL = st.sampled_from(CELLS)


@given(st.integers(1, 10**7), CELL, st.integers(1, 3), st.integers(1, 20), st.integers(1, 20))
def test_no_other_width_is_nearer_to_the_number_of_parameters(
    parameters: int, cell: str, layers: int, channels: int, outputs: int
) -> None:
    recurrent = sized_to(parameters, cell, layers, channels, outputs)
    difference = abs(recurrent.parameters(channels, outputs) - parameters)
    for units in {max(1, recurrent.units - 1), recurrent.units + 1}:
        assert difference <= abs(
            Recurrent(cell, units, layers).parameters(channels, outputs) - parameters
        )


@pytest.mark.parametrize(("cell", "layers"), [("simple_rnn", 1), ("gru", 2), ("lstm", 3)])
def test_the_number_of_parameters_is_that_of_the_model(cell: str, layers: int) -> None:
    from tcn_search.baselines.build import build_baseline

    X, y = waves(8)
    task = Task.from_arrays(X, y)
    recurrent = Recurrent(cell, 5, layers)
    model = build_baseline(recurrent, task)
    assert model.count_params() == recurrent.parameters(task.spec.input_channels, task.spec.outputs)
    assert model(X).shape == (8, 2)


def test_padding_changes_nothing() -> None:
    from tcn_search.baselines.build import build_baseline

    X, y = waves(8)
    lengths = [10] * 4 + [16] * 4
    padded = build_baseline(
        Recurrent("gru", 3, 2), Task.from_arrays(X, y, lengths_train=lengths, standardise=False)
    )
    alone = build_baseline(
        Recurrent("gru", 3, 2), Task.from_arrays(X[:, :10], y, standardise=False)
    )
    draw_head(padded)
    alone.set_weights(padded.get_weights())
    rows = X[:2].copy()
    rows[:, 10:] = np.nan
    np.testing.assert_allclose(padded(rows), alone(X[:2, :10]), atol=1e-6)


def test_every_step_is_read_if_the_task_asks_for_it() -> None:
    from tcn_search.baselines.build import build_baseline

    X, _ = waves(8)
    labelling = Task.from_arrays(X, (X[:, :, 0] > 0).astype(int))
    assert build_baseline(Recurrent("gru", 3), labelling)(X).shape == (8, 16, 2)


def test_an_unknown_cell_is_refused() -> None:
    with pytest.raises(
        InputError, match="cell must be one of 'simple_rnn', 'gru', 'lstm'. Received: 'rwkv'"
    ):
        Recurrent("rwkv", 3)


def test_a_schedule_follows_the_steps_of_the_training() -> None:
    from tcn_search.baselines.build import build_baseline
    from tcn_search.trainers.fit import train

    task = Task.from_arrays(*waves(20))
    settings = TrainingSettings(schedule="cosine", batch_size=8, epochs=2)
    model = build_baseline(Recurrent("gru", 2), task, settings)
    training = train(model, task.training, settings, Metric("val_loss", "minimize"))
    assert training.status == "complete"
