"""The trials that a study begins with: known good networks, or another study's best, where its space holds them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tcn_search.evaluation.winner import Candidate
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.space.constraints import infeasible
from tcn_search.space.dimensions import integers_of
from tcn_search.space.geometry import most_useful_levels
from tcn_search.space.search_space import TaskSpace
from tcn_search.space.trial_parameters import OutsideSpace, suggested_values

# Bai, Kolter and Koltun 2018 (arXiv 1803.01271), appendix A, table 2: kernel size, levels, hidden channels,
# dropout, gradient clipping; learning rates as in section A. Base 2, weight norm, no skip connections.
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
class Recipe:
    """A known network, with the training settings that belong to it."""

    name: str
    architecture: Architecture
    settings: dict[str, Any]


class PlannedTrial(NamedTuple):
    """Parameters to try before the sampler is asked, and where they come from.

    `attributes` are kept with the trial as its user attributes.
    """

    name: str
    parameters: dict[str, Any]
    attributes: Mapping[str, Any] = {}


class WarmStart(NamedTuple):
    """The trials that a study begins with, and what its space does not hold, with the reason."""

    trials: tuple[PlannedTrial, ...] = ()
    outside: tuple[str, ...] = ()

    def __str__(self) -> str:
        first = ", ".join(trial.name for trial in self.trials) or "nothing"
        left_out = f"; not in the space: {', '.join(self.outside)}" if self.outside else ""
        return f"begins with {first}{left_out}"


def warm_start(definition: Definition, recipes: Iterable[Recipe]) -> WarmStart:
    """What of the recipes lies inside the space, each set of parameters once."""
    space = definition.task_space()
    trials = dict[str, PlannedTrial]()
    outside = []
    for recipe in recipes:
        try:
            _require_training(recipe, definition, space)
            parameters = suggested_values(space, recipe.architecture, recipe.settings)
            trials.setdefault(repr(parameters), PlannedTrial(recipe.name, parameters))
        except OutsideSpace as reason:
            outside.append(f"{recipe.name} ({reason})")
    return WarmStart(tuple(trials.values()), tuple(outside))


def known_recipes(definition: Definition, space: TaskSpace) -> list[Recipe]:
    """The cheapest feasible network, the middle of the space, keras-tcn's default made long enough, and those of
    the TCN paper.
    """
    readout = "sequence" if definition.spec.task_kind.reads_every_step else "last"
    if readout not in space.space.readout:
        readout = space.space.readout[0]
    look_back = space.geometry.values[0][-1] if space.space.look_back is not None else None
    activation = "relu" if "relu" in space.space.activation else space.space.activation[0]
    common: dict[str, Any] = {"readout": readout, "look_back": look_back, "activation": activation}
    paper = [
        Recipe(
            f"Bai et al. {name}",
            Architecture(
                filters, kernel, powers(levels), norm="weight", use_skip_connections=False, **common
            ),
            {"dropout_rate": dropout, **settings},
        )
        for name, kernel, levels, filters, dropout, settings in _PAPER
    ]
    return [
        Recipe("cheapest", cheapest(space, readout, activation), {}),
        Recipe("middle", middle(space, readout, activation), {}),
        Recipe("keras-tcn default", _keras_tcn_default(space, common), {}),
        *paper,
    ]


def cheapest(space: TaskSpace, readout: str, activation: str) -> Architecture:
    """The feasible architecture with the fewest parameters."""
    filters = integers_of("nb_filters", space.space.nb_filters)[0]
    norm = min(space.space.norm, key=lambda norm: space.limits.parameters(Architecture(norm=norm)))
    same = {"nb_filters": filters, "norm": norm, "readout": readout, "activation": activation}
    return _first_feasible(
        space, same, lambda one: (space.limits.parameters(one), one.receptive_field, repr(one))
    )


def middle(space: TaskSpace, readout: str, activation: str) -> Architecture:
    """Filters and kernel size from the middle of the space, with the fewest stacks and levels that are feasible.

    Without a norm where the space allows it, otherwise with the first one listed.
    """
    filters = integers_of("nb_filters", space.space.nb_filters)
    kernels = integers_of("kernel_size", space.space.kernel_size)
    norm = "none" if "none" in space.space.norm else space.space.norm[0]

    def distance(one: Architecture) -> tuple[Any, ...]:
        from_the_middle = abs(kernels.index(one.kernel_size) - (len(kernels) - 1) // 2)
        simpler = (one.nb_stacks, one.levels, not one.use_skip_connections)
        padding = space.space.padding.index(one.padding)
        return (-(one.look_back or 0), from_the_middle, *simpler, padding, repr(one))

    same = {
        "nb_filters": filters[(len(filters) - 1) // 2],
        "norm": norm,
        "readout": readout,
        "activation": activation,
    }
    return _first_feasible(space, same, distance)


def _first_feasible(
    space: TaskSpace, same: Mapping[str, Any], order: Callable[[Architecture], tuple[Any, ...]]
) -> Architecture:
    """Of the geometries of the space, all else the `same`, the first in this order that breaks no limit.

    The first of all, if every one breaks a limit.
    """
    found = [
        replace(space.geometry.architecture(point, skips), **same)
        for point in space.geometry.feasible
        for skips in space.space.use_skip_connections
    ]
    found.sort(key=order)
    return next((one for one in found if not infeasible(space.violations(one))), found[0])


def _keras_tcn_default(space: TaskSpace, common: dict[str, Any]) -> Architecture:
    """64 filters, kernel size 3, dilations 1 .. 32; further dilations until the required context is seen."""
    architecture = Architecture(64, 3, powers(6), **common)
    most = most_useful_levels(2, space.limits.seq_len)
    while (
        architecture.levels < most
        and space.limits.receptive_field_violation(architecture).excess > 0
    ):
        architecture = replace(architecture, dilations=powers(architecture.levels + 1))
    return architecture


def powers(levels: int) -> tuple[int, ...]:
    """1, 2, 4, ..."""
    return tuple(2**level for level in range(levels))


def _require_training(recipe: Recipe, definition: Definition, space: TaskSpace) -> None:
    """A setting that is not searched must be what the recipe says."""
    for name, value in recipe.settings.items():
        if name not in space.space.settings and getattr(definition.training, name) != value:
            raise OutsideSpace(f"{name} {value}")


def recipes_of(name: str, trials: Iterable[Candidate], searched: Collection[str]) -> list[Recipe]:
    """Another study's trials as recipes: their architectures, and the training settings that it searched.

    What it did not search, such as the batch size that suits its data, is this study's to say.
    """
    return [
        Recipe(
            f"{name} trial {one.trial}",
            one.architecture,
            {key: getattr(one.settings, key) for key in searched},
        )
        for one in trials
    ]
