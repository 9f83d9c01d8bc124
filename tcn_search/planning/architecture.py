"""`Architecture`, the description of a network that all packages share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from tcn_search.arguments import (
    one_of,
    positive_integer,
    positive_integers,
    received,
    require_buildable,
)
from tcn_search.errors import InputError
from tcn_search.planning.receptive_field import Span, receptive_field, span

PADDINGS = ("causal", "same", "valid")
NORMS = ("none", "batch", "layer", "weight")
READOUTS = ("last", "max", "average", "flatten", "sequence")
POOLED_READOUTS = ("average", "max", "flatten")  # the head gets something of every step
CHANNELS = ("mixed", "shared")
WINDOW_NORMS = ("auto", "none", "last", "mean", "standard")
CONVOLUTIONS_PER_BLOCK = 2


@dataclass(frozen=True)
class Architecture:
    """A temporal convolutional network, without its training settings and without a task's head.

    Instances are frozen and hashable, and check their arguments. `nb_filters` and `dilations` may
    be given as lists and are stored as tuples.

    Args:
        nb_filters: channels of every convolution, or a list with one number per level.
        kernel_size: taps of every dilated convolution.
        dilations: one entry per level.
        nb_stacks: repetitions of the levels.
        padding: "causal" (sees past steps), "same" (sees past and future steps) or "valid" (no
            padding, so the output is shorter than the input).
        use_skip_connections: output the sum of all blocks' skip outputs (WaveNet) instead of the
            last block's output.
        norm: "none", "batch", "layer" or "weight" (Salimans and Kingma 2016).
        activation: name of a Keras activation.
        readout: input of the head: the "last" step, the "max" or the "average" over time, all steps
            one after the other ("flatten"), or every step by itself ("sequence").
        look_back: number of steps at the end of a sequence that the network is given. None gives it
            all steps.
        patch: length of the patches of a stem before the TCN: each patch of so many steps becomes
            one step of the TCN, by a linear map to its filters. 1: no stem.
        patch_stride: steps from one patch to the next, a divisor of `patch`. None: patches follow
            each other without overlap.
        channels: of forecasts: "mixed" is one network that sees all series and predicts them
            together; "shared" is one network that is applied to each series by itself.
        window_norm: of forecasts, how each window of a predicted series is normalised by its own
            statistics, which are undone at the output (Kim et al. 2022): "last" subtracts the last
            value, "mean" the mean, "standard" the mean, and divides by the deviation; "none" does
            neither. "auto" is "last" where the task predicts from the last value, else "none".
        linear_path: of forecasts, whether a linear map from the window of each series to its next
            steps runs beside the network. Training begins at its ridge solution.

    Raises:
        InputError: names the argument, the rule and the value received.

    >>> Architecture(nb_filters=24, kernel_size=8, dilations=[1, 2, 4, 8]).receptive_field
    211
    """

    nb_filters: int | tuple[int, ...] = 64
    kernel_size: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    nb_stacks: int = 1
    padding: str = "causal"
    use_skip_connections: bool = True
    norm: str = "none"
    activation: str = "relu"
    readout: str = "last"
    look_back: int | None = None
    patch: int = 1
    patch_stride: int | None = None
    channels: str = "mixed"
    window_norm: str = "auto"
    linear_path: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "kernel_size", positive_integer("kernel_size", self.kernel_size))
        object.__setattr__(self, "nb_stacks", positive_integer("nb_stacks", self.nb_stacks))
        object.__setattr__(self, "dilations", positive_integers("dilations", self.dilations))
        require_buildable(self.kernel_size, len(self.dilations), self.nb_stacks)
        if isinstance(self.nb_filters, Iterable) and not isinstance(self.nb_filters, str):
            object.__setattr__(self, "nb_filters", positive_integers("nb_filters", self.nb_filters))
        else:
            object.__setattr__(self, "nb_filters", positive_integer("nb_filters", self.nb_filters))
        one_of("padding", self.padding, PADDINGS)
        one_of("norm", self.norm, NORMS)
        one_of("readout", self.readout, READOUTS)
        if self.look_back is not None:
            object.__setattr__(self, "look_back", positive_integer("look_back", self.look_back))
        one_of("channels", self.channels, CHANNELS)
        one_of("window_norm", self.window_norm, WINDOW_NORMS)
        for name in ("use_skip_connections", "linear_path"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(
                    f"{name} must be True or False. Received: {received(getattr(self, name))}"
                )
        if not isinstance(self.activation, str) or not self.activation:
            raise InputError(
                'activation must be the name of a Keras activation, such as "relu". '
                f"Received: {received(self.activation)}"
            )
        self._check_filters()
        self._check_patch()

    def _check_patch(self) -> None:
        object.__setattr__(self, "patch", positive_integer("patch", self.patch))
        if self.patch_stride is None:
            return
        stride = positive_integer("patch_stride", self.patch_stride)
        if self.patch % stride:
            raise InputError(
                f"patch_stride must be a divisor of patch = {self.patch}. Received: {stride}"
            )
        object.__setattr__(self, "patch_stride", stride if stride < self.patch else None)

    def _check_filters(self) -> None:
        if isinstance(self.nb_filters, int):
            return
        if len(self.nb_filters) != len(self.dilations):
            raise InputError(
                "nb_filters as a list must have one number for each of the "
                f"{len(self.dilations)} dilations. "
                f"Received: {len(self.nb_filters)} numbers, {list(self.nb_filters)}"
            )
        if self.use_skip_connections and len(set(self.nb_filters)) > 1:
            raise InputError(
                "nb_filters must be the same at every level when use_skip_connections=True, "
                f"because the skip outputs are added up. Received: {list(self.nb_filters)}. "
                "Use one number, or use_skip_connections=False."
            )

    @property
    def levels(self) -> int:
        """Number of residual blocks in one stack."""
        return len(self.dilations)

    @property
    def level_filters(self) -> tuple[int, ...]:
        """Filters of each level of a stack."""
        if isinstance(self.nb_filters, int):
            return (self.nb_filters,) * self.levels
        return self.nb_filters

    @property
    def blocks(self) -> tuple[tuple[int, int], ...]:
        """(dilation, filters) of each residual block, from the input to the output."""
        return tuple(zip(self.dilations, self.level_filters, strict=True)) * self.nb_stacks

    @property
    def receptive_field(self) -> int:
        """Number of input steps that one output step can depend on.

        1 + 2·(kernel_size − 1)·nb_stacks·Σ dilations, with two convolutions per block; behind a
        stem these are R patches, which hold (R − 1)·patch_stride + patch steps.
        """
        steps_of_tcn = receptive_field(
            self.kernel_size, self.dilations, self.nb_stacks, CONVOLUTIONS_PER_BLOCK
        )
        return (steps_of_tcn - 1) * self.stride + self.patch

    @property
    def span(self) -> Span:
        """Look-back and look-ahead of one output step, in steps of the TCN: behind a stem patches.

        The newest step of a patch is the time of the patch.
        """
        return span(
            self.kernel_size,
            self.dilations,
            self.nb_stacks,
            CONVOLUTIONS_PER_BLOCK,
            padding=self.padding,
        )

    @property
    def stride(self) -> int:
        """Input steps from one step of the TCN to the next: 1 without a stem."""
        return self.patch_stride or self.patch

    @property
    def tcn_alone(self) -> Architecture:
        """The architecture without its stem: its steps are patches."""
        return replace(self, patch=1, patch_stride=None)

    @property
    def is_for_forecasts(self) -> bool:
        """Whether an argument is given that only forecasts have."""
        return self.channels != "mixed" or self.window_norm != "auto" or self.linear_path

    @property
    def is_pooled(self) -> bool:
        """Whether the head sees every step of the TCN's output through a pool."""
        return self.readout in POOLED_READOUTS

    def output_receptive_field(self, seq_len: int) -> int:
        """Return the number of input steps, from first to last, that the output can depend on.

        Through a pooled readout these are all steps that the network is given. Other readouts have
        the receptive field of one step of the TCN.

        Args:
            seq_len: steps of the sequence.
        """
        if self.is_pooled:
            return self.steps_of(seq_len)
        return self.receptive_field

    def uses_residual_output(self, block: int) -> bool:
        """Return whether a block's residual output is used.

        With skip connections that of the last block is not: the network's output is the sum of the
        skip outputs.

        Args:
            block: number of the residual block, from 0 at the input.
        """
        return not self.use_skip_connections or block < self.levels * self.nb_stacks - 1

    def steps_of(self, steps: int) -> int:
        """Return how many of `steps` the network is given: all of them, or at most `look_back`."""
        if self.look_back is None:
            return steps
        return min(steps, self.look_back)

    def require_patches(self, seq_len: int) -> None:
        """Raise an InputError unless a sequence holds a patch, and the readout allows patches."""
        if self.patch == 1:
            return
        if self.readout == "sequence":
            raise InputError(
                f"patch must be 1 where every step has an output. Received: {self.patch}"
            )
        steps = self.steps_of(seq_len)
        if self.patch > steps:
            raise InputError(
                f"patch must be at most the {steps:,} steps of a sequence. Received: {self.patch}"
            )

    def patches_of(self, steps: int) -> int:
        """Return the steps of the TCN for so many steps of a sequence: behind a stem patches.

        The patches are counted back from the last step; the oldest may begin before the sequence.

        >>> Architecture(patch=16, patch_stride=8).patches_of(336)
        41
        """
        return -(-max(steps - self.patch, 0) // self.stride) + 1

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments as plain values that JSON and TOML can hold.

        Arguments that earlier versions lack are left out where they have their default, because
        digests of stored results are made from these values. `Architecture.from_dict` is the
        inverse.
        """
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if key not in _LATER_DEFAULTS or value != _LATER_DEFAULTS[key]
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Architecture:
        """Return the architecture that `to_dict` wrote. Missing keys get their defaults.

        Raises:
            InputError: a key is no argument of `Architecture`.
        """
        known = [field.name for field in fields(cls)]
        unknown = sorted(map(str, set(values) - set(known)))
        if unknown:
            raise InputError(
                f"An architecture has no {', '.join(map(repr, unknown))}. "
                f"It has: {', '.join(known)}."
            )
        return cls(**values)

    def __str__(self) -> str:
        """Return one line in the form of a call, with the arguments that differ from the defaults.

        >>> print(Architecture(nb_filters=24, kernel_size=8, dilations=[1, 2, 4]))
        TCN(nb_filters=24, kernel_size=8, dilations=[1, 2, 4])
        """
        always = ("nb_filters", "kernel_size", "dilations")
        defaults = Architecture().to_dict()
        arguments = [
            f"{key}={value!r}"
            for key, value in self.to_dict().items()
            if key in always or value != defaults.get(key)
        ]
        return f"TCN({', '.join(arguments)})"


def pool_in_words(readout: str) -> str:
    """Return a pooled readout in words: "the max over time".

    >>> pool_in_words("flatten")
    'a head over all steps'
    """
    if readout == "flatten":
        return "a head over all steps"
    return f"the {readout} over time"


_LATER_DEFAULTS = {
    field.name: field.default
    for field in fields(Architecture)
    if field.name in ("patch", "patch_stride", "channels", "window_norm", "linear_path")
}
