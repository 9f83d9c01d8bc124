"""What a task is, in plain values: all that a model needs to know of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from tcn_search.formats.file_names import file_format, stem
from tcn_search.formats.table_layout import TableLayout
from tcn_search.tasks.kinds import KINDS, Kind, of_next_token, scored_on_last

ABOUT_NEW_DATA = frozenset({"table", "recordings"})  # fields that decide nothing about a training
_JUDGED_AT_ONCE = 256
_OUTPUTS_AT_ONCE = 1 << 24  # 64 MiB in float32, of which loss and metrics need a few copies


def sequences_at_once(outputs: int) -> int:
    """Sequences in a batch that is only judged: 256, or fewer where so many outputs each would fill the memory."""
    return max(1, min(_JUDGED_AT_ONCE, _OUTPUTS_AT_ONCE // outputs))


def name_from_file(path: Path) -> str:
    """Return the name of the task in a file: its stem, for tables only up to the first dot.

    Neither rule may change: the fingerprints by which stored studies know their tasks hold the name.

    >>> name_from_file(Path("own.v2.npz")), name_from_file(Path("own.v2.csv.gz"))
    ('own.v2', 'own')
    """
    if file_format(path) == "npz":
        return stem(path)
    return path.name.split(".")[0]


@dataclass(frozen=True)
class RecordingFormat:
    """How recordings were made into sequences.

    Args:
        rate: sampling rate, in Hz.
        downsample: samples that became one step.
        front: how: "average" or "fold".
    """

    rate: int
    downsample: int
    front: str


@dataclass(frozen=True)
class TaskSpec:
    """All that a model and a trainer need to know about a task, in plain values: no data.

    Args:
        name: what the task is called in a study.
        kind: "classification", "multi_label", "labelling" or "regression".
        seq_len: T, steps of the longest sequence.
        input_channels: C.
        outputs: classes, labels or numbers to predict.
        class_names: for kinds with classes; what the numbers of a forecast are.
        ragged: whether rows have different lengths.
        input_mean, input_std: the training part's, for each channel; inputs are standardised with them. They
            are of inputs minus `input_offset`.
        target_std: for regression, the training part's for each output; the loss is in units of it.
        last_value_channels: for forecasts, the input channel of each series that is predicted; its last value
            is taken off the inputs and put back on the outputs. Empty: neither.
        required_context: steps back that the task needs to see, if it is not the sequence length.
        context_reason: why so many, in words.
        scored_steps: where every step is read, the metrics look at the last so many steps only, if given;
            the loss looks at all.
        class_weights: for each class, its weight in the loss of the training part.
        vocabulary: number of tokens, where X (n, T, 1) holds tokens' numbers and y (n, scored_steps) those that
            follow the last ones; a model answers at these steps only. 0: inputs are measurements.
        input_offset: for each channel, what is subtracted from raw inputs in double precision, before they
            become the float32 that a model takes. Empty: nothing.
        target_offset: for each output, what is added to a model's predictions in double precision;
            `target_mean` is of targets minus it. Empty: nothing.
        table, recordings: how the data was read from a table or from recordings, so that new data is read likewise.
            They decide nothing about a training.
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
    # Not in repr(), which fingerprints of data are made of: those of studies that exist must not change.
    input_offset: tuple[float, ...] = field(default=(), repr=False)
    target_offset: tuple[float, ...] = field(default=(), repr=False)
    table: TableLayout | None = field(default=None, repr=False)
    recordings: RecordingFormat | None = field(default=None, repr=False)

    @property
    def task_kind(self) -> Kind:
        """The kind with its loss and metrics."""
        kind = KINDS[self.kind]
        if self.vocabulary:
            return of_next_token(kind)
        return kind if self.scored_steps is None else scored_on_last(kind, self.scored_steps)

    @property
    def sequences_at_once(self) -> int:
        """Sequences in a batch that is only judged."""
        return sequences_at_once(self.answered_steps * self.outputs)

    @property
    def answered_steps(self) -> int:
        """Steps of a sequence at which a model answers: one, all, or of tokens the last that are scored."""
        if not self.task_kind.reads_every_step:
            return 1
        return self.scored_steps if self.vocabulary and self.scored_steps else self.seq_len

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them, without younger fields that say nothing.

        Digests of stored results are made of them, and do not know those fields.
        """
        unused = {
            one.name
            for one in fields(self)
            if not one.repr and getattr(self, one.name) == one.default
        }
        values = (
            asdict(self) if self.table is None else {**asdict(self), "table": self.table.to_dict()}
        )
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in values.items()
            if key not in unused
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TaskSpec:
        """The specification that `to_dict` wrote."""
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        if "table" in given:
            given["table"] = TableLayout.from_dict(given["table"])
        if given.get("recordings") is not None:
            given["recordings"] = RecordingFormat(**given["recordings"])
        return cls(**given)
