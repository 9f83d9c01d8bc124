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
from tcn_search.planning.model_size import ModelShape
from tcn_search.search.final_settings import FinalSettings
from tcn_search.search.model_shape import model_shape_of
from tcn_search.search.objectives import read_objectives
from tcn_search.search.samplers import is_dynamic
from tcn_search.search.search_settings import SearchSettings
from tcn_search.search.space_defaults import input_norms, new_space, stored_space
from tcn_search.settings import TrainingSettings, settings_for
from tcn_search.space.constraints import Constraints
from tcn_search.space.forecast_choices import FORECAST_CHOICES, check_input_norms
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.space.value_checks import (
    check_searched_loss,
    check_settings_of_kind,
    require_dimensions,
)
from tcn_search.storage.stored_values import STRICT
from tcn_search.tasks.kinds import KINDS, Metric
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import NOT_COMPARED, TaskSpec


@dataclass(frozen=True)
class Definition:
    """Task, space, constraints, settings and custom model of a study."""

    spec: TaskSpec
    fingerprint: str
    source: dict[str, Any] | None
    space: SearchSpace = field(default_factory=SearchSpace)
    constraints: Constraints = field(default_factory=Constraints)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    backend: str = "tensorflow"
    model: ModelFunction | None = None
    final: FinalSettings = field(default_factory=FinalSettings)

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
        final: FinalSettings | None = None,
    ) -> Definition:
        """Make the definition of a study on a task, and check it as a whole.

        Raises:
            InputError: the task does not have an objective, or cannot be split into the folds; the
                space has no feasible architecture; or a training setting does not suit the task.
        """
        search = (search or SearchSettings()).for_sequences(len(task.train))
        task.cross_validated(search.folds)
        sequences = search.sequences_of_a_trial(len(task.train))
        training = training or settings_for(sequences, seq_len=task.spec.seq_len)
        final = final or FinalSettings()
        if search.final_epochs is None:
            final = final.with_epochs(training, len(task.train))
        definition = cls(
            spec=task.spec,
            fingerprint=task.fingerprint(),
            source=task.source,
            space=new_space(task.spec, space or SearchSpace(), training),
            constraints=constraints or Constraints(),
            training=training,
            search=search,
            backend=backend,
            model=model,
            final=final,
        )
        return definition.checked()

    def checked(self) -> Definition:
        """Return the definition with the task's own required context in place of "seq_len".

        Raises:
            InputError: as `of`.
        """
        definition = self
        context_of_task = self.spec.required_context
        if self.constraints.required_context == "seq_len" and context_of_task is not None:
            constraints = replace(self.constraints, required_context=context_of_task)
            definition = replace(self, constraints=constraints)
        read_objectives(definition.search.objectives, definition.spec.task_kind)
        self.final.require_for_folds(self.search.folds)
        check_searched_loss(self.space.loss, self.search.objectives)
        check_settings_of_kind(
            definition.training,
            definition.task_space().space.settings,
            kind=definition.spec.kind,
            vocabulary=definition.spec.vocabulary,
        )
        if self.model is None and self.spec.kind == "forecast":
            check_input_norms(
                input_norms(self.space, self.training),
                {name: getattr(self.space, name) for name in FORECAST_CHOICES},
                self.model_shape.future_channels,
                self.model_shape.quantiles,
            )
        return definition

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
        if folds == 1:
            return self.objective.name
        return f"{self.objective.name} (mean of {folds} folds)"

    @property
    def required_context(self) -> int:
        """Number of steps that one step must be able to see, unless its readout is free."""
        context = self.constraints.required_context
        if context == "auto" and self.spec.required_context is not None:
            return self.spec.required_context
        if isinstance(context, str):
            return self.spec.seq_len
        return context

    def required_context_of(self, architecture: Architecture) -> int | None:
        """Return the steps that one step of an architecture must see; None for no bound."""
        if self.constraints.required_context == "auto" and architecture.is_pooled:
            return None
        return architecture.steps_of(self.required_context)

    def continued(self, given: Constraints) -> Constraints:
        """Return the constraints with which this study continues: it keeps its required context.

        "auto" is the default; studies of earlier versions have the default of their time.
        """
        kept = self.constraints.required_context
        if given.required_context == "auto" and kept in ("seq_len", self.spec.required_context):
            return replace(given, required_context=kept)
        return given

    @property
    def final_epochs(self) -> int:
        """Epochs of a final training; by default of earlier versions those of a trial."""
        return self.final.epochs or self.search.final_epochs or self.training.epochs

    @property
    def context_reason(self) -> str:
        """Why the task has this required context, in brackets; "" where the study sets another."""
        context_of_task = self.spec.required_context or self.spec.seq_len
        reason = self.spec.context_reason
        if not reason or self.required_context != context_of_task:
            return ""
        return f" ({reason})"

    @property
    def model_shape(self) -> ModelShape:
        """The numbers of the task on which the size of a model depends."""
        return model_shape_of(self.spec, len(self.training.quantiles))

    def task_space(self) -> TaskSpace:
        """Return the space with the task's numbers filled in.

        The number of parameters of a custom model is not limited here: it is known only once the
        model has been built.
        """
        spec = self.spec
        limits = self.constraints
        if self.model is not None:
            limits = replace(limits, max_params=None)
        return self.space.for_task(
            kind=spec.kind,
            seq_len=spec.seq_len,
            input_channels=spec.input_channels,
            outputs=spec.outputs,
            constraints=limits,
            vocabulary=spec.vocabulary,
            targets=self.model_shape.targets,
            future_channels=self.model_shape.future_channels,
            quantiles=self.model_shape.quantiles,
            context_of_task=spec.required_context,
            static=not is_dynamic(self.search.sampler),
        )

    def seed_of(self, trial: int) -> int:
        """Return the seed of a trial's weights, shuffling and dropout."""
        return (self.search.seed + trial) % 2**31

    def digest(self, trained: Sequence[tuple[Architecture, TrainingSettings]]) -> str:
        """Hash everything that decides the result of training these networks.

        Data, objective, custom model, backend, architectures and settings.
        """
        spec = self.spec.to_dict()
        model = None
        if self.model is not None:
            model = [self.model.name, self.model.fingerprint]
        hashed = [
            {key: value for key, value in spec.items() if key not in NOT_COMPARED},
            self.fingerprint,
            self.objective.name,
            self.backend,
            model,
            *([architecture.to_dict(), settings.to_digest()] for architecture, settings in trained),
        ]
        return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        model = None
        if self.model is not None:
            model = asdict(self.model)
        return {
            "task": self.spec.to_dict(),
            "fingerprint": self.fingerprint,
            "source": self.source,
            "space": self.space.to_dict(),
            "constraints": self.constraints.to_dict(),
            "training": self.training.to_dict(),
            "search": self.search.to_dict(),
            "final": self.final.to_dict(),
            "backend": self.backend,
            "model": model,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Definition:
        """Read what `to_dict` returned.

        Raises:
            ValueError, TypeError, LookupError: the values are damaged, or of another version.
        """
        model = None
        if values.get("model") is not None:
            model = ModelFunction(**values["model"])
        final = FinalSettings.former()
        if "final" in values:
            final = FinalSettings.from_dict(values["final"])
        definition = cls(
            spec=TaskSpec.from_dict(values["task"]),
            fingerprint=values["fingerprint"],
            source=values["source"],
            space=stored_space(values["space"], values["task"]["kind"]),
            constraints=Constraints(**{"required_context": "seq_len", **values["constraints"]}),
            training=TrainingSettings.from_dict(values["training"]),
            search=SearchSettings.from_dict(values["search"]),
            backend=values.get("backend", "tensorflow"),
            model=model,
            final=final,
        )
        definition._check_types()
        require_dimensions(vars(definition.space))
        one_of("kind", definition.spec.kind, tuple(KINDS))
        read_objectives(definition.search.objectives, definition.spec.task_kind)
        return definition

    def _check_types(self) -> None:
        """Raise a ValidationError if a value that was read is of another type than its field."""
        sections = (
            self.spec,
            self.constraints,
            self.training,
            self.search,
            self.final,
            self.model,
        )
        for section in sections:
            if section is not None:
                values = json.dumps(asdict(section))
                TypeAdapter(type(section)).validate_json(values, strict=True)
        _PLAIN_FIELDS.validate_python((self.fingerprint, self.backend, self.source), strict=True)

    def differences(self, other: Definition) -> list[str]:
        """List what differs in `other`, a line each. Where the data lies does not matter."""
        ours = self.to_dict()
        theirs = other.to_dict()
        lines = []
        for section in ("task", "space", "constraints", "training", "search", "final"):
            keys = {*ours[section], *theirs[section]}
            if section == "task":
                keys -= NOT_COMPARED
            for key in sorted(keys):
                before = ours[section].get(key)
                now = theirs[section].get(key)
                if before != now:
                    lines.append(
                        f"{section}.{key}: {_short(before)} in the study, {_short(now)} now"
                    )
        if self.backend != other.backend:
            lines.append(f"backend: {self.backend} in the study, {other.backend} now")
        lines += self._model_differences(other)
        is_same_task = not any(line.startswith("task.") for line in lines)
        if is_same_task and ours["fingerprint"] != theirs["fingerprint"]:
            lines.append("task: the data itself has changed")
        return lines

    def _model_differences(self, other: Definition) -> list[str]:
        """List what differs in the custom model. Where its file lies does not matter."""
        ours = self.model
        theirs = other.model
        if ours is not None and theirs is not None and ours.name == theirs.name:
            if ours.fingerprint != theirs.fingerprint:
                return [f"model: the source of {theirs} has changed"]
            return []
        before = str(ours or "none")
        now = str(theirs or "none")
        if before == now:
            return []
        return [f"model: {before} in the study, {now} now"]


class _Source(BaseModel):
    """The source of a task's data."""

    model_config = STRICT
    name: str
    options: dict[str, Any]


_PLAIN_FIELDS = TypeAdapter(tuple[str, str, _Source | None])  # fingerprint, backend, source


def _short(value: object) -> str:
    text = repr(value)
    if len(text) > 60:
        text = text[:57] + "..."
    return text
