"""Build a compiled Keras model from an architecture and a task, or load one from a file."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import keras

from tcn_search.archives import open_archive, require_memory
from tcn_search.custom_model.scores import BuildModel, custom_scores
from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tcn_search.layers.tensor import Tensor
from tcn_search.models.losses import make_loss, smooth_training_loss
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

# A trial has few training steps. With Keras' 0.99 the statistics, and with them the validation
# values, lag so far behind that batch norm loses every early comparison.
BATCH_NORM_MOMENTUM = 0.9
STEPS_PER_EXECUTION = 16
FEWEST_STEPS_FOR_A_LOOP = 2_000  # training steps for which TensorFlow's compiled loop pays
_ACTIVATIONS = {
    "classification": "softmax",
    "labelling": "softmax",
    "multi_label": "sigmoid",
    "regression": "linear",
    "forecast": "linear",
}
# A task, its data without the test split, or its specification without data.
AnyTask = Task | TrainingData | TaskSpec


def build_model(
    architecture: Architecture,
    task: AnyTask,
    settings: TrainingSettings | None = None,
    model_fn: BuildModel | None = None,
) -> keras.Model:
    """Build a compiled model from raw sequences (B, T, C) to predictions in the task's units.

    The model holds the standardisation, the TCN, the readout and a dense head. It predicts class
    probabilities (B, K), labels (B, K), numbers (B, outputs), or class probabilities at each step
    (B, T, K). The saved model carries the statistics of the training split and the class names.

    Where the task has an `input_offset`, the model takes sequences minus that offset, and where it
    has a `target_offset`, it predicts numbers minus that offset, as they are in `task.train`;
    `tcn_search.predict` takes raw sequences and returns raw numbers.

    Args:
        architecture: the TCN and its readout.
        task: a task, its training data, or its specification alone.
        settings: training settings; None stands for the defaults.
        model_fn: builds a custom model in place of everything between standardisation and
            predictions: called with the architecture, the task's specification and the settings, it
            returns a model from (B, T, C) to scores (B, outputs), or (B, T, outputs) where every
            step is read.

    Raises:
        InputError: a readout, an activation or a training setting that the task or Keras cannot
            use, or a learning rate that follows the steps of the training where `task` has no data.
    """
    if settings is None:
        settings = TrainingSettings()
    spec = spec_of(task)
    _check_architecture(architecture, spec)
    if model_fn is None:
        body = tcn_body(architecture, settings.dropout_rate)
        return assemble(body, task, settings, architecture.level_filters[-1])

    def scores(x: Tensor) -> Tensor:
        return custom_scores(x, model_fn, architecture, spec, settings)

    return _compiled_model(scores, task, settings)


def tcn_body(architecture: Architecture, dropout_rate: float = 0.0) -> Callable[[Tensor], Tensor]:
    """Return the network of an architecture as a function, look-back and readout included.

    Args:
        dropout_rate: of the TCN's spatial dropout.

    Returns:
        A function from a tensor (B, T, C) to features (B, F), or (B, T, F) where every step is
        read.
    """

    def body(x: Tensor) -> Tensor:
        if architecture.look_back is not None:
            x = LastSteps(architecture.look_back, name="look_back")(x)
        x = make_tcn(architecture, dropout_rate)(x)
        if architecture.readout in ("max", "average"):
            x = PoolOverTime(architecture.readout, dtype="float32", name="readout")(x)
        return x

    return body


def spec_of(task: AnyTask) -> TaskSpec:
    """Return the specification of a task, without its data."""
    if isinstance(task, TaskSpec):
        return task
    return task.spec


def assemble(
    body: Callable[[Tensor], Tensor], task: AnyTask, settings: TrainingSettings, features: int
) -> keras.Model:
    """Build a compiled model around `body`, between the task's standardisation and its head.

    Args:
        body: maps a tensor (B, T, C) to features (B, F), or (B, T, F) where every step is read. It
            computes in the settings' precision; all other layers compute in float32.
        features: F. A token is embedded in F numbers, so that the embedding serves as the head too.
    """

    def scores(x: Tensor) -> Tensor:
        spec = spec_of(task)
        if not spec.vocabulary:
            return keras.layers.Dense(spec.outputs, dtype="float32", name="head")(body(x))
        tokens = TiedEmbedding(spec.vocabulary, features, dtype="float32", name="embedding")
        answered = LastSteps(spec.output_steps, name="answered_steps")(body(tokens(x)))
        return tokens(answered, reverse=True)

    return _compiled_model(scores, task, settings)


def _compiled_model(
    scores: Callable[[Tensor], Tensor], task: AnyTask, settings: TrainingSettings
) -> keras.Model:
    """Build and compile the model of a task around a function from inputs to scores."""
    spec = spec_of(task)
    settings.require_for_kind(spec.kind, spec.vocabulary)
    with precision(settings.precision):
        model = _model_of_scores(scores, spec, settings.input_norm)
    compile_model(model, task, settings)
    return model


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Set the Keras dtype policy of layers that are created inside the context."""
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(previous)


