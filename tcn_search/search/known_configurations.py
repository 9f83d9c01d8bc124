"""Known configurations: networks that worked elsewhere, with their training settings.

They are those of the portfolio; for tasks that state how far they look back, also the networks of
the TCN paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.portfolio import architecture_in, portfolio, powers_of_two, settings_in
from tcn_search.search.trial_record import Candidate
from tcn_search.space.constraints import broken_limits
from tcn_search.space.dimensions import integers_of
from tcn_search.space.forecast_choices import FORECAST_CHOICES
from tcn_search.space.search_space import TaskSpace
from tcn_search.space.trial_parameters import OutsideSpace, suggested_values


class _PaperNetwork(NamedTuple):
    """A network of Bai, Kolter and Koltun 2018 (arXiv 1803.01271), appendix A, table 2.

    Learning rates are as in section A; base 2, weight norm, no skip connections.

    Attributes:
        steps: of the sequences that it was trained on.
    """

    name: str
    steps: int
    kernel_size: int
    levels: int
    filters: int
    dropout_rate: float
    settings: dict[str, Any]


_ADAM = {"learning_rate": 2e-3, "optimizer": "adam"}
_RMSPROP = {"learning_rate": 5e-4, "optimizer": "rmsprop", "clip_norm": 1.0}
_SGD = {"optimizer": "sgd", "learning_rate": 4.0, "schedule": "plateau"}
_PAPER = (
    _PaperNetwork("adding 200", 200, 6, 7, 27, 0.0, _ADAM),
    _PaperNetwork("adding 400", 400, 7, 7, 27, 0.0, _ADAM),
    _PaperNetwork("adding 600", 600, 8, 8, 24, 0.0, _ADAM),
    _PaperNetwork("MNIST", 784, 7, 8, 25, 0.0, _ADAM),
    _PaperNetwork("MNIST small", 784, 6, 8, 20, 0.0, _ADAM),
    _PaperNetwork("copy memory 500", 520, 6, 9, 10, 0.05, _RMSPROP),
    _PaperNetwork("copy memory 1000", 1020, 8, 8, 10, 0.05, _RMSPROP),
    _PaperNetwork("copy memory 2000", 2020, 8, 9, 10, 0.05, _RMSPROP),
    _PaperNetwork("PTB words", 80, 3, 4, 600, 0.5, {**_SGD, "clip_norm": 0.4}),
    _PaperNetwork("PTB characters", 400, 3, 3, 450, 0.1, {**_SGD, "clip_norm": 0.15}),
)
_MOST_OF_THE_PAPER = 2  # networks of the paper that are tried


@dataclass(frozen=True)
class KnownConfiguration:
    """An architecture with the training settings that belong to it."""

    name: str
    architecture: Architecture
    settings: dict[str, Any]


def known_configurations(definition: Definition, space: TaskSpace) -> list[KnownConfiguration]:
    """List the known configurations for a study, in the order in which they are tried.

    Those outside its space are listed too. If all of them are, the cheapest network and one from
    the middle of the space follow. A task that states why it must see far back gets networks that
    do: those of the paper, and of the portfolio those whose every step covers the context. A
    forecast of series that are among its inputs gets the portfolio's entries for forecasts.
    """
    activation = "relu" if "relu" in space.space.activation else space.space.activation[0]
    needs_context = bool(definition.spec.context_reason)  # such as the adding problem
    entries = [
        entry
        for entry in portfolio().configurations
        if entry.architecture.is_covering or not needs_context
    ]
    if space.limits.shape.targets:
        entries = portfolio().forecasts
    configurations = [
        KnownConfiguration(
            name=entry.enqueued_as,
            architecture=architecture_in(entry, space, activation),
            settings=settings_in(entry, space),
        )
        for entry in entries
    ]
    if needs_context:
        configurations = _of_the_paper(definition, space, activation) + configurations
    if not any(_fits(configuration, definition, space) for configuration in configurations):
        readout = _one_step_readout(definition, space)
        configurations += [
            KnownConfiguration("cheapest", cheapest(space, readout, activation), {}),
            KnownConfiguration("middle", middle(space, readout, activation), {}),
        ]
    return configurations


def trial_parameters(
    configuration: KnownConfiguration, definition: Definition, space: TaskSpace
) -> dict[str, Any]:
    """Return the parameters of the trial that tries a configuration.

    Raises:
        OutsideSpace: the space does not hold it, or a setting that is not searched differs.
    """
    for name, value in configuration.settings.items():
        is_searched = name in space.space.settings
        if not is_searched and getattr(definition.training, name) != value:
            raise OutsideSpace(f"{name} {value}")
    return suggested_values(space, configuration.architecture, configuration.settings)


def _fits(configuration: KnownConfiguration, definition: Definition, space: TaskSpace) -> bool:
    try:
        trial_parameters(configuration, definition, space)
    except OutsideSpace:
        return False
    return True


def _of_the_paper(
    definition: Definition, space: TaskSpace, activation: str
) -> list[KnownConfiguration]:
    """List networks of the TCN paper, those for sequences of a similar length first.

    At most two that the space holds; and all that it does not hold.
    """
    look_back = None
    if space.space.look_back is not None:
        look_back = integers_of("look_back", space.space.look_back)[-1]
    configurations = []
    fitting = 0
    seq_len = definition.spec.seq_len
    for network in sorted(_PAPER, key=lambda network: abs(math.log(network.steps / seq_len))):
        architecture = Architecture(
            nb_filters=network.filters,
            kernel_size=network.kernel_size,
            dilations=powers_of_two(network.levels),
            norm="weight",
            use_skip_connections=False,
            readout=_one_step_readout(definition, space),
            look_back=look_back,
            activation=activation,
        )
        settings = {"dropout_rate": network.dropout_rate, **network.settings}
        configuration = KnownConfiguration(f"Bai et al. {network.name}", architecture, settings)
        if _fits(configuration, definition, space):
            fitting += 1
            if fitting > _MOST_OF_THE_PAPER:
                continue
        configurations.append(configuration)
    return configurations


def _one_step_readout(definition: Definition, space: TaskSpace) -> str:
    """Return the readout of one step that suits the task, or the first that the space has."""
    readout = "sequence" if definition.spec.task_kind.reads_every_step else "last"
    feasible = [name for name in space.space.readout if space.geometry.feasible_with(name)]
    if readout not in feasible:
        readout = feasible[0]
    return readout


def configurations_of(
    study_name: str, candidates: Iterable[Candidate], searched: Collection[str]
) -> list[KnownConfiguration]:
    """Turn another study's best trials into known configurations.

    Args:
        searched: names of the training settings that the other study searched. The others, such as
            the batch size that suits its data, are not carried over.
    """
    return [
        KnownConfiguration(
            name=f"{study_name} trial {candidate.trial}",
            architecture=candidate.architecture,
            settings={name: getattr(candidate.settings, name) for name in searched},
        )
        for candidate in candidates
    ]


def cheapest(space: TaskSpace, readout: str, activation: str) -> Architecture:
    """Return the feasible architecture with the fewest parameters."""

    def parameters_of_norm(norm: str) -> int:
        return space.limits.parameters(Architecture(norm=norm))

    def order(architecture: Architecture) -> tuple[Any, ...]:
        parameters = space.limits.parameters(architecture)
        return (parameters, architecture.receptive_field, repr(architecture))

    same = {
        "nb_filters": integers_of("nb_filters", space.space.nb_filters)[0],
        "norm": min(space.space.norm, key=parameters_of_norm),
        "readout": readout,
        "activation": activation,
        **_choices_of_forecasts(space),
    }
    return _first_feasible(space, same, order)


def middle(space: TaskSpace, readout: str, activation: str) -> Architecture:
    """Return a network from the middle of the space.

    Filters and kernel size from the middle, with the fewest stacks and levels that are feasible,
    or where any levels are feasible, as through a pool, with as many as are in the middle; without
    a norm where the space allows it, otherwise with the first norm listed.
    """
    filters = integers_of("nb_filters", space.space.nb_filters)
    kernel_sizes = integers_of("kernel_size", space.space.kernel_size)
    middle_kernel = (len(kernel_sizes) - 1) // 2
    wanted_levels = 0
    if space.limits.context_of(readout) is None:
        points = space.geometry.feasible_with(readout)
        levels = sorted({space.geometry.architecture(point).levels for point in points})
        wanted_levels = levels[(len(levels) - 1) // 2]

    def order(architecture: Architecture) -> tuple[Any, ...]:
        return (
            -(architecture.look_back or 0),
            abs(kernel_sizes.index(architecture.kernel_size) - middle_kernel),
            architecture.nb_stacks,
            abs(architecture.levels - wanted_levels),
            not architecture.use_skip_connections,
            space.space.padding.index(architecture.padding),
            repr(architecture),
        )

    same = {
        "nb_filters": filters[(len(filters) - 1) // 2],
        "norm": "none" if "none" in space.space.norm else space.space.norm[0],
        "readout": readout,
        "activation": activation,
        **_choices_of_forecasts(space),
    }
    return _first_feasible(space, same, order)


def _choices_of_forecasts(space: TaskSpace) -> dict[str, Any]:
    """Return the first choice of the space for what only forecasts have."""
    dimensions = {name: getattr(space.space, name) for name in FORECAST_CHOICES}
    return {name: choices[0] for name, choices in dimensions.items() if choices is not None}


def _first_feasible(
    space: TaskSpace,
    same: Mapping[str, Any],
    order: Callable[[Architecture], tuple[Any, ...]],
) -> Architecture:
    """Return the first architecture in an order that breaks no limit, or the first one of all.

    The architectures are the space's geometries; all else is the `same`.
    """
    architectures = [
        replace(space.geometry.architecture(point, use_skip_connections), **same)
        for point in space.geometry.feasible_with(same["readout"])
        for use_skip_connections in space.space.use_skip_connections
    ]
    architectures.sort(key=order)
    for architecture in architectures:
        if not broken_limits(space.violations(architecture)):
            return architecture
    return architectures[0]
