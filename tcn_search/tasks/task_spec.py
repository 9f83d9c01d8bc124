"""Specification of a task in plain values: all that a model needs to know of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tcn_search.formats.file_names import file_format, stem
from tcn_search.formats.table_layout import TableLayout
from tcn_search.tasks.kinds import KINDS, Kind, of_next_token, scored_on_last

# Fields that do not tell two trainings apart: how new data is read, and what others imply.
NOT_COMPARED = frozenset({"table", "recordings", "target_channels", "season"})
_MOST_SEQUENCES_AT_ONCE = 256
_MOST_OUTPUTS_AT_ONCE = 1 << 24  # 64 MiB in float32, of which loss and metrics need a few copies


def sequences_at_once(outputs: int) -> int:
    """Return the batch size of predictions and evaluations, without training.

    It is 256, or less if 256 sequences with `outputs` numbers each would fill the memory.
    """
    return max(1, min(_MOST_SEQUENCES_AT_ONCE, _MOST_OUTPUTS_AT_ONCE // outputs))


def name_from_file(path: Path) -> str:
    """Return the name of the task in a file: its stem, for tables only up to the first dot.

    Neither rule may change: a stored study identifies its task by a fingerprint that includes the
    name.

    >>> name_from_file(Path("own.v2.npz")), name_from_file(Path("own.v2.csv.gz"))
    ('own.v2', 'own')
    """
    if file_format(path) == "npz":
        return stem(path)
    return path.name.split(".")[0]


@dataclass(frozen=True)
class RecordingFormat:
    """How recordings were turned into sequences.

    Args:
        rate: sampling rate, in Hz.
        downsample: samples that became one step.
        front: "log_mel" for their spectrum in 40 bands, "average" for their mean, "fold" for one
            channel per sample.
    """

    rate: int
    downsample: int
    front: str


@dataclass(frozen=True)
class TaskSpec:
    """All that a model and a trainer need to know about a task, in plain values: no data.

    Args:
        name: name of the task in a study.
        kind: "classification", "multi_label", "labelling", "regression" or "forecast".
        seq_len: T, steps of the longest sequence.
        input_channels: C.
        outputs: classes, labels or numbers to predict.
        class_names: names of the classes or labels; of a forecast, names of the outputs.
        ragged: whether rows have different lengths.
        input_mean, input_std: mean and standard deviation of each channel of the training split,
            after `input_offset` is subtracted; inputs are standardised with them.
        target_mean, target_std: for regression and forecasts, mean and standard deviation of each
            output of the training split, after `target_offset` is subtracted; the loss is in
            units of `target_std`.
        required_context: steps back that the task needs to see, if it is not the sequence length.
        last_value_channels: for forecasts, the input channel of each series that is predicted; its
            last value is subtracted from the inputs and added to the outputs. Empty: neither.
        context_reason: reason for the required context, in words.
        scored_steps: for kinds that read every step, number of last steps that the metrics look at;
            None for all steps. The loss looks at all steps.
        class_weights: for each class, its weight in the training loss.
        vocabulary: number of tokens, if X (n, T, 1) holds token numbers and y (n, scored_steps) the
            tokens that follow the last steps; a model has outputs at these steps only. 0 if inputs
            are measurements.
        input_offset: for each channel, the number that is subtracted from raw inputs in double
            precision, before they become the float32 that a model takes. Empty: nothing.
        target_offset: for each output, the number that is added to a model's predictions in double
            precision. Empty: nothing.
        table, recordings: how the data was read from a table or from recordings, so that new data
            is read likewise. They have no effect on a training.
        target_channels: for forecasts, the input channel of each series that is predicted. Empty
            in forecasts of earlier versions; `last_value_channels` has them, unless it is empty.
        future_channels: for forecasts, the input channels that hold a column known in advance,
            shifted by the horizon: their last `horizon` steps are its values over the horizon.
        series: for forecasts, the number of series in a table that has them below each other
            (long form); each is standardised by itself before it becomes windows. 0 if every
            series has a column of its own (wide form).
        season: steps of a season of a forecast's series, for seasonal baselines and errors; 0 where
            it is not known.
    """

    name: str
    kind: str
    seq_len: int
    input_channels: int
    outputs: int
    class_names: tuple[str, ...] = ()
    ragged: bool = False
    input_mean: tuple[float, ...] = ()
    input_std: tuple[float, ...] = ()
    target_mean: tuple[float, ...] = ()
    target_std: tuple[float, ...] = ()
    required_context: int | None = None
    last_value_channels: tuple[int, ...] = ()
    context_reason: str = ""
    scored_steps: int | None = None
    class_weights: tuple[float, ...] = ()
    vocabulary: int = 0
    # Not in repr(), from which fingerprints are made: those of stored studies must not change.
    input_offset: tuple[float, ...] = field(default=(), repr=False)
    target_offset: tuple[float, ...] = field(default=(), repr=False)
    table: TableLayout | None = field(default=None, repr=False)
    recordings: RecordingFormat | None = field(default=None, repr=False)
    target_channels: tuple[int, ...] = field(default=(), repr=False)
    future_channels: tuple[int, ...] = field(default=(), repr=False)
    series: int = field(default=0, repr=False)
    season: int = field(default=0, repr=False)

    @property
    def task_kind(self) -> Kind:
        """Kind of task, with its loss and metrics."""
        kind = KINDS[self.kind]
        if self.vocabulary:
            return of_next_token(kind)
        if self.scored_steps is not None:
            return scored_on_last(kind, self.scored_steps)
        return kind

    @property
    def sequences_at_once(self) -> int:
        """Batch size of predictions and evaluations, without training."""
        return sequences_at_once(self.output_steps * self.outputs)

    @property
    def output_steps(self) -> int:
        """Number of steps with an output: one, all, or for tokens the scored ones."""
        if not self.task_kind.reads_every_step:
            return 1
        if self.vocabulary and self.scored_steps:
            return self.scored_steps
        return self.seq_len

    @property
    def answered_steps(self) -> int:
        """The former name of `output_steps`, which functions of custom models may use."""
        return self.output_steps

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON, without the later fields that have their default.

        Digests of stored results are made from these values, and older ones lack those fields.
        """
        values = asdict(self)
        if self.table is not None:
            values["table"] = self.table.to_dict()
        for spec_field in fields(self):
            if not spec_field.repr and getattr(self, spec_field.name) == spec_field.default:
                del values[spec_field.name]
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in values.items()
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TaskSpec:
        """Return the specification from the values of `to_dict`."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        if "table" in given:
            given["table"] = TableLayout.from_dict(given["table"])
        if given.get("recordings") is not None:
            given["recordings"] = RecordingFormat(**given["recordings"])
        return cls(**given)
