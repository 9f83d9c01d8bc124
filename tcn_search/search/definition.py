"""What a study is, fixed when it is created and kept with it in the storage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pydantic import BaseModel, TypeAdapter

from tcn_search.arguments import as_integer, one_of, positive_integer, received
from tcn_search.custom_model.model_function import ModelFunction
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.search.objectives import check_names, read_objectives
from tcn_search.search.pruners import PRUNERS
from tcn_search.search.samplers import KERAS_TUNER, check_sampler, is_dynamic
from tcn_search.settings import TrainingSettings, settings_for
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import KINDS, Metric
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import ABOUT_NEW_DATA, TaskSpec


@dataclass(frozen=True)
class SearchSettings:
    """How a study searches.

    Args:
        objectives: what trials are judged by. The first is the validation number that is a trial's score, such
            as "val_loss" or "val_accuracy"; more make a Pareto front, such as ("val_loss", "params").
        sampler: "tpe", "gp", "cmaes", "random", "grid", or a dotted path such as "optuna.samplers.QMCSampler";
            "keras-tuner:" with "random", "bayesian" or "hyperband" lets KerasTuner search.
        pruner: "asha" (successive halving between epochs), "hyperband", "median" or "none". With several
            objectives, and with KerasTuner, nothing is pruned between epochs.
        seed: of the sampler, and of every trial's weights and shuffling (seed + trial number).
        warm_start: try first what is known to be good: see `study.warm_start`.
        folds: trainings of a trial, each with another part held out; the score is their mean. 1: the validation
            part of the task.
        final_epochs: epochs of the winners' final training, if not those of a trial.
    """

    objectives: tuple[str, ...] = ("val_loss",)
    sampler: str = "tpe"
    pruner: str = "asha"
    seed: int = 0
    final_epochs: int | None = None
    warm_start: bool = True
    folds: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "objectives", check_names(self.objectives))
        check_sampler(self.sampler, len(self.objectives))
        one_of("pruner", self.pruner, PRUNERS)
        seed = as_integer(self.seed)
        if seed is None or not 0 <= seed < 2**31:
            raise InputError(
                f"seed must be an integer from 0 to 2147483647. Received: {received(self.seed)}"
            )
        object.__setattr__(self, "seed", seed)
        if self.final_epochs is not None:
            object.__setattr__(
                self, "final_epochs", positive_integer("final_epochs", self.final_epochs)
            )
        if not isinstance(self.warm_start, bool):
            raise InputError(
                f"warm_start must be true or false. Received: {received(self.warm_start)}"
            )
        object.__setattr__(self, "folds", positive_integer("folds", self.folds))

    @property
    def objective(self) -> str:
        """The first objective, which ranks the trials."""
        return self.objectives[0]

    @property
    def is_keras_tuner(self) -> bool:
        """Whether KerasTuner proposes the trials."""
        return self.sampler in KERAS_TUNER

    @property
    def pruner_used(self) -> str:
        """The pruner, or "none" where KerasTuner searches: its results are whole trials."""
        return "none" if self.is_keras_tuner else self.pruner

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return {**asdict(self), "objectives": list(self.objectives)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SearchSettings:
        """The settings that `to_dict` wrote, now or when a study had one objective."""
        values = dict(values)
        if "objective" in values:
            values["objectives"] = [values.pop("objective")]
        values.setdefault("warm_start", False)
        return cls(**values)


@dataclass(frozen=True)
class Definition:
    """Task, space, constraints, training settings, search settings and, if it is a user's own, model of a study."""

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
        """The definition of a study on a task, checked as a whole.

        Raises:
            InputError: an objective that the task does not have, folds that it cannot be cut into, or a space
                without a feasible architecture.
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
        """The same with the task's own required context where no other is asked for.

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
        """What trials are judged by, with directions."""
        return read_objectives(self.search.objectives, self.spec.task_kind)

    @property
    def objective(self) -> Metric:
        """What a trial's score is, with its direction."""
        return self.objectives[0]

    @property
    def score_name(self) -> str:
        """The objective's name, and of how many folds it is the mean."""
        folds = self.search.folds
        return (
            self.objective.name if folds == 1 else f"{self.objective.name} (mean of {folds} folds)"
        )

    @property
    def required_context(self) -> int:
        """Steps that the task needs to see."""
        context = self.constraints.required_context
        return self.spec.seq_len if isinstance(context, str) else context

    @property
    def context_reason(self) -> str:
        """ " (why the task needs to see so many steps; "" where the study says how many itself."""
        own = self.spec.required_context or self.spec.seq_len
        reason = self.spec.context_reason
        return f" ({reason})" if reason and self.required_context == own else ""

    def task_space(self) -> TaskSpace:
        """The space with the task's numbers filled in.

        Of a user's own model the number of parameters is known only when it has been built.
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
        """The seed of a trial's weights, shuffling and dropout."""
        return (self.search.seed + trial) % 2**31

    def digest(self, trained: Sequence[tuple[Architecture, TrainingSettings]]) -> str:
        """Of all that decides what training these networks gives: data, metric, model, backend, settings."""
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
        """Plain values, as JSON knows them."""
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
        """The definition that `to_dict` wrote.

        Raises:
            ValueError, TypeError, LookupError: it is another version's, or damaged.
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
        """What is not the same in `other`, one line each. Where the data was read from does not matter."""
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
        """Where the function's file is does not matter either."""
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
    """Where a task's data came from."""

    model_config = STRICT
    name: str
    options: dict[str, Any]


_OTHERS = TypeAdapter(tuple[str, str, _Source | None])


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
