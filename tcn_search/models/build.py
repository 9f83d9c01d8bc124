"""Build a compiled Keras model from an architecture and a task, or load one from a file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import keras

from tcn_search.archives import open_archive, require_memory
from tcn_search.custom_model.scores import BuildModel, custom_scores
from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tcn_search.layers.tensor import Tensor
from tcn_search.models.architecture_checks import check_architecture
from tcn_search.models.compilation import AnyTask, compile_model, spec_of
from tcn_search.models.forecast import ForecastNetwork, needs_forecast_network
from tcn_search.models.initialisation import (
    constant_scores,
    residual_scale,
    scale_residual_branches,
)
from tcn_search.models.readout import PoolOverTime
from tcn_search.models.series import Patches
from tcn_search.models.standardize import Predictions, Standardize
from tcn_search.models.tokens import TiedEmbedding
from tcn_search.models.windows import LastSteps, PutBackLastValue, TakeOffLastValue
from tcn_search.planning.architecture import Architecture
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.task_spec import TaskSpec

# A trial has few training steps. With Keras' 0.99 the statistics, and with them the validation
# values, lag so far behind that batch norm loses every early comparison.
BATCH_NORM_MOMENTUM = 0.9
_AROUND_THE_TCN = ("patch", "patch_stride", "channels", "window_norm", "linear_path")
_ACTIVATIONS = {
    "classification": "softmax",
    "labelling": "softmax",
    "multi_label": "sigmoid",
    "regression": "linear",
    "forecast": "linear",
}


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
    check_architecture(architecture, spec)
    if model_fn is None:
        if needs_forecast_network(architecture, spec, settings):
            return _build_forecast(architecture, task, settings)
        body = tcn_body(architecture, settings.dropout_rate, settings.batch_norm_statistics)
        return assemble(body, task, settings, architecture.level_filters[-1])
    if settings.quantiles:
        raise InputError(
            "quantiles must be empty for a custom model, whose outputs are its own. "
            f"Received: {list(settings.quantiles)}"
        )

    def scores(x: Tensor) -> Tensor:
        return custom_scores(x, model_fn, architecture, spec, settings)

    return _compiled_model(scores, task, settings)


def tcn_body(
    architecture: Architecture,
    dropout_rate: float = 0.0,
    batch_norm_statistics: str = "evaluated",
    name: str = "",
) -> Callable[[Tensor], Tensor]:
    """Return the network of an architecture as a function, look-back and readout included.

    Args:
        dropout_rate: of the TCN's spatial dropout.
        batch_norm_statistics: "all" or "evaluated", as in `TCN`.
        name: begins the names of its layers, which must differ where a model has several of them.

    Returns:
        A function from a tensor (B, T, C) to features (B, F), or (B, T, F) where every step is
        read.
    """

    def body(x: Tensor) -> Tensor:
        if architecture.look_back is not None:
            x = LastSteps(architecture.look_back, name=f"{name}look_back")(x)
        if architecture.patch > 1:
            filters = architecture.level_filters[0]
            stride = architecture.stride
            x = Patches(filters, architecture.patch, stride, name=f"{name}patches")(x)
        tcn = make_tcn(architecture, dropout_rate, batch_norm_statistics, f"{name}tcn")
        x = tcn(x)
        scale_residual_branches(tcn, residual_scale(architecture))
        if architecture.readout in ("max", "average"):
            x = PoolOverTime(architecture.readout, dtype="float32", name=f"{name}readout")(x)
        elif architecture.readout == "flatten":
            x = keras.layers.Flatten(dtype="float32", name=f"{name}readout")(x)
        return x

    return body


def _build_forecast(
    architecture: Architecture, task: AnyTask, settings: TrainingSettings
) -> keras.Model:
    """Build the compiled model of a forecast with its choices of channels, windows and paths."""
    spec = spec_of(task)
    network = ForecastNetwork(
        architecture=architecture,
        spec=spec,
        quantiles=settings.quantiles,
        body=tcn_body(
            replace(architecture, look_back=None),
            settings.dropout_rate,
            settings.batch_norm_statistics,
        ),
    )
    settings.require_for_kind(spec.kind)
    with precision(settings.precision):
        model = _model_of_scores(
            network.scores, network.spec_of_predictions, settings.input_norm, settings.quantiles
        )
    compile_model(model, task, settings)
    if not isinstance(task, TaskSpec):
        network.start(model, task.train, task.validation)
    return model


def assemble(
    body: Callable[[Tensor], Tensor], task: AnyTask, settings: TrainingSettings, features: int
) -> keras.Model:
    """Build a compiled model around `body`, between the task's standardisation and its head.

    The model begins with the best constant prediction where the task has its data. It predicts
    single numbers, also where the settings ask for quantiles.

    Args:
        body: maps a tensor (B, T, C) to features (B, F), or (B, T, F) where every step is read. It
            computes in the settings' precision; all other layers compute in float32.
        features: F. A token is embedded in F numbers, so that the embedding serves as the head too.
    """

    def scores(x: Tensor) -> Tensor:
        spec = spec_of(task)
        if not spec.vocabulary:
            head = keras.layers.Dense(
                spec.outputs, kernel_initializer="zeros", dtype="float32", name="head"
            )
            return head(body(x))
        tokens = TiedEmbedding(spec.vocabulary, features, dtype="float32", name="embedding")
        answered = LastSteps(spec.output_steps, name="answered_steps")(body(tokens(x)))
        return tokens(answered, reverse=True)

    model = _compiled_model(scores, task, replace(settings, quantiles=()))
    if not isinstance(task, TaskSpec):
        name = "embedding" if task.spec.vocabulary else "head"
        model.get_layer(name).bias.assign(constant_scores(task.spec, task.train))
    return model


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
    scores: Callable[[Tensor], Tensor],
    spec: TaskSpec,
    input_norm: str,
    quantiles: tuple[float, ...] = (),
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
    if spec.last_value_channels and input_norm == "none":  # scores are standardised all the same
        window = Standardize(
            mean=spec.input_mean, std=spec.input_std, dtype="float32", name="standardize_window"
        )(window)
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
        quantiles=quantiles,
        dtype="float32",
        name="predictions",
    )(x)
    return keras.Model(inputs, outputs, name="tcn_search")


def make_tcn(
    architecture: Architecture,
    dropout_rate: float = 0.0,
    batch_norm_statistics: str = "evaluated",
    name: str = "tcn",
) -> TCN:
    """Build the TCN layer of an architecture."""
    arguments = architecture.to_dict()
    readout = arguments.pop("readout")
    for argument in (*_AROUND_THE_TCN, "look_back"):
        arguments.pop(argument, None)
    return TCN(
        **arguments,
        dropout_rate=dropout_rate,
        return_sequences=readout != "last",
        batch_norm_momentum=BATCH_NORM_MOMENTUM,
        batch_norm_statistics=batch_norm_statistics,
        name=name,
    )


def load_model(path: str | Path) -> keras.Model:
    """Load a model that was saved by tcn_search, or any Keras model with its layers.

    Keras deserialises only registered classes; importing this module registers them.

    Raises:
        InputError: there is no such file, or it is no Keras model.
    """
    if not Path(path).is_file():
        raise InputError(f"There is no model file {path}.")
    if Path(path).suffix == ".keras" and not zipfile.is_zipfile(path):
        raise InputError(f"{path} cannot be read as a Keras model: it is no .keras archive")
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
