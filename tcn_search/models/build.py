"""From an architecture and a task to a compiled Keras model, and back from a file."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras

from tcn_search.archives import open_archive, require_memory
from tcn_search.custom_model.scores import BuildModel, custom_scores
from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tcn_search.models.losses import make_loss
from tcn_search.models.metrics import make_metrics
from tcn_search.models.optimizer import make_optimizer
from tcn_search.models.readout import PoolOverTime
from tcn_search.models.standardize import Predictions, Standardize
from tcn_search.models.tokens import TiedEmbedding
from tcn_search.models.windows import LastSteps, PutBackLastValue, TakeOffLastValue
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import TrainingData

# A trial has few training steps; with Keras' 0.99 the statistics, and with them the validation values, lag so far
# behind that batch norm loses every early comparison.
BATCH_NORM_MOMENTUM = 0.9
STEPS_PER_EXECUTION = 16
STEPS_THAT_PAY_A_LOOP = 2_000
_ACTIVATIONS = {
    "classification": "softmax",
    "labelling": "softmax",
    "multi_label": "sigmoid",
    "regression": "linear",
    "forecast": "linear",
}


# A task, its data without the test part, or what can be said of it without data.
AnyTask = Task | TrainingData | TaskSpec


def build_model(
    architecture: Architecture,
    task: AnyTask,
    settings: TrainingSettings | None = None,
    model_fn: BuildModel | None = None,
) -> keras.Model:
    """A compiled model: raw sequences (B, T, C) in, predictions in the task's own terms out.

    Where the task has `input_offset` or `target_offset`, the model takes sequences minus the one and predicts
    numbers minus the other, as they are in `task.train`; `tcn_search.predict` takes and gives raw ones.

    Standardisation, TCN, readout and a dense head; class probabilities (B, K), labels (B, K), numbers
    (B, outputs), or class probabilities at each step (B, T, K). The saved model carries the training part's
    statistics and the class names.

    Args:
        model_fn: a function of your own for all between standardisation and predictions: called with the
            architecture, the task's specification and the settings, it returns a model from (B, T, C) to scores
            (B, outputs), or (B, T, outputs) where every step is read.

    Raises:
        InputError: a readout or an activation that the task or Keras cannot use, or a learning rate that
            follows the steps of the training where `task` has no data.
    """
    settings = settings or TrainingSettings()
    spec = spec_of(task)
    _check(architecture, spec)
    if model_fn is None:
        body = tcn_body(architecture, settings.dropout_rate)
        return assemble(body, task, settings, architecture.level_filters[-1])

    def scores(x: Any) -> Any:
        return custom_scores(x, model_fn, architecture, spec, settings)

    return _compiled_around(scores, task, settings)


def tcn_body(architecture: Architecture, dropout_rate: float = 0.0) -> Callable[[Any], Any]:
    """What an architecture describes, look-back and readout included.

    Returns:
        from a tensor (B, T, C) to features (B, F), or (B, T, F) where every step is read.
    """

    def body(x: Any) -> Any:
        if architecture.look_back is not None:
            x = LastSteps(architecture.look_back, name="look_back")(x)
        x = make_tcn(architecture, dropout_rate)(x)
        if architecture.readout in ("max", "average"):
            x = PoolOverTime(architecture.readout, dtype="float32", name="readout")(x)
        return x

    return body


def spec_of(task: AnyTask) -> TaskSpec:
    """What the task is, apart from its data."""
    return task if isinstance(task, TaskSpec) else task.spec


def assemble(
    body: Callable[[Any], Any], task: AnyTask, settings: TrainingSettings, features: int
) -> keras.Model:
    """A compiled model around `body`: the task's standardisation before it, its head and predictions after.

    Args:
        body: from a tensor (B, T, C) to features (B, F), or (B, T, F) where every step is read. It computes
            in the settings' precision; all else is float32.
        features: F. Tokens are embedded in as many numbers, so that the embedding is the head as well.
    """

    def scores(x: Any) -> Any:
        spec = spec_of(task)
        if not spec.vocabulary:
            return keras.layers.Dense(spec.outputs, dtype="float32", name="head")(body(x))
        tokens = TiedEmbedding(spec.vocabulary, features, dtype="float32", name="embedding")
        answered = LastSteps(spec.answered_steps, name="answered_steps")(body(tokens(x)))
        return tokens(answered, reverse=True)

    return _compiled_around(scores, task, settings)


def _compiled_around(
    scores: Callable[[Any], Any], task: AnyTask, settings: TrainingSettings
) -> keras.Model:
    with precision(settings.precision):
        model = _model_around(scores, spec_of(task))
    compile_model(model, task, settings)
    return model


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Layers made inside compute in this precision: the name of a Keras dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _model_around(scores: Callable[[Any], Any], spec: TaskSpec) -> keras.Model:
    inputs = keras.Input((spec.seq_len, spec.input_channels), name="sequences")
    x: Any = Standardize(
        spec.input_mean,
        spec.input_std,
        spec.ragged,
        table=None if spec.table is None else spec.table.to_dict(),
        recordings=None if spec.recordings is None else asdict(spec.recordings),
        offset=spec.input_offset,
        dtype="float32",
        name="standardize",
    )(inputs)
    window = x
    if spec.last_value_channels:
        x = TakeOffLastValue(dtype="float32", name="take_off_last_value")(x)
    x = scores(x)
    if spec.last_value_channels:
        x = PutBackLastValue(spec.last_value_channels, dtype="float32", name="put_back_last_value")(
            [x, window]
        )
    outputs = Predictions(
        _ACTIVATIONS[spec.kind],
        spec.class_names,
        spec.target_mean,
        spec.target_std,
        offset=spec.target_offset,
        dtype="float32",
        name="predictions",
    )(x)
    return keras.Model(inputs, outputs, name="tcn_search")


def make_tcn(architecture: Architecture, dropout_rate: float = 0.0) -> TCN:
    """The TCN layer that an architecture describes."""
    described = architecture.to_dict()
    readout = described.pop("readout")
    del described["look_back"]
    return TCN(
        **described,
        dropout_rate=dropout_rate,
        return_sequences=readout != "last",
        batch_norm_momentum=BATCH_NORM_MOMENTUM,
        name="tcn",
    )


def compile_model(model: keras.Model, task: AnyTask, settings: TrainingSettings) -> None:
    """Give a model the task's loss and metrics and the settings' optimiser.

    The variables of optimiser and metrics are made here, because TensorFlow traces a training step twice if
    some appear while it is traced.
    """
    spec = spec_of(task)
    steps = None if isinstance(task, TaskSpec) else math.ceil(len(task.train) / settings.batch_size)
    model.compile(
        optimizer=make_optimizer(settings, None if steps is None else steps * settings.epochs),
        loss=make_loss(spec),
        metrics=make_metrics(spec),
        jit_compile=keras.backend.backend() == "jax",
        steps_per_execution=steps_per_execution(steps, settings.epochs),
    )
    model.optimizer.build(model.trainable_variables)


def steps_per_execution(steps: int | None, epochs: int) -> int:
    """Training steps in one call of the compiled function, for a training of `epochs` times `steps`.

    On JAX, Keras loops over them in Python: it costs nothing and saves callbacks. On TensorFlow the loop is
    compiled, for a third of a second that only a long training wins back. torch has none.
    """
    backend = keras.backend.backend()
    if steps is None or backend == "torch":
        return 1
    worth_it = backend == "jax" or steps * epochs >= STEPS_THAT_PAY_A_LOOP
    return min(STEPS_PER_EXECUTION, steps) if worth_it else 1


def load_model(path: str | Path) -> keras.Model:
    """A model saved by us, or any Keras model with our layers, in a process that never imported them.

    Keras deserialises only what is registered; importing this module has registered everything.

    Raises:
        InputError: there is no such file, or it is no Keras model.
    """
    if not Path(path).is_file():
        raise InputError(f"There is no model file {path}.")
    if zipfile.is_zipfile(path):
        with open_archive(path) as archive:
            require_memory(path, sum(entry.file_size for entry in archive.infolist()))
            damaged = archive.testzip()  # Keras reads weights here and there, without checking them
            if damaged is not None:
                raise zipfile.BadZipFile(f"{damaged} is damaged")
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # whatever it is, it is because of what the file holds
        lines = str(error).strip().splitlines() or [""]
        reason = (
            lines[0]
            if isinstance(error, OSError | ValueError)
            else f"{type(error).__name__}: {lines[0]}"
        )
        raise InputError(
            f"{path} cannot be read as a Keras model: {reason}".rstrip(": ")
        ) from error


def _check(architecture: Architecture, spec: TaskSpec) -> None:
    every_step = spec.task_kind.reads_every_step
    if every_step != (architecture.readout == "sequence"):
        wanted = "'sequence'" if every_step else "'last', 'max' or 'average'"
        raise InputError(
            f"readout must be {wanted} for {spec.kind} ({spec.task_kind.description}). "
            f"Received: {architecture.readout!r}"
        )
    if spec.vocabulary and architecture.padding != "causal":
        raise InputError(
            "padding must be 'causal' where the next token is asked for: any other sees it. "
            f"Received: {architecture.padding!r}"
        )
    try:
        keras.activations.get(architecture.activation)
    except ValueError as error:
        raise InputError(
            f"activation must be the name of a Keras activation. Received: {architecture.activation!r}"
        ) from error
