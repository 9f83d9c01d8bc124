"""Optimisers of training settings, on every Keras backend."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import Architecture, Task, TrainingSettings, build_model, load_model
from tcn_search.errors import InputError
from tcn_search.models.optimizer import make_optimizer
from tcn_search.settings import OPTIMIZERS
from tests.conftest import waves


def step(settings: TrainingSettings, weight: float, gradient: list[float]) -> np.ndarray:
    """Return two weights after one step."""
    variable = keras.Variable(np.full(2, weight, "float32"))
    optimizer = make_optimizer(settings, 10)
    optimizer.build([variable])
    optimizer.apply([keras.ops.convert_to_tensor(np.array(gradient, "float32"))])
    return np.asarray(keras.ops.convert_to_numpy(variable.value))


def rates(settings: TrainingSettings, steps: int) -> list[float]:
    schedule = make_optimizer(settings, steps)._learning_rate
    return [float(keras.ops.convert_to_numpy(schedule(number))) for number in range(steps)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_downhill(name: str) -> None:
    after = step(TrainingSettings(optimizer=name, learning_rate=0.01), 1.0, [0.5, -0.5])
    assert after[0] < 1 < after[1]


def test_plain_sgd_is_plain() -> None:
    after = step(TrainingSettings(optimizer="sgd", learning_rate=0.1), 1.0, [0.5, -0.5])
    np.testing.assert_allclose(after, [0.95, 1.05], rtol=1e-6)


def test_gradients_are_clipped_by_their_norm_over_all_weights() -> None:
    settings = TrainingSettings(optimizer="sgd", learning_rate=1.0, clip_norm=1.0)
    np.testing.assert_allclose(step(settings, 0.0, [3.0, 4.0]), [-0.6, -0.8], rtol=1e-5)
    np.testing.assert_allclose(step(settings, 0.0, [0.3, 0.4]), [-0.3, -0.4], rtol=1e-5)


def test_weight_decay_takes_its_share() -> None:
    settings = TrainingSettings(optimizer="sgd", learning_rate=0.1, weight_decay=0.5)
    np.testing.assert_allclose(step(settings, 2.0, [0.0, 0.0]), [1.9, 1.9], rtol=1e-6)
    plain, own, none = (
        step(TrainingSettings(optimizer=name, weight_decay=decay), 1.0, [0.1, 0.1])
        for name, decay in (("adam", None), ("adamw", None), ("adamw", 0.0))
    )
    assert own[0] < plain[0] == none[0]


def test_cosine_falls_to_nothing() -> None:
    found = rates(TrainingSettings(schedule="cosine", learning_rate=0.2), 100)
    assert found[0] == pytest.approx(0.2)
    assert found[50] == pytest.approx(0.1)
    assert found[-1] < 1e-3
    assert found == sorted(found, reverse=True)


def test_step_halves_after_each_fifth() -> None:
    found = rates(TrainingSettings(schedule="step", learning_rate=0.8), 100)
    assert found[::20] == pytest.approx([0.8, 0.4, 0.2, 0.1, 0.05])
    assert found[19] == pytest.approx(0.8)
    assert found[99] == pytest.approx(0.05)
    for steps in (9, 104):
        found = rates(TrainingSettings(schedule="step", learning_rate=0.8), steps)
        assert found[-1] == pytest.approx(0.05)


@pytest.mark.parametrize("schedule", ["constant", "cosine", "step"])
def test_warmup_comes_before_the_schedule(schedule: str) -> None:
    warm = rates(TrainingSettings(schedule=schedule, learning_rate=0.8, warmup=0.2), 100)
    assert warm[:20] == pytest.approx(np.arange(1, 21) * 0.04)
    plain = np.full(80, 0.8)
    if schedule != "constant":
        plain = rates(TrainingSettings(schedule=schedule, learning_rate=0.8), 80)
    assert warm[20:] == pytest.approx(plain)


def test_warmup_is_saved_with_a_model(tmp_path: Path) -> None:
    task = Task.from_arrays(*waves(24))
    architecture = Architecture(nb_filters=2, kernel_size=2, dilations=(1,))
    settings = TrainingSettings(schedule="cosine", epochs=5, batch_size=8, warmup=0.3)
    model = build_model(architecture, task, settings)
    model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras").optimizer._learning_rate
    before = model.optimizer._learning_rate
    assert [float(loaded(step)) for step in range(15)] == [
        float(before(step)) for step in range(15)
    ]


def test_a_schedule_needs_the_steps_of_the_training() -> None:
    task = Task.from_arrays(*waves(24))
    architecture = Architecture(nb_filters=2, kernel_size=2, dilations=(1,))
    settings = TrainingSettings(schedule="cosine", epochs=5, batch_size=8)
    with pytest.raises(InputError) as error:
        build_model(architecture, task.spec, settings)
    assert str(error.value) == (
        "schedule 'cosine' follows the steps of the whole training, which a task's specification "
        "alone does not tell. Give the task with its data."
    )
    with pytest.raises(InputError, match=r"^warmup 0.1 follows the steps"):
        make_optimizer(TrainingSettings(warmup=0.1))
    model = build_model(architecture, task.training, settings)
    assert model.optimizer._learning_rate.decay_steps == 5 * -(-len(task.train) // 8)
