"""Compile a model: loss and metrics of its task, optimiser of its settings."""

from __future__ import annotations

import math

import keras

from tcn_search.models.losses import make_loss, smooth_training_loss
from tcn_search.models.metrics import make_metrics
from tcn_search.models.optimizer import make_optimizer
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import TrainingData

STEPS_PER_EXECUTION = 16
FEWEST_STEPS_FOR_A_LOOP = 2_000  # training steps for which TensorFlow's compiled loop pays
# A task, its data without the test split, or its specification without data.
AnyTask = Task | TrainingData | TaskSpec


def spec_of(task: AnyTask) -> TaskSpec:
    """Return the specification of a task, without its data."""
    if isinstance(task, TaskSpec):
        return task
    return task.spec


def compile_model(model: keras.Model, task: AnyTask, settings: TrainingSettings) -> None:
    """Give a model the task's loss and metrics and the settings' optimiser.

    The variables of optimiser and metrics are created here, because TensorFlow traces a training
    step twice if some of them are created while it traces.
    """
    spec = spec_of(task)
    steps = None
    total_steps = None
    if not isinstance(task, TaskSpec):
        steps = math.ceil(len(task.train) / settings.batch_size)
        total_steps = steps * settings.epochs
    model.compile(
        optimizer=make_optimizer(settings, total_steps),
        loss=make_loss(spec, settings.loss, settings.quantiles),
        metrics=make_metrics(spec),
        jit_compile=keras.backend.backend() == "jax",
        steps_per_execution=steps_per_execution(steps, settings.epochs),
    )
    model.optimizer.build(model.trainable_variables)
    if settings.label_smoothing:
        smooth_training_loss(model, settings.label_smoothing)


def steps_per_execution(steps: int | None, epochs: int) -> int:
    """Return the training steps in one call of the compiled function.

    On JAX, Keras loops over the steps in Python, which costs nothing and saves callbacks. On
    TensorFlow the loop is compiled, which takes a third of a second: only a long training saves
    more. torch has no such loop.

    Args:
        steps: of one epoch; None where the task has no data.
    """
    backend = keras.backend.backend()
    if steps is None or backend == "torch":
        return 1
    if backend == "tensorflow" and steps * epochs < FEWEST_STEPS_FOR_A_LOOP:
        return 1
    return min(STEPS_PER_EXECUTION, steps)
