"""The space of a study on a task: that of a new study, and the one that was stored."""

from __future__ import annotations

from typing import Any

from tcn_search.search.model_shape import model_shape_of
from tcn_search.settings import TrainingSettings
from tcn_search.space.dimensions import integers_of
from tcn_search.space.forecast_choices import forecast_defaults, former_dimensions
from tcn_search.space.search_space import SearchSpace
from tcn_search.tasks.task_spec import TaskSpec


def new_space(spec: TaskSpec, space: SearchSpace, training: TrainingSettings) -> SearchSpace:
    """Return the space with the defaults of a new study of this task's kind.

    Networks that normalise windows take standardised inputs. Where the inputs are not, or not in
    every trial, none is searched by default.
    """
    if spec.kind != "forecast":
        return space
    look_backs: tuple[int, ...] = (spec.seq_len,)
    if space.look_back is not None:
        look_backs = integers_of("look_back", space.look_back)
    targets = model_shape_of(spec).targets
    if set(input_norms(space, training)) != {"dataset"}:
        targets = 0
    return space.with_defaults(forecast_defaults(look_backs, targets))


def input_norms(space: SearchSpace, training: TrainingSettings) -> tuple[str, ...]:
    """Return the values of `input_norm` that trials of a study may have."""
    return tuple(space.input_norm or (training.input_norm,))


def stored_space(values: dict[str, Any], kind: str) -> SearchSpace:
    """Read the space of a study on a task of this kind."""
    if kind == "forecast":
        values = former_dimensions(values)
    return SearchSpace.from_dict(values)
