"""Checks of the values of a search space. All raise an `InputError`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
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
from tcn_search.planning.architecture import CHANNELS, NORMS, PADDINGS, READOUTS, WINDOW_NORMS
from tcn_search.settings import CHOICES, TrainingSettings, check_setting
from tcn_search.space.dimensions import Dimension, Range, integers_of, largest_integer

_SIZES = (
    "nb_filters",
    "kernel_size",
    "levels",
    "dilation_base",
    "nb_stacks",
    "look_back",
    "patch",
    "patch_stride",
)
_WORDS = {
    "padding": PADDINGS[:2],
    "norm": NORMS,
    "readout": READOUTS,
    "channels": CHANNELS,
    "window_norm": WINDOW_NORMS,
}
_NEEDED_DIMENSIONS = (
    "nb_filters",
    "kernel_size",
    "nb_stacks",
    "norm",
    "use_skip_connections",
    "activation",
)


def read_dilations(given: Any) -> tuple[tuple[int, ...], ...]:
    """Return explicit lists of dilations as tuples. A flat list of integers is a single list."""
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
    return tuple(positive_integers("dilations", dilation_list) for dilation_list in lists)


def check_dimensions(dimensions: Mapping[str, Any]) -> None:
    """Check the values of every hyperparameter of an architecture; None is no value.

    Args:
        dimensions: of a `SearchSpace`, by name.
    """
    sizes = {name: dimensions[name] for name in _SIZES if dimensions[name] is not None}
    check_sizes(sizes, dimensions["dilations"])
    for name, allowed in _WORDS.items():
        check_words(name, dimensions[name], allowed)
    check_booleans("use_skip_connections", dimensions["use_skip_connections"])
    check_booleans("linear_path", dimensions["linear_path"])
    check_activations(dimensions["activation"])


def require_dimensions(dimensions: Mapping[str, Any]) -> None:
    """Raise a ValueError if a dimension that every space has was not stored.

    Args:
        dimensions: of a stored space, by name.
    """
    needed = [*_NEEDED_DIMENSIONS]
    if dimensions["dilations"] is None:
        needed.append("dilation_base")
    for name in needed:
        if dimensions[name] is None:
            raise ValueError(f"space.{name} is missing")


def check_sizes(
    sizes: Mapping[str, Dimension], dilations: tuple[tuple[int, ...], ...] | None
) -> None:
    """Check that all sizes are within their limits, alone and in the largest architecture.

    Args:
        sizes: dimensions with integer values by name: nb_filters, kernel_size, nb_stacks,
            dilation_base, and levels, look_back, patch and patch_stride where the space has them.
        dilations: explicit lists of dilations, instead of levels and base.
    """
    largest = {name: largest_integer(name, dimension) for name, dimension in sizes.items()}
    if dilations is not None:
        levels = max(map(len, dilations))
    else:
        levels = largest.get("levels", 1)
        require_dilations(largest["dilation_base"], levels)
    require_buildable(largest["kernel_size"], levels, largest["nb_stacks"])


def check_words(name: str, dimension: Dimension | None, allowed: Sequence[str]) -> None:
    """Check that every choice is among the `allowed` words. None has no choices."""
    for choice in _choices(name, dimension):
        one_of(name, choice, allowed)


def check_booleans(name: str, dimension: Dimension | None) -> None:
    """Check that every choice is True or False. None has no choices."""
    for choice in _choices(name, dimension):
        if not isinstance(choice, bool):
            raise InputError(f"{name} must be true or false. Received: {received(choice)}")


def check_activations(dimension: Dimension) -> None:
    """Check that every choice can be the name of an activation."""
    for choice in _choices("activation", dimension):
        if not isinstance(choice, str) or not choice:
            raise InputError(
                f"activation must be names of Keras activations. Received: {received(choice)}"
            )


def _choices(name: str, dimension: Dimension | None) -> tuple[Any, ...]:
    if isinstance(dimension, Range):
        raise InputError(f"{name} must be a list of choices. Received: {dimension}")
    return dimension or ()


def check_training_setting(name: str, dimension: Dimension) -> None:
    """Check that a training setting can have every value of a dimension."""
    if not isinstance(dimension, Range):
        for value in dimension:
            check_setting(name, value)
        return
    if name in CHOICES:
        raise InputError(f"{name} must be a list of choices. Received: {dimension}")
    if name == "batch_size":
        largest_integer(name, dimension)
    check_setting(name, dimension.low)
    check_setting(name, dimension.high)


def check_searched_loss(losses: Dimension | None, objectives: Sequence[str]) -> None:
    """Check that trials with different losses are not compared by their losses.

    Args:
        losses: dimension of the loss; None where it is not searched.
        objectives: of the study.
    """
    if losses is not None and len(_values(losses)) > 1 and "val_loss" in objectives:
        raise InputError(
            "objectives must not have val_loss where the loss is searched: values of different "
            "losses cannot be compared. Use one of the task's metrics, such as "
            f"val_standardised_mse. Received: loss {list(_values(losses))}"
        )


def check_settings_of_kind(
    training: TrainingSettings, searched: Mapping[str, Dimension], kind: str, vocabulary: int
) -> None:
    """Check that a kind of task can be trained with every setting, alone and as it is searched.

    Args:
        training: the settings of a study.
        searched: dimensions of settings by name, which replace those of the study.
        kind: kind of the task, such as "classification".
        vocabulary: number of tokens, if the inputs are tokens; 0 otherwise.
    """
    fixed = replace(training, **{name: _values(searched[name])[0] for name in searched})
    for name, dimension in searched.items():
        for value in _values(dimension):
            replace(fixed, **{name: value}).require_for_kind(kind, vocabulary)
    fixed.require_for_kind(kind, vocabulary)


def _values(dimension: Dimension) -> tuple[Any, ...]:
    """Return the choices of a dimension, or the ends of a range."""
    if isinstance(dimension, Range):
        return (dimension.low, dimension.high)
    return dimension


def check_look_back(look_back: Dimension, kind: str, seq_len: int) -> None:
    """Check that a look-back can be searched for a task of this kind and sequence length."""
    if kind != "forecast":
        raise InputError(
            f"look_back can be searched for forecasts only. Received: a task of {kind}"
        )
    longest = integers_of("look_back", look_back)[-1]
    if longest > seq_len:
        raise InputError(
            f"look_back must be at most the {seq_len} steps of the task's windows. "
            f"Received: {longest}. "
            f"Give the task the longest one: look_back = {longest} in [task]."
        )
