"""The definition of a study: fixed when the study is created, and stored with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import BaseModel, TypeAdapter

from tcn_search.arguments import one_of
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.planning.architecture import Architecture
from tcn_search.search.objectives import read_objectives
from tcn_search.search.samplers import is_dynamic
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import TrainingSettings, settings_for
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import KINDS, Metric
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import ABOUT_NEW_DATA, TaskSpec


@dataclass(frozen=True)
class Definition:
    """Task, space, constraints, training settings, search settings and custom model of a study."""

    spec: TaskSpec
    fingerprint: str
    source: dict[str, Any] | None
    space: SearchSpace = field(default_factory=SearchSpace)
    constraints: Constraints = field(default_factory=Constraints)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    backend: str = "tensorflow"
    model: ModelFunction | None = None

    @classmethod
    def of(
        cls,
        task: Task,
        space: SearchSpace | None = None,
        constraints: Constraints | None = None,
        training: TrainingSettings | None = None,
        search: SearchSettings | None = None,
        backend: str = "tensorflow",
        model: ModelFunction | None = None,
    ) -> Definition:
        """Make the definition of a study on a task, and check it as a whole.

        Raises:
            InputError: the task does not have an objective, or cannot be cut into the folds; or the
                space has no feasible architecture.
        """
        if search is not None:
            task.cross_validated(search.folds)
        return cls(
            task.spec,
            task.fingerprint(),
            task.source,
            space or SearchSpace(),
            constraints or Constraints(),
            training or settings_for(len(task.train)),
            search or SearchSettings(),
            backend,
            model,
        ).checked()

    def checked(self) -> Definition:
        """Return the definition with the task's own required context where no other is given.

        Raises:
            InputError: as `of`.
        """
        found = self
        own = self.spec.required_context
        if self.constraints.required_context == "seq_len" and own is not None:
            found = replace(self, constraints=replace(self.constraints, required_context=own))
        read_objectives(found.search.objectives, found.spec.task_kind)
        found.task_space()
        return found

    @property
    def objectives(self) -> tuple[Metric, ...]:
        """The objectives with their directions."""
        return read_objectives(self.search.objectives, self.spec.task_kind)

    @property
    def objective(self) -> Metric:
        """The first objective, which is a trial's score, with its direction."""
        return self.objectives[0]

    @property
    def score_name(self) -> str:
        """Name of the first objective, with the number of folds of which it is the mean."""
        folds = self.search.folds
        return (
            self.objective.name if folds == 1 else f"{self.objective.name} (mean of {folds} folds)"
        )

    @property
    def required_context(self) -> int:
        """Number of steps that one output step must be able to see."""
        context = self.constraints.required_context
        return self.spec.seq_len if isinstance(context, str) else context

    @property
    def context_reason(self) -> str:
        """Why the task has this required context, in brackets; "" where the study sets another."""
        own = self.spec.required_context or self.spec.seq_len
        reason = self.spec.context_reason
        return f" ({reason})" if reason and self.required_context == own else ""

    def task_space(self) -> TaskSpace:
        """Return the space with the task's numbers filled in.

        The number of parameters of a custom model is not limited here: it is known only once the model
        has been built.
        """
        spec = self.spec
        limits = self.constraints
        if self.model is not None:
            limits = replace(limits, max_params=None)
        return self.space.for_task(
            spec.kind,
            spec.seq_len,
            spec.input_channels,
            spec.outputs,
            limits,
            vocabulary=spec.vocabulary,
            static=not is_dynamic(self.search.sampler),
        )

    def seed_of(self, trial: int) -> int:
        """Return the seed of a trial's weights, shuffling and dropout."""
        return (self.search.seed + trial) % 2**31

    def digest(self, trained: Sequence[tuple[Architecture, TrainingSettings]]) -> str:
        """Hash all that decides the result of training these networks.

        Data, objective, custom model, backend, architectures and settings.
        """
        spec = self.spec.to_dict()
        decides = [
            {key: value for key, value in spec.items() if key not in ABOUT_NEW_DATA},
            self.fingerprint,
            self.objective.name,
            self.backend,
            None if self.model is None else [self.model.name, self.model.fingerprint],
            *([architecture.to_dict(), settings.to_dict()] for architecture, settings in trained),
        ]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return {
            "task": self.spec.to_dict(),
            "fingerprint": self.fingerprint,
            "source": self.source,
            "space": self.space.to_dict(),
            "constraints": self.constraints.to_dict(),
            "training": self.training.to_dict(),
            "search": self.search.to_dict(),
            "backend": self.backend,
            "model": None if self.model is None else asdict(self.model),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Definition:
        """Read what `to_dict` returned.

        Raises:
            ValueError, TypeError, LookupError: the values are damaged, or of another version.
        """
        model = values.get("model")
        found = cls(
            spec=TaskSpec.from_dict(values["task"]),
            fingerprint=values["fingerprint"],
            source=values["source"],
            space=SearchSpace.from_dict(values["space"]),
            constraints=Constraints(**values["constraints"]),
            training=TrainingSettings.from_dict(values["training"]),
            search=SearchSettings.from_dict(values["search"]),
            backend=values.get("backend", "tensorflow"),
            model=None if model is None else ModelFunction(**model),
        )
        for part in (found.spec, found.constraints, found.training, found.search, found.model):
            if part is not None:
                TypeAdapter(type(part)).validate_json(json.dumps(asdict(part)), strict=True)
        _OTHERS.validate_python((found.fingerprint, found.backend, found.source), strict=True)
        needed = [
            "nb_filters",
            "kernel_size",
            "nb_stacks",
            "norm",
            "use_skip_connections",
            "activation",
        ]
        needed += ["dilation_base"] if found.space.dilations is None else []
        for name in needed:
            if getattr(found.space, name) is None:
                raise ValueError(f"space.{name} is missing")
        one_of("kind", found.spec.kind, tuple(KINDS))
        read_objectives(found.search.objectives, found.spec.task_kind)
        return found

    def differences(self, other: Definition) -> list[str]:
        """List what differs in `other`, a line each. The place of the data does not matter."""
        ours = self.to_dict()
        theirs = other.to_dict()
        found = []
        for section in ("task", "space", "constraints", "training", "search"):
            keys = {*ours[section], *theirs[section]}
            if section == "task":
                keys -= ABOUT_NEW_DATA
            for key in sorted(keys):
                one = ours[section].get(key)
                two = theirs[section].get(key)
                if one != two:
                    found.append(f"{section}.{key}: {_short(one)} in the study, {_short(two)} now")
        if self.backend != other.backend:
            found.append(f"backend: {self.backend} in the study, {other.backend} now")
        found += self._model_differences(other)
        same_task = not any(line.startswith("task.") for line in found)
        if same_task and ours["fingerprint"] != theirs["fingerprint"]:
            found.append("task: the data itself has changed")
        return found

    def _model_differences(self, other: Definition) -> list[str]:
        """List what differs in the custom model. The place of its file does not matter."""
        ours = self.model
        theirs = other.model
        if ours is None or theirs is None or ours.name != theirs.name:
            names = [str(model or "none") for model in (ours, theirs)]
            return (
                [] if names[0] == names[1] else [f"model: {names[0]} in the study, {names[1]} now"]
            )
        same = ours.fingerprint == theirs.fingerprint
        return [] if same else [f"model: the source of {theirs} has changed"]


class _Source(BaseModel):
    """The source of a task's data."""

    model_config = STRICT
    name: str
    options: dict[str, Any]


_OTHERS = TypeAdapter(tuple[str, str, _Source | None])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
