"""Training settings: everything about a training but the architecture and the data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tcn_search.arguments import (
    integer_from_0,
    is_number,
    one_of,
    plain_number,
    positive_integer,
    received,
    require_at_most,
)
from tcn_search.errors import InputError

OPTIMIZERS = ("adam", "adamw", "sgd", "momentum", "rmsprop", "nadam")
SCHEDULES = ("constant", "cosine", "step", "plateau", "train_plateau")
# Schedules that follow the losses of the epochs; the others are functions of the step.
LOSS_SCHEDULES = ("plateau", "train_plateau")
LOSSES = ("squared", "absolute", "huber")
INPUT_NORMS = ("none", "dataset", "series")
KEPT_WEIGHTS = ("best", "last", "lowest_loss", "ema")
PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
BATCH_NORM_STATISTICS = ("all", "evaluated")

# Settings that a search space may hold, in the order in which they are suggested.
SEARCHABLE = (
    "dropout_rate",
    "learning_rate",
    "optimizer",
    "schedule",
    "weight_decay",
    "clip_norm",
    "batch_size",
    "input_norm",
    "label_smoothing",
    "loss",
)
# Settings with words as values: a range of them is refused.
CHOICES = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "input_norm": INPUT_NORMS,
    "loss": LOSSES,
}
# Settings with real values: a range of them holds every number between its ends.
FRACTIONS = ("dropout_rate", "learning_rate", "weight_decay", "clip_norm", "label_smoothing")
_MOST_STEPS, _FEWEST_STEPS = 2_000, 600  # of a training, if no epochs are given
_STEPS_TIMES_SEQ_LEN = 500_000  # where that gives a number of training steps between these
_SHARES = ("dropout_rate", "label_smoothing", "warmup")  # 0 ≤ share < 1
# Kinds of tasks whose targets belong to whole sequences, not to their steps.
_KINDS_OF_SERIES_NORM = ("classification", "multi_label", "regression")
# Settings that studies of earlier versions do not hold, with what those did.
_FORMER_SETTINGS = {
    "input_norm": "dataset",
    "label_smoothing": 0.0,
    "warmup": 0.0,
    "weights": "best",
    "batch_norm_statistics": "all",
    "loss": "squared",
    "quantiles": (),
}


@dataclass(frozen=True)
class TrainingSettings:
    """Training settings of one trial.

    Args:
        epochs: the most passes over the training split.
        batch_size: the most sequences in one step. In a study all steps have the same number of
            sequences: 65 sequences are two batches of 33, and one sequence is used twice.
        learning_rate: learning rate of the first step.
        dropout_rate: rate of the TCN's spatial dropout, 0 ≤ rate < 1.
        patience: stop after this number of epochs without a better validation score; 0 never stops
            early.
        optimizer: "adam", "adamw", "sgd" (plain), "momentum" (SGD with Nesterov momentum 0.9),
            "rmsprop" or "nadam".
        schedule: learning rate over all steps of all epochs. "constant" keeps it; "cosine" lowers
            it to 0; "step" halves it after each fifth of the steps; "plateau" halves it after every
            epoch whose validation loss is not below the largest of the five epochs before it, as
            the text experiments of Bai et al. 2018 do; "train_plateau" halves it, to a tenth at
            the lowest, where the training loss has not fallen for a fortieth of the epochs, as
            Wang, Yan and Oates 2017 do (their 50 of 2,000 epochs).
        weight_decay: share of each weight that a step subtracts, times the learning rate. None is
            the optimiser's default: 0.004 for "adamw" and 0 for the others.
        clip_norm: gradients whose norm over all weights is larger are scaled down to this norm;
            0 never clips.
        precision: "float32", "mixed_float16" or "mixed_bfloat16": the type in which layers compute.
            Weights, the standardisation of the inputs and the head stay float32.
        input_norm: "dataset" standardises each channel with mean and deviation of the training
            split, "series" each channel of each sequence with its own mean and deviation over its
            valid steps, and "none" leaves the inputs as they are. "series" is for targets of whole
            sequences only.
        label_smoothing: share of each training target that is spread evenly over the classes,
            0 ≤ share < 1; for classification only. Validation losses are without it.
        warmup: share of all steps, 0 ≤ share < 1, in which the learning rate rises from 0 in a
            straight line; the schedule follows after it. Not with "plateau" and "train_plateau".
        weights: which weights the trained model has: those of the epoch with the "best" validation
            score, of the "last" epoch, of the epoch with the "lowest_loss" of training, or "ema",
            an exponential moving average over the steps, whose window is a tenth of the training.
            With "ema" the validation numbers are those of the average.
        batch_norm_statistics: steps over which batch norm takes its statistics in training: "all"
            or those that are "evaluated", see `TCN`. They differ only where one step is read.
        loss: of numbers that are predicted, in units of their standard deviation: "squared",
            "absolute", or "huber" (squared below 1, straight above; Huber 1964).
        quantiles: of forecasts: shares such as (0.1, 0.5, 0.9), ascending around 0.5. The model
            predicts these quantiles of each number, which never cross, with the pinball loss
            (Koenker and Bassett 1978) in place of `loss`; metrics look at the median. Empty: it
            predicts one number.

    Raises:
        InputError: names the argument, the rule and the value received.
    """

    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 1e-3
    dropout_rate: float = 0.0
    patience: int = 0
    optimizer: str = "adam"
    schedule: str = "constant"
    weight_decay: float | None = None
    clip_norm: float = 0.0
    precision: str = "float32"
    input_norm: str = "dataset"
    label_smoothing: float = 0.0
    warmup: float = 0.0
    weights: str = "best"
    batch_norm_statistics: str = "evaluated"
    loss: str = "squared"
    quantiles: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "epochs", positive_integer("epochs", self.epochs))
        object.__setattr__(self, "patience", integer_from_0("patience", self.patience, " epochs"))
        for name in (*SEARCHABLE, "warmup"):
            if name != "weight_decay" or self.weight_decay is not None:
                check_setting(name, getattr(self, name))
                object.__setattr__(self, name, plain_number(getattr(self, name)))
        one_of("precision", self.precision, PRECISIONS)
        one_of("weights", self.weights, KEPT_WEIGHTS)
        if self.warmup and self.schedule in LOSS_SCHEDULES:
            raise InputError(
                f"warmup must be 0 with the schedule {self.schedule!r}, which follows losses, not "
                f"steps. Received: {self.warmup!r}"
            )
        one_of("batch_norm_statistics", self.batch_norm_statistics, BATCH_NORM_STATISTICS)
        object.__setattr__(self, "quantiles", _read_quantiles(self.quantiles))
        if self.quantiles and self.loss != "squared":
            raise InputError(
                "loss must not be given with quantiles, whose loss is the pinball loss. "
                f"Received: {self.loss!r}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values that JSON can hold."""
        return {**asdict(self), "quantiles": list(self.quantiles)}

    def to_digest(self) -> dict[str, Any]:
        """Return the values of `to_dict` without the later settings that do what was done before.

        Digests of stored results are made from these values, and older ones lack those settings.
        """
        return {
            name: value
            for name, value in self.to_dict().items()
            if name not in _FORMER_SETTINGS or value != _FORMER_SETTINGS[name]
            if name != "quantiles" or value
        }

    def require_for_kind(self, kind: str, vocabulary: int = 0) -> None:
        """Raise an InputError if a setting makes no sense for this kind of task.

        Args:
            kind: kind of the task, such as "classification".
            vocabulary: number of tokens, if the inputs are tokens; 0 otherwise.
        """
        if self.label_smoothing and kind != "classification":
            raise InputError(
                f"label_smoothing must be 0 for {kind}: it is for one class of each sequence. "
                f"Received: {self.label_smoothing!r}"
            )
        if self.input_norm == "series" and (vocabulary or kind not in _KINDS_OF_SERIES_NORM):
            raise InputError(
                f"input_norm must be 'dataset' or 'none' for {kind}: its targets are steps of the "
                "sequence, whose level and scale 'series' takes away. Received: 'series'"
            )
        if self.loss != "squared" and kind not in ("regression", "forecast"):
            raise InputError(
                f"loss must be 'squared', its default, for {kind}, whose loss is a cross-entropy. "
                f"Received: {self.loss!r}"
            )
        if self.quantiles and kind != "forecast":
            raise InputError(
                f"quantiles are for forecasts. Received: {list(self.quantiles)} for {kind}"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainingSettings:
        """Return the settings that `to_dict` wrote, in this version or an earlier one.

        Raises:
            InputError: a key is no argument of `TrainingSettings`.
        """
        unknown = sorted(set(values) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(f"Training settings have no {', '.join(map(repr, unknown))}.")
        return cls(**{**_FORMER_SETTINGS, **values})


def _read_quantiles(given: Any) -> tuple[float, ...]:
    """Return quantiles as a tuple of shares, ascending, as many below 0.5 as above it."""
    values = (given,)
    if isinstance(given, list | tuple):
        values = tuple(given)
    if not values:
        return ()
    are_shares = all(is_number(value) and 0 < value < 1 for value in values)
    has_median = len(values) % 2 == 1 and values[len(values) // 2] == 0.5
    if are_shares and has_median and sorted(set(values)) == list(values):
        return tuple(float(value) for value in values)
    raise InputError(
        "quantiles must be ascending shares between 0 and 1 with 0.5 in their middle, such as "
        f"[0.1, 0.5, 0.9]. Received: {received(given)}"
    )


def check_setting(name: str, value: object) -> None:
    """Raise an InputError if the searchable setting `name` cannot have this value."""
    if name in CHOICES:
        one_of(name, value, CHOICES[name])
    elif name == "batch_size":
        positive_integer(name, value)
    elif not is_number(value):
        raise InputError(f"{name} must be a finite number. Received: {received(value)}")
    elif name == "learning_rate" and not value > 0:
        raise InputError(f"learning_rate must be above 0 and finite. Received: {value!r}")
    elif name in _SHARES and not 0 <= value < 1:
        raise InputError(f"{name} must be at least 0 and below 1. Received: {value!r}")
    elif value < 0:
        raise InputError(f"{name} must be at least 0. Received: {value!r}")
    else:
        require_at_most(name, value)


def settings_for(sequences: int, *, seq_len: int, **given: Any) -> TrainingSettings:
    """Return default settings for a training split of this size.

    Batches hold an eighth of the sequences, 4 to 16, or a 64th, up to 64, where that is more. The
    epochs, 10 to 500, make about 2,000 training steps: with the same epochs for all datasets, a
    small one would get a handful of steps and a large one hours of training. Sequences of more than
    250 steps cost more, and get fewer training steps, down to 600. That is enough to compare
    networks; final trainings are longer. The learning rate falls to 0 with the last step.

    Args:
        sequences: of the training split.
        seq_len: steps of a sequence.
        given: settings that replace these defaults.

    >>> settings_for(160, seq_len=100).epochs, settings_for(160, seq_len=500).epochs
    (200, 100)
    >>> settings_for(50_000, seq_len=100, patience=3).batch_size
    64
    """
    batch_size = max(_power_of_two(sequences // 8, 4, 16), _power_of_two(sequences // 64, 4, 64))
    steps_an_epoch = math.ceil(sequences / given.get("batch_size", batch_size))
    steps = min(_MOST_STEPS, max(_FEWEST_STEPS, _STEPS_TIMES_SEQ_LEN / seq_len))
    epochs = min(500, max(10, round(steps / steps_an_epoch)))
    defaults = {"batch_size": batch_size, "epochs": epochs, "schedule": "cosine"}
    return TrainingSettings(**{**defaults, **given})


def _power_of_two(number: int, low: int, high: int) -> int:
    """Return the largest power of two that is not above `number`, from `low` to `high`."""
    power = 1
    if number > 0:
        power = 1 << (number.bit_length() - 1)
    return min(high, max(low, power))
