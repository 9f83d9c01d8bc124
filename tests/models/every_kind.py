"""A small model of every kind that `best` may save, with drawn weights: nothing is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np

from tcn_search import Architecture, build_model
from tcn_search.models.ensemble import make_ensemble
from tcn_search.settings import TrainingSettings
from tcn_search.tasks.task_spec import RecordingFormat, TaskSpec

CLASSES = TaskSpec(
    name="classes",
    kind="classification",
    seq_len=12,
    input_channels=2,
    outputs=3,
    class_names=("a", "b", "c"),
    input_mean=(1.0, 2.0),
    input_std=(2.0, 0.5),
)
RAGGED = replace(CLASSES, ragged=True)
STEPS = replace(CLASSES, kind="labelling")
NUMBERS = replace(
    CLASSES,
    kind="regression",
    outputs=2,
    class_names=("x", "y"),
    target_mean=(3.0, 30.0),
    target_std=(1.0, 10.0),
)
SERIES = TaskSpec(
    name="series",
    kind="forecast",
    seq_len=12,
    input_channels=3,
    outputs=4,
    class_names=("p+1", "q+1", "p+2", "q+2"),
    input_mean=(1.0, 2.0, 0.0),
    input_std=(2.0, 0.5, 1.0),
    target_mean=(1.0, 2.0) * 2,
    target_std=(2.0, 0.5) * 2,
    target_channels=(0, 1),
    future_channels=(2,),
)
WORDS = TaskSpec(
    name="words",
    kind="labelling",
    seq_len=12,
    input_channels=1,
    outputs=7,
    class_names=tuple("abcdefg"),
    scored_steps=4,
    vocabulary=7,
)
CAUSAL = Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2, 4))
NETWORK = replace(
    CAUSAL,
    dilations=(1, 2),
    readout="flatten",
    channels="shared",
    window_norm="standard",
    linear_path=True,
    patch=4,
    patch_stride=2,
)


def built(
    architecture: Architecture,
    spec: TaskSpec,
    settings: TrainingSettings | None = None,
    seed: int = 0,
) -> keras.Model:
    """Return a model with drawn weights, in the scale of trained ones."""
    model = build_model(architecture, spec, settings)
    generator = np.random.default_rng(seed)
    for variable in model.weights:
        if "moving_variance" not in variable.path:
            noise = generator.normal(scale=0.2, size=variable.shape)
            variable.assign(np.asarray(variable) + noise)
    return model


def _ensemble() -> keras.Model:
    return make_ensemble([built(CAUSAL, CLASSES, seed=seed) for seed in range(2)], CLASSES)


MODELS: dict[str, Callable[[], keras.Model]] = {
    "classification": lambda: built(
        replace(CAUSAL, padding="same", norm="batch", readout="max"), CLASSES
    ),
    "causal": lambda: built(CAUSAL, CLASSES),
    "padded": lambda: built(replace(CAUSAL, norm="layer", readout="average"), RAGGED),
    "weight_norm": lambda: built(replace(CAUSAL, norm="weight"), RAGGED),
    "labels": lambda: built(CAUSAL, replace(CLASSES, kind="multi_label")),
    "recordings": lambda: built(
        CAUSAL, replace(RAGGED, recordings=RecordingFormat(8000, 80, "log_mel"))
    ),
    "steps": lambda: built(replace(CAUSAL, readout="sequence"), STEPS),
    "words": lambda: built(replace(CAUSAL, readout="sequence"), WORDS),
    "numbers": lambda: built(CAUSAL, NUMBERS),
    "forecast": lambda: built(NETWORK, SERIES, TrainingSettings(quantiles=(0.1, 0.5, 0.9))),
    "former_forecast": lambda: built(
        CAUSAL, replace(SERIES, future_channels=(), last_value_channels=(0, 1))
    ),
    "ensemble": _ensemble,
}
