"""The space that a study searches: architectures and training settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import islice
from typing import Any

from tcn_search.arguments import (
    one_of,
    positive_integers,
    received,
    require_buildable,
    require_dilations,
)
from tcn_search.errors import InputError
from tcn_search.limits import MOST_POINTS
from tcn_search.planning.architecture import NORMS, PADDINGS, READOUTS, Architecture
from tcn_search.settings import FRACTIONS, SEARCHABLE, check_setting
from tcn_search.space.constraints import Constraints, Limits, Violation
from tcn_search.space.dimensions import (
    Dimension,
    Range,
    check_integers,
    integers_of,
    read_dimension,
    suggest,
    to_plain,
)
from tcn_search.space.feasibility import require_feasible
from tcn_search.space.geometry import Geometry, dilations_of, most_levels, most_useful_levels

# What decides the receptive field is asked for first; see geometry.py.
OTHERS = ("nb_filters", "norm", "use_skip_connections", "activation", "readout")
_MOST_LEVELS = 16  # by default
_NEEDED = (
    "nb_filters",
    "kernel_size",
    "dilation_base",
    "nb_stacks",
    "norm",
    "use_skip_connections",
    "activation",
)


@dataclass(frozen=True)
class SearchSpace:
    """Choices and ranges for every hyperparameter. A list is a choice, a `Range` a range, a value is fixed.

    Args:
        nb_filters: channels.
        kernel_size: taps of a convolution.
        levels: residual blocks in a stack, with dilations base ** 0 .. base ** (levels − 1). None: as many
            as have a dilation below the sequence length.
        dilation_base: see levels.
        dilations: explicit lists, instead of levels and base.
        nb_stacks: repetitions of the levels.
        padding: None: "causal", and "same" too where sequences are classified as a whole.
        norm, use_skip_connections, activation: as in `Architecture`.
        readout: None: what suits the task.
        look_back: steps at the end of each window that the network is given, for forecasts. None: all.
        dropout_rate, learning_rate, optimizer, schedule, weight_decay, clip_norm, batch_size: training
            settings, as in `TrainingSettings`. None: not searched, the study's training settings hold.

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
    dropout_rate: Any = Range(0.0, 0.3)
    learning_rate: Any = Range(1e-4, 1e-2, log=True)
    optimizer: Any = None
    schedule: Any = None
    weight_decay: Any = None
    clip_norm: Any = None
    batch_size: Any = None

    def __post_init__(self) -> None:
        if self.dilations is not None:
            if self.levels is not None:
                raise InputError("A space has either dilations or levels. Received: both")
            object.__setattr__(self, "dilations", _read_dilations(self.dilations))
        for field in fields(self):
            given = getattr(self, field.name)
            if given is None and field.name in _NEEDED:
                raise InputError(
                    f"{field.name} must be a value, a list of choices or a range. Received: None"
                )
            if field.name != "dilations" and given is not None:
                dimension = read_dimension(field.name, given)
                if field.name in FRACTIONS and isinstance(dimension, Range):
                    dimension = dimension.of_fractions()  # 1 to 4 is not 1, 2, 3 or 4
                object.__setattr__(self, field.name, dimension)
        self._check_numbers()
        for name, allowed in (("padding", PADDINGS[:2]), ("norm", NORMS), ("readout", READOUTS)):
            for choice in self._choices(name):
                one_of(name, choice, allowed)
        for choice in self._choices("use_skip_connections"):
            if not isinstance(choice, bool):
                raise InputError(
                    f"use_skip_connections must be true or false. Received: {received(choice)}"
                )
        for choice in self._choices("activation"):
            if not isinstance(choice, str) or not choice:
                raise InputError(
                    f"activation must be names of Keras activations. Received: {received(choice)}"
                )
        for name, dimension in self.settings.items():
            _check_setting(name, dimension)

    def _check_numbers(self) -> None:
        """Raise an InputError for a number that no network has, alone or together with the largest others."""
        largest = {
            name: check_integers(name, getattr(self, name))
            for name in (
                "nb_filters",
                "kernel_size",
                "levels",
                "dilation_base",
                "nb_stacks",
                "look_back",
            )
            if getattr(self, name) is not None
        }
        if self.dilations is not None:
            levels = max(map(len, self.dilations))
        else:
            levels = largest.get("levels", 1)
            require_dilations(largest["dilation_base"], levels)
        require_buildable(largest["kernel_size"], levels, largest["nb_stacks"])

    def _choices(self, name: str) -> tuple[Any, ...]:
        dimension = getattr(self, name)
        if isinstance(dimension, Range):
            raise InputError(f"{name} must be a list of choices. Received: {dimension}")
        return dimension or ()

    @property
    def settings(self) -> dict[str, Dimension]:
        """The training settings that are the space's to say, in the order of asking."""
        found = {name: getattr(self, name) for name in SEARCHABLE}
        return {name: dimension for name, dimension in found.items() if dimension is not None}

    def settings_of(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The training settings of a trial that has these parameters: those asked for and those fixed here."""
        return {
            name: parameters[name]
            if isinstance(dimension, Range) or len(dimension) > 1
            else dimension[0]
            for name, dimension in self.settings.items()
        }

    def to_dict(self) -> dict[str, Any]:
        """As it would be written in a study file; what is None is left out."""
        return {
            field.name: to_plain(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) is not None
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SearchSpace:
        """The space that `to_dict` wrote."""
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
        static: bool = False,
    ) -> TaskSpace:
        """The space with the task's numbers filled in.

        Args:
            vocabulary: tokens, where inputs are tokens and the next one is asked for.
            static: narrow with ranges that are the same in every trial, for samplers that need it.

        Raises:
            InputError: no architecture of the space can reach the required context; says what would.
        """
        constraints = constraints or Constraints()
        filled = {field.name: getattr(self, field.name) for field in fields(self)}
        if filled["dilations"] is None and filled["levels"] is None:
            bases = integers_of("dilation_base", self.dilation_base)
            filled["levels"] = Range(
                1, min(most_useful_levels(bases[0], seq_len), most_levels(bases[-1]), _MOST_LEVELS)
            )
        if filled["readout"] is None:
            filled["readout"] = ("sequence",) if kind == "labelling" else ("last", "max", "average")
        if filled["padding"] is None:
            filled["padding"] = (
                ("causal", "same") if kind in ("classification", "multi_label") else ("causal",)
            )
        if vocabulary and filled["padding"] != ("causal",):
            raise InputError(
                'padding must be "causal" where the next token is asked for: any other sees it. '
                f"Received: {', '.join(filled['padding'])}"
            )
        self._check_look_back(kind, seq_len)
        context = constraints.required_context
        required_context = seq_len if isinstance(context, str) else context
        if required_context > seq_len:
            raise InputError(
                f"required_context must be at most the sequence length, {seq_len} steps. Received: {required_context}"
            )
        limits = Limits(
            required_context=required_context,
            seq_len=seq_len,
            input_channels=input_channels,
            outputs=outputs,
            max_params=constraints.max_params,
            vocabulary=vocabulary,
            allow_blind_spots=constraints.allow_blind_spots,
        )
        space = TaskSpace(
            SearchSpace(**filled),
            limits,
            narrow=constraints.receptive_field == "narrow",
            static=static,
        )
        fewest_filters = integers_of("nb_filters", self.nb_filters)[0]
        require_feasible(space.geometry, space.limits, fewest_filters, self.norm)
        return space

    def _check_look_back(self, kind: str, seq_len: int) -> None:
        if self.look_back is None:
            return
        if kind != "forecast":
            raise InputError(
                f"look_back can be searched for forecasts only. Received: a task of {kind}"
            )
        longest = integers_of("look_back", self.look_back)[-1]
        if longest > seq_len:
            raise InputError(
                f"look_back must be at most the {seq_len} steps of the task's windows. Received: {longest}. "
                f"Give the task the longest one: look_back = {longest} in [task]."
            )


@dataclass(frozen=True)
class TaskSpace:
    """A search space whose every value is known, with the limits of a task."""

    space: SearchSpace
    limits: Limits
    narrow: bool = True
    static: bool = False

    @cached_property
    def geometry(self) -> Geometry:
        """What decides the receptive field, in the order of asking."""
        space = self.space
        asked = () if space.look_back is None else ("look_back",)
        values: dict[str, tuple[Any, ...]] = {
            **{name: integers_of(name, getattr(space, name)) for name in asked},
            "padding": space.padding,
            **{
                name: integers_of(name, getattr(space, name))
                for name in ("kernel_size", "nb_stacks")
            },
        }
        if space.dilations is not None:
            values["dilations"] = space.dilations
        else:
            values |= {
                name: integers_of(name, getattr(space, name))
                for name in ("dilation_base", "levels")
            }
        return Geometry(
            tuple(values),
            tuple(values.values()),
            self.limits,
            tuple(sorted(set(space.use_skip_connections))),
        )

    def suggest(self, trial: Any) -> tuple[Architecture, dict[str, Any]]:
        """Ask an Optuna trial for every hyperparameter: an architecture, and training settings by name."""
        folded = self.narrow and self.static
        chosen = (
            self.geometry.suggest_folded(trial)
            if folded
            else self.geometry.suggest(trial, self.narrow)
        )
        others = {name: suggest(trial, name, getattr(self.space, name)) for name in OTHERS}
        settings = {
            name: suggest(trial, name, found) for name, found in self.space.settings.items()
        }
        architecture = Architecture(
            kernel_size=chosen["kernel_size"],
            dilations=dilations_of(chosen),
            nb_stacks=chosen["nb_stacks"],
            padding=chosen["padding"],
            look_back=chosen.get("look_back"),
            **others,
        )
        return architecture, settings

    def violations(self, architecture: Architecture) -> list[Violation]:
        """Every limit of the task held against an architecture."""
        return self.limits.violations(architecture)

    def size(self) -> int:
        """Different architectures."""
        return len(self.geometry.points) * self._others()

    def _others(self) -> int:
        count = len(integers_of("nb_filters", self.space.nb_filters))
        for name in ("norm", "use_skip_connections", "activation", "readout"):
            count *= len(getattr(self.space, name))
        return count

    def describe(self) -> str:
        """How much of the space went: "612 of 1,344 architectures fall short of 427 steps"."""
        short = len(self.geometry.too_short) * self._others()
        blind = len(self.geometry.with_blind_spots) * self._others()
        context = f"{self.limits.required_context:,} steps"
        if self.space.look_back is not None:
            first, *_, last = self.geometry.values[0] * 2
            context = f"the look-back asked with them, {first:,} to {last:,} steps"
        elif self.limits.required_context != self.limits.seq_len:
            context += f" (required context; the sequences have {self.limits.seq_len:,})"
        text = f"{short:,} of {self.size():,} architectures fall short of {context}"
        if blind:
            text += f", {blind:,} more have blind spots there"
        return text + (": never sampled" if self.narrow else ": pruned before they are built")


def _read_dilations(given: Any) -> tuple[tuple[int, ...], ...]:
    """Explicit lists of dilations; a single flat list is one of them."""
    if isinstance(given, Range | str | Mapping) or not isinstance(given, Iterable):
        raise InputError(
            f"dilations must be a list of lists such as [[1, 2, 4, 8]]. Received: {received(given)}"
        )
    lists = list(islice(given, MOST_POINTS + 1))
    if lists and not hasattr(lists[0], "__iter__"):
        lists = [lists]
    if not lists:
        raise InputError("dilations must have at least one list. Received: an empty list")
    if len(lists) > MOST_POINTS:
        raise InputError(f"dilations must have at most {MOST_POINTS:,} lists. Received: more")
    return tuple(positive_integers("dilations", one) for one in lists)


def _check_setting(name: str, dimension: Dimension) -> None:
    if not isinstance(dimension, Range):
        for value in dimension:
            check_setting(name, value)
        return
    if name in ("optimizer", "schedule"):
        raise InputError(f"{name} must be a list of choices. Received: {dimension}")
    if name == "batch_size":
        check_integers(name, dimension)
    check_setting(name, dimension.low)
    check_setting(name, dimension.high)
