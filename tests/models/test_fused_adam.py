"""Adam as one operation a variable: Keras' numbers, Keras' saved files, a smaller graph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tcn_search import TrainingSettings
from tcn_search.models.fused_adam import PRIVATE_INTERFACE, fuse_adam
from tcn_search.models.optimizer import make_optimizer

on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="TensorFlow's kernel"
)
MAKERS: dict[str, Any] = {
    "adam": lambda: keras.optimizers.Adam(3e-3),
    "clipped": lambda: keras.optimizers.Adam(3e-3, global_clipnorm=0.5),
    "adamw": lambda: keras.optimizers.AdamW(3e-3, weight_decay=0.1),
    "scheduled": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, 20)),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(3e-3)),
    "amsgrad": lambda: keras.optimizers.Adam(3e-3, amsgrad=True),
    "sgd": lambda: keras.optimizers.SGD(3e-3),
}


def after_steps(optimizer: Any, steps: int = 12) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    shapes = [(3, 4), (5,), ()]
    variables = [keras.Variable(generator.normal(size=shape), dtype="float32") for shape in shapes]
    for _ in range(steps):
        gradients = [
            keras.ops.convert_to_tensor(generator.normal(size=shape), "float32") for shape in shapes
        ]
        optimizer.apply(gradients, variables)
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def test_keras_still_has_the_private_interface() -> None:
    optimizer = keras.optimizers.Adam()
    optimizer.build([keras.Variable(np.ones(3), dtype="float32")])
    missing = [name for name in PRIVATE_INTERFACE if not hasattr(optimizer, name)]
    assert not missing, (
        f"Keras {keras.__version__} no longer has {missing} in its Adam: adapt models/fused_adam.py"
    )


@on_tensorflow
def test_keras_still_calls_the_replaced_function(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = keras.optimizers.Adam()
    variable = keras.Variable(np.ones(3), dtype="float32")
    optimizer.build([variable])
    updates: list[Any] = []
    monkeypatch.setattr(optimizer, "_backend_update_step", lambda *args: updates.append(args))
    optimizer.apply([keras.ops.ones(3)], [variable])
    assert len(updates) == 1, (
        f"Keras {keras.__version__} updates Adam by another function than _backend_update_step: "
        "adapt models/fused_adam.py"
    )


@on_tensorflow
@pytest.mark.parametrize("name", MAKERS)
def test_it_updates_as_keras_does(name: str) -> None:
    fused = MAKERS[name]()
    fuse_adam(fused)
    for ours, theirs in zip(after_steps(fused), after_steps(MAKERS[name]()), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-7)


@on_tensorflow
def test_the_graph_is_smaller_by_more_than_half() -> None:
    import tensorflow as tf

    def operations(optimizer: Any) -> int:
        variables = [keras.Variable(np.ones(3), dtype="float32") for _ in range(20)]
        optimizer.build(variables)
        step = tf.function(lambda: optimizer.apply([tf.ones(3)] * 20, variables), autograph=False)
        return len(step.get_concrete_function().graph.get_operations())

    assert operations(make_optimizer(TrainingSettings())) < 0.5 * operations(
        keras.optimizers.Adam()
    )


@on_tensorflow
def test_rows_that_were_not_looked_up_are_left_to_keras() -> None:
    import tensorflow as tf

    def update(optimizer: Any) -> np.ndarray:
        table = keras.Variable(np.ones((4, 2)), dtype="float32")
        sparse = tf.IndexedSlices(tf.ones((1, 2)), tf.constant([2]), tf.constant([4, 2]))
        optimizer.apply([sparse], [table])
        return keras.ops.convert_to_numpy(table)

    np.testing.assert_array_equal(
        update(make_optimizer(TrainingSettings())), update(keras.optimizers.Adam())
    )


def test_it_is_saved_as_keras_own(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile(make_optimizer(TrainingSettings(learning_rate=0.5)), "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert type(loaded.optimizer) is keras.optimizers.Adam
    assert float(loaded.optimizer.learning_rate) == 0.5
    loaded.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
