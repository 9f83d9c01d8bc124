"""Known configurations: networks that worked elsewhere, with their training settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.trial_record import Candidate
from tcn_search.space.constraints import broken_limits
from tcn_search.space.dimensions import integers_of
from tcn_search.space.geometry import most_useful_levels
from tcn_search.space.search_space import TaskSpace

# Bai, Kolter and Koltun 2018 (arXiv 1803.01271), appendix A, table 2: kernel size, levels, hidden
# channels, dropout, gradient clipping; learning rates as in section A. Base 2, weight norm, no skip
# connections.
_ADAM = {"learning_rate": 2e-3, "optimizer": "adam"}
_RMSPROP = {"learning_rate": 5e-4, "optimizer": "rmsprop", "clip_norm": 1.0}
_SGD = {"optimizer": "sgd", "learning_rate": 4.0, "schedule": "plateau"}
_PAPER: tuple[tuple[str, int, int, int, float, dict[str, Any]], ...] = (
    ("adding 200", 6, 7, 27, 0.0, _ADAM),
    ("adding 400", 7, 7, 27, 0.0, _ADAM),
    ("adding 600", 8, 8, 24, 0.0, _ADAM),
    ("MNIST", 7, 8, 25, 0.0, _ADAM),
    ("MNIST small", 6, 8, 20, 0.0, _ADAM),
    ("copy memory 500", 6, 9, 10, 0.05, _RMSPROP),
    ("copy memory 1000", 8, 8, 10, 0.05, _RMSPROP),
    ("copy memory 2000", 8, 9, 10, 0.05, _RMSPROP),
    ("PTB words", 3, 4, 600, 0.5, {**_SGD, "clip_norm": 0.4}),
    ("PTB characters", 3, 3, 450, 0.1, {**_SGD, "clip_norm": 0.15}),
)


@dataclass(frozen=True)
class KnownConfiguration:
    """An architecture with the training settings that belong to it."""

    name: str
    architecture: Architecture
    settings: dict[str, Any]


def known_configurations(definition: Definition, space: TaskSpace) -> list[KnownConfiguration]:
    """List the known configurations for a study, whether or not its space holds them.

    The cheapest feasible network, the middle of the space, keras-tcn's default made long enough,
    and the networks of the TCN paper.
    """
    readout = "sequence" if definition.spec.task_kind.reads_every_step else "last"
    feasible = [name for name in space.space.readout if space.geometry.feasible_with(name)]
    if readout not in feasible:
        readout = feasible[0]
    activation = "relu" if "relu" in space.space.activation else space.space.activation[0]
    look_back = None
    if space.space.look_back is not None:
        look_back = space.geometry.by_name["look_back"][-1]
    common: dict[str, Any] = {
        "readout": readout,
        "look_back": look_back,
        "activation": activation,
    }
    configurations = [
        KnownConfiguration("cheapest", cheapest(space, readout, activation), {}),
        KnownConfiguration("middle", middle(space, readout, activation), {}),
        KnownConfiguration("keras-tcn default", _keras_tcn_default(space, common), {}),
    ]
    for name, kernel_size, levels, filters, dropout_rate, settings in _PAPER:
        architecture = Architecture(
            nb_filters=filters,
            kernel_size=kernel_size,
            dilations=powers_of_two(levels),
            norm="weight",
            use_skip_connections=False,
            **common,
        )
        settings = {"dropout_rate": dropout_rate, **settings}
        configurations.append(KnownConfiguration(f"Bai et al. {name}", architecture, settings))
    return configurations


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
    }
    return _first_feasible(space, same, order)


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


def _keras_tcn_default(space: TaskSpace, common: dict[str, Any]) -> Architecture:
    """Return keras-tcn's default with more levels, until the required context is covered.

    64 filters, kernel size 3, dilations 1 .. 32.
    """
    architecture = Architecture(nb_filters=64, kernel_size=3, dilations=powers_of_two(6), **common)
    most = most_useful_levels(2, space.limits.seq_len)
    while (
        architecture.levels < most
        and space.limits.receptive_field_violation(architecture).excess > 0
    ):
        dilations = powers_of_two(architecture.levels + 1)
        architecture = replace(architecture, dilations=dilations)
    return architecture


def powers_of_two(levels: int) -> tuple[int, ...]:
    """Return 1, 2, 4, ...: one dilation for each level."""
    return tuple(2**level for level in range(levels))
