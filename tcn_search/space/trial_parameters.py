"""From an architecture back to the parameters that a trial would have been asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.space.constraints import infeasible
from tcn_search.space.dimensions import Dimension, Range
from tcn_search.space.geometry import EXTRA_LEVELS, as_text
from tcn_search.space.search_space import TaskSpace


class OutsideSpace(Exception):
    """The space cannot propose this; the text says what of it is not there."""


class RecordedSuggestions:
    """Stands in for an Optuna trial: answers with what is wanted and keeps it by parameter."""

    def __init__(self, wanted: Mapping[str, Any]) -> None:
        self.wanted = wanted
        self.parameters = dict[str, Any]()

    def suggest_int(self, name: str, low: int, high: int, step: int = 1, log: bool = False) -> int:
        value = self._number(name, low, high)
        if value != int(value) or (value - low) % step:
            raise OutsideSpace(f"{name} {value}")
        return self._keep(name, int(value))

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None = None, log: bool = False
    ) -> float:
        value = self._number(name, low, high)
        if step is not None and abs((value - low) / step - round((value - low) / step)) > 1e-9:
            raise OutsideSpace(f"{name} {value}")
        return self._keep(name, float(value))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        if self.wanted[name] not in choices:
            raise OutsideSpace(f"{name} {self.wanted[name]}")
        return self._keep(name, self.wanted[name])

    def _number(self, name: str, low: float, high: float) -> float:
        value = self.wanted[name]
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not low <= value <= high
        ):
            raise OutsideSpace(f"{name} {value}")
        return value

    def _keep(self, name: str, value: Any) -> Any:
        self.parameters[name] = value
        return value


def suggested_values(
    space: TaskSpace, architecture: Architecture, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters with which `space.suggest` gives this architecture and these settings.

    Args:
        settings: training settings by name; what the space searches and is not named here takes its `usual`
            value.

    Raises:
        OutsideSpace: says what the space does not hold, or which limit is broken.
    """
    wanted = {**_geometry(space, architecture), **architecture.to_dict()}
    for name, dimension in space.space.settings.items():
        wanted[name] = settings[name] if name in settings else usual(name, dimension)
    wanted["dilations"] = as_text(architecture.dilations)
    for violation in infeasible(space.violations(architecture)):
        raise OutsideSpace(violation.reason)
    answers = RecordedSuggestions(wanted)
    found, found_settings = space.suggest(answers)
    different = [
        f"{name} {value}"
        for name, value in architecture.to_dict().items()
        if found.to_dict()[name] != value
    ]
    different += [
        f"{name} {value}"
        for name, value in settings.items()
        if found_settings.get(name, value) != value
    ]
    if different:
        raise OutsideSpace(", ".join(different))
    return answers.parameters


def usual(name: str, dimension: Dimension) -> Any:
    """The value of a dimension that is nearest to the default of `TrainingSettings`.

    Of learning rates it is the middle one: what suits depends on the task, and whoever gave the space knows it.
    """
    from tcn_search.settings import TrainingSettings

    default = getattr(TrainingSettings(), name)
    if isinstance(dimension, Range):
        if name == "learning_rate":
            return dimension.middle
        if dimension.step is not None:
            return dimension.low
        return min(max(default or 0, dimension.low), dimension.high)
    if name == "learning_rate":
        return sorted(dimension)[(len(dimension) - 1) // 2]
    return default if default in dimension else dimension[0]


def _geometry(space: TaskSpace, architecture: Architecture) -> dict[str, Any]:
    """The answers that decide the receptive field: values, their indexes, and the levels beyond the fewest."""
    geometry = space.geometry
    point: list[Any] = []
    answers: dict[str, Any] = {}
    for name, values in zip(geometry.names, geometry.values, strict=True):
        value = (
            _base(architecture, values) if name == "dilation_base" else getattr(architecture, name)
        )
        if value not in values:
            shown = as_text(architecture.dilations) if name == "dilations" else value
            raise OutsideSpace(f"{name} {shown}")
        answers |= {name: value, f"{name}_index": values.index(value)}
        point.append(value)
    if geometry.names[-1] == "levels":
        possible = [
            levels for levels in geometry.values[-1] if (*point[:-1], levels) in geometry.feasible
        ]
        answers[EXTRA_LEVELS] = possible.index(point[-1]) if point[-1] in possible else -1
    return answers


def _base(architecture: Architecture, bases: Sequence[int]) -> int:
    """The base whose powers the dilations are."""
    for base in bases:
        if architecture.dilations == tuple(base**level for level in range(architecture.levels)):
            return base
    raise OutsideSpace(f"dilations {as_text(architecture.dilations)}")