def _model_of_scores(
    scores: Callable[[Tensor], Tensor], spec: TaskSpec, input_norm: str
) -> keras.Model:
    """Build a model: standardisation, `scores` of the standardised inputs, and predictions."""
    mean = spec.input_mean
    std = spec.input_std
    if input_norm == "none":
        mean = std = ()
    table = None
    if spec.table is not None:
        table = spec.table.to_dict()
    recordings = None
    if spec.recordings is not None:
        recordings = asdict(spec.recordings)
    inputs = keras.Input((spec.seq_len, spec.input_channels), name="sequences")
    x: Tensor = Standardize(
        mean=mean,
        std=std,
        by_series=input_norm == "series",
        ragged=spec.ragged,
        offset=spec.input_offset,
        table=table,
        recordings=recordings,
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
        activation=_ACTIVATIONS[spec.kind],
        class_names=spec.class_names,
        mean=spec.target_mean,
        std=spec.target_std,
        offset=spec.target_offset,
        dtype="float32",
        name="predictions",
    )(x)
    return keras.Model(inputs, outputs, name="tcn_search")


def make_tcn(architecture: Architecture, dropout_rate: float = 0.0) -> TCN:
    """Build the TCN layer of an architecture."""
    arguments = architecture.to_dict()
    readout = arguments.pop("readout")
    del arguments["look_back"]
    return TCN(
        **arguments,
        dropout_rate=dropout_rate,
        return_sequences=readout != "last",
        batch_norm_momentum=BATCH_NORM_MOMENTUM,
        name="tcn",
    )


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
        loss=make_loss(spec),
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
    more.
    torch has no such loop.

    Args:
        steps: of one epoch; None where the task has no data.
    """
    backend = keras.backend.backend()
    if steps is None or backend == "torch":
        return 1
    if backend == "tensorflow" and steps * epochs < FEWEST_STEPS_FOR_A_LOOP:
        return 1
    return min(STEPS_PER_EXECUTION, steps)


def load_model(path: str | Path) -> keras.Model:
    """Load a model that was saved by tcn_search, or any Keras model with its layers.

    Keras deserialises only registered classes; importing this module registers them.

    Raises:
        InputError: there is no such file, or it is no Keras model.
    """
    if not Path(path).is_file():
        raise InputError(f"There is no model file {path}.")
    if zipfile.is_zipfile(path):
        with open_archive(path) as archive:
            require_memory(path, sum(entry.file_size for entry in archive.infolist()))
            damaged = archive.testzip()  # Keras reads weights without checking them
            if damaged is not None:
                raise zipfile.BadZipFile(f"{damaged} is damaged")
    try:
        return keras.saving.load_model(path)
    except Exception as error:  # a damaged file can raise any exception inside Keras
        lines = str(error).strip().splitlines() or [""]
        reason = lines[0]
        if not isinstance(error, OSError | ValueError):
            reason = f"{type(error).__name__}: {reason}"
        raise InputError(
            f"{path} cannot be read as a Keras model: {reason}".rstrip(": ")
        ) from error


def _check_architecture(architecture: Architecture, spec: TaskSpec) -> None:
    """Raise an error if the readout, padding or activation cannot be used for the task."""
    every_step = spec.task_kind.reads_every_step
    if every_step != (architecture.readout == "sequence"):
        allowed = "'last', 'max' or 'average'"
        if every_step:
            allowed = "'sequence'"
        raise InputError(
            f"readout must be {allowed} for {spec.kind} ({spec.task_kind.description}). "
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
            "activation must be the name of a Keras activation. "
            f"Received: {architecture.activation!r}"
        ) from error
