"""Search spaces of architectures and training settings, in general and for a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from tcn_search.errors import InputError
from tcn_search.planning.architecture import NORMS, Architecture
from tcn_search.planning.model_size import ModelShape
from tcn_search.settings import FRACTIONS, SEARCHABLE
from tcn_search.space.constraints import Constraints, Limits, Violation, limits_of
from tcn_search.space.description import description
from tcn_search.space.dimensions import (
    Dimension,
    Range,
    integers_of,
    read_dimension,
    suggest,
    to_plain,
)
from tcn_search.space.feasibility import require_feasible, smallest_variants
from tcn_search.space.forecast_choices import FORECAST_CHOICES, check_forecast_choices
from tcn_search.space.geometry import Geometry, dilations_of, most_levels, most_useful_levels
from tcn_search.space.value_checks import (
    check_dimensions,
    check_look_back,
    check_training_setting,
    read_dilations,
)

# Hyperparameters of an architecture that do not decide the receptive field. They are suggested
# after the point of `Geometry`, to which the readout belongs where feasibility depends on it.
_NON_GEOMETRIC = (
    "nb_filters",
    "norm",
    "use_skip_connections",
    "activation",
    "readout",
    *FORECAST_CHOICES,
)
_MOST_DEFAULT_LEVELS = 16
_REQUIRED = (
    "nb_filters",
    "kernel_size",
    "dilation_base",
    "nb_stacks",
    "norm",
    "use_skip_connections",
    "activation",
)
_DEFAULT_READOUTS = {"labelling": ("sequence",)}
_DEFAULT_PADDINGS = {
    "classification": ("causal", "same"),
    "multi_label": ("causal", "same"),
}


@dataclass(frozen=True)
class SearchSpace:
    """Choices and ranges for every hyperparameter.

    A list is a choice, a `Range` is a range, any other value is fixed.

    Args:
        nb_filters: channels of every convolution.
        kernel_size: taps of every convolution.
        levels: residual blocks in a stack, with dilations base ** 0 .. base ** (levels − 1). None
            is 1 to the number of levels with a dilation below the sequence length, at most 16.
        dilation_base: base of the dilations; see levels.
        dilations: explicit lists of dilations, instead of levels and base.
        nb_stacks: repetitions of the levels.
        padding: "causal", "same" or both. None is "causal", and for tasks that classify whole
            sequences "same" too.
        norm, use_skip_connections, activation: as in `Architecture`.
        readout: as in `Architecture`. None is "sequence" for labelling, "last" and "flatten" for a
            new study of forecasts, and "last", "max" and "average" for other tasks.
        look_back: number of steps at the end of each window that the network is given, for
            forecasts. None gives it all steps.
        patch, patch_stride: of a stem, as in `Architecture`. None is no stem, and for a new study
            of forecasts two lengths that make 16 to 64 patches of a window, without overlap.
        channels, window_norm, linear_path: of forecasts, as in `Architecture`. A new study of
            forecasts searches "shared" and "mixed", "last" and "standard", and both with and
            without the linear path; other studies have the defaults of `Architecture`.
        dropout_rate, learning_rate, optimizer, schedule, weight_decay, clip_norm: training
            settings, as in `TrainingSettings`. A setting that is None is not searched: the study's
            training settings have its value.
        batch_size, input_norm, label_smoothing, loss: likewise.

    Raises:
        InputError: names the hyperparameter, the rule and the value received.
    """

    nb_filters: Any = (16, 32, 64)
    kernel_size: Any = Range(2, 8)
    levels: Any = None
    dilation_base: Any = (2,)
    dilations: Any = None
    nb_stacks: Any = (1, 2)
    padding: Any = None
    norm: Any = NORMS
    use_skip_connections: Any = (True, False)
    activation: Any = ("relu",)
    readout: Any = None
    look_back: Any = None
    patch: Any = None
    patch_stride: Any = None
    channels: Any = None
    window_norm: Any = None
    linear_path: Any = None
    dropout_rate: Any = Range(0.0, 0.3)
    learning_rate: Any = Range(1e-4, 1e-2, log=True)
    optimizer: Any = None
    schedule: Any = None
    weight_decay: Any = None
    clip_norm: Any = None
    batch_size: Any = None
    input_norm: Any = None
    label_smoothing: Any = None
    loss: Any = None

    def __post_init__(self) -> None:
        if self.dilations is not None:
            if self.levels is not None:
                raise InputError("A space has either dilations or levels. Received: both")
            object.__setattr__(self, "dilations", read_dilations(self.dilations))
        for field in fields(self):
            given = getattr(self, field.name)
            if given is None and field.name in _REQUIRED:
                raise InputError(
                    f"{field.name} must be a value, a list of choices or a range. Received: None"
                )
            if field.name != "dilations" and given is not None:
                dimension = read_dimension(field.name, given)
                if field.name in FRACTIONS and isinstance(dimension, Range):
                    dimension = dimension.as_real_range()  # 1 to 4 is not 1, 2, 3 or 4
                object.__setattr__(self, field.name, dimension)
        check_dimensions({field.name: getattr(self, field.name) for field in fields(self)})
        for name, dimension in self.settings.items():
            check_training_setting(name, dimension)

    @property
    def settings(self) -> dict[str, Dimension]:
        """The training settings that the space has, in the order in which they are suggested."""
        dimensions = {name: getattr(self, name) for name in SEARCHABLE}
        return {name: dimension for name, dimension in dimensions.items() if dimension is not None}

    def settings_of(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return the training settings of a trial: its parameters and those that are fixed here."""
        settings = dict[str, Any]()
        for name, dimension in self.settings.items():
            if isinstance(dimension, Range) or len(dimension) > 1:
                settings[name] = parameters[name]
            else:
                settings[name] = dimension[0]
        return settings

    def with_defaults(self, dimensions: Mapping[str, Any]) -> SearchSpace:
        """Return the space with these dimensions where it has none.

        Explicit dilations stand in the place of levels.
        """
        missing = {name for name in dimensions if getattr(self, name) is None}
        if self.dilations is not None:
            missing.discard("levels")
        return replace(self, **{name: dimensions[name] for name in missing})

    def to_dict(self) -> dict[str, Any]:
        """Return the space in the form in which a study file has it, without values of None."""
        return {
            field.name: to_plain(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) is not None
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SearchSpace:
        """Return the space that `to_dict` wrote."""
        return cls(**{**dict.fromkeys(SEARCHABLE), **values})

    def for_task(
        self,
        kind: str,
        seq_len: int,
        input_channels: int,
        outputs: int,
        constraints: Constraints | None = None,
        *,
        vocabulary: int = 0,
        targets: int = 0,
        future_channels: int = 0,
        quantiles: int = 0,
        context_of_task: int | None = None,
        static: bool = False,
    ) -> TaskSpace:
        """Return the space with a task's defaults and limits.

        Args:
            kind: kind of the task, such as "classification".
            seq_len: steps of the sequences.
            input_channels: channels of the sequences.
            outputs: numbers that the model's head computes.
            constraints: default: `Constraints()`.
            vocabulary: number of tokens, if the task is to predict the next token; 0 otherwise.
            targets, future_channels, quantiles: of forecasts, as in `ModelShape`.
            context_of_task: steps that the task needs to see, if not the whole sequence; the
                required context "auto" takes it.
            static: narrow with ranges that are the same in every trial, for samplers that need it.

        Raises:
            InputError: no architecture of the space is feasible; the text says what to change. Or
                the space or the constraints do not fit the task.
        """
        if constraints is None:
            constraints = Constraints()
        filled = {field.name: getattr(self, field.name) for field in fields(self)}
        if filled["dilations"] is None and filled["levels"] is None:
            bases = integers_of("dilation_base", self.dilation_base)
            useful = most_useful_levels(bases[0], seq_len)
            most = min(useful, most_levels(bases[-1]), _MOST_DEFAULT_LEVELS)
            filled["levels"] = Range(1, most)
        if filled["readout"] is None:
            filled["readout"] = _DEFAULT_READOUTS.get(kind, ("last", "max", "average"))
        if filled["padding"] is None:
            filled["padding"] = _DEFAULT_PADDINGS.get(kind, ("causal",))
        if vocabulary and filled["padding"] != ("causal",):
            raise InputError(
                'padding must be "causal" where the next token is asked for: any other sees it. '
                f"Received: {', '.join(filled['padding'])}"
            )
        if self.look_back is not None:
            check_look_back(self.look_back, kind, seq_len)
        check_forecast_choices({name: filled[name] for name in FORECAST_CHOICES}, kind, targets)
        shape = ModelShape(
            seq_len=seq_len,
            input_channels=input_channels,
            outputs=outputs,
            vocabulary=vocabulary,
            targets=targets,
            future_channels=future_channels,
            quantiles=quantiles,
        )
        space = TaskSpace(
            SearchSpace(**filled),
            limits_of(constraints, shape, context_of_task),
            narrow=constraints.receptive_field == "narrow",
            static=static,
        )
        variants = smallest_variants({name: filled[name] for name in _NON_GEOMETRIC})
        require_feasible(space.geometry, space.limits, variants)
        return space


@dataclass(frozen=True)
class TaskSpace:
    """A search space with a value for every hyperparameter, and the limits of a task."""

    space: SearchSpace
    limits: Limits
    narrow: bool = True
    static: bool = False

    @cached_property
    def geometry(self) -> Geometry:
        """The hyperparameters that decide what is feasible, in the order of suggestion."""
        space = self.space
        values = dict[str, tuple[Any, ...]]()
        if self.limits.pooled_is_free:
            values["readout"] = space.readout
        names = ["look_back", "patch", "patch_stride", "padding", "kernel_size", "nb_stacks"]
        names += ["dilations"] if space.dilations is not None else ["dilation_base", "levels"]
        for name in names:
            dimension = getattr(space, name)
            if name in ("padding", "dilations"):
                values[name] = dimension
            elif dimension is not None:
                values[name] = integers_of(name, dimension)
        return Geometry(
            names=tuple(values),
            values=tuple(values.values()),
            limits=self.limits,
            use_skip_connections=tuple(sorted(set(space.use_skip_connections))),
        )

    @property
    def non_geometric(self) -> tuple[str, ...]:
        """The hyperparameters of an architecture that do not decide what is feasible."""
        return tuple(
            name
            for name in _NON_GEOMETRIC
            if name not in self.geometry.names and getattr(self.space, name) is not None
        )

    def choices(self) -> dict[str, list[Any]]:
        """Return the categorical choices that constraints may narrow, as Optuna knows them."""
        return {"readout": list(self.space.readout), **self.geometry.choices(self.narrow)}

    def suggest(self, trial: Any) -> tuple[Architecture, dict[str, Any]]:
        """Suggest every hyperparameter for an Optuna trial.

        Returns:
            The architecture, and the training settings by name.
        """
        if self.narrow and self.static:
            chosen = self.geometry.suggest_static(trial)
        else:
            chosen = self.geometry.suggest(trial, self.narrow)
        non_geometric = {
            name: suggest(trial, name, getattr(self.space, name)) for name in self.non_geometric
        }
        if "readout" in chosen:
            non_geometric["readout"] = chosen["readout"]
        settings = {
            name: suggest(trial, name, dimension) for name, dimension in self.space.settings.items()
        }
        architecture = Architecture(
            kernel_size=chosen["kernel_size"],
            dilations=dilations_of(chosen),
            nb_stacks=chosen["nb_stacks"],
            padding=chosen["padding"],
            look_back=chosen.get("look_back"),
            patch=chosen.get("patch", 1),
            patch_stride=chosen.get("patch_stride"),
            **non_geometric,
        )
        return architecture, settings

    def violations(self, architecture: Architecture) -> list[Violation]:
        """Return the comparison of an architecture with every limit of the task."""
        return self.limits.violations(architecture)

    def size(self) -> int:
        """Return the number of different architectures."""
        return len(self.geometry.points) * self._architectures_per_point()

    def _architectures_per_point(self) -> int:
        count = len(integers_of("nb_filters", self.space.nb_filters))
        for name in self.non_geometric:
            if name != "nb_filters":
                count *= len(getattr(self.space, name))
        return count

    def describe(self) -> str:
        """Return how much of the space is infeasible, as `description` does."""
        return description(self.geometry, self._architectures_per_point(), self.narrow)
