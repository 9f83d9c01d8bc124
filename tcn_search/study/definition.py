"""What a study is, fixed when it is created and kept with it in the storage."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from tcn_search.errors import InputError
from tcn_search.planning.arguments import one_of, positive_integer
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.space.settings import TrainingSettings, settings_for
from tcn_search.tasks.kinds import Metric, objectives
from tcn_search.tasks.task import Task, TaskSpec

SAMPLERS = ("tpe", "random")
PRUNERS = ("asha", "none")


@dataclass(frozen=True)
class SearchSettings:
    """How a study searches.

    Args:
        objective: the validation number that is a trial's score, such as "val_loss" or "val_accuracy".
        sampler: "tpe" or "random".
        pruner: "asha" (successive halving between epochs) or "none".
        seed: of the sampler, and of every trial's weights and shuffling (seed + trial number).
        final_epochs: epochs of the winners' final training, if not those of a trial.
    """

    objective: str = "val_loss"
    sampler: str = "tpe"
    pruner: str = "asha"
    seed: int = 0
    final_epochs: int | None = None

    def __post_init__(self) -> None:
        one_of("sampler", self.sampler, SAMPLERS)
        one_of("pruner", self.pruner, PRUNERS)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**31:
            raise InputError(f"seed must be an integer from 0 to 2147483647. Received: {self.seed!r}")
        if self.final_epochs is not None:
            positive_integer("final_epochs", self.final_epochs)


@dataclass(frozen=True)
class Definition:
    """Task, space, constraints, training settings and search settings of a study."""

    spec: TaskSpec
    fingerprint: str
    source: dict[str, Any] | None
    space: SearchSpace = field(default_factory=SearchSpace)
    constraints: Constraints = field(default_factory=Constraints)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    search: SearchSettings = field(default_factory=SearchSettings)

    @classmethod
    def of(
        cls,
        task: Task,
        space: SearchSpace | None = None,
        constraints: Constraints | None = None,
        training: TrainingSettings | None = None,
        search: SearchSettings | None = None,
    ) -> Definition:
        """The definition of a study on a task, checked as a whole.

        Raises:
            InputError: an objective that the task does not have, or a space without a feasible architecture.
        """
        constraints = constraints or Constraints()
        if constraints.required_context == "seq_len" and task.spec.required_context is not None:
            constraints = Constraints(
                **{**constraints.to_dict(), "required_context": task.spec.required_context}
            )
        made = cls(
            task.spec,
            task.fingerprint(),
            task.source,
            space or SearchSpace(),
            constraints,
            training or settings_for(len(task.train)),
            search or SearchSettings(),
        )
        known = objectives(task.spec.task_kind)
        if made.search.objective not in known:
            listed = ", ".join(f"{name} ({direction})" for name, direction in known.items())
            raise InputError(
                f"objective must be one of {listed} for {task.spec.kind}. Received: {made.search.objective!r}"
            )
        made.task_space()
        return made

    @property
    def objective(self) -> Metric:
        """What a trial's score is, with its direction."""
        name = self.search.objective
        return Metric(name, objectives(self.spec.task_kind)[name])

    @property
    def required_context(self) -> int:
        """Steps that the task needs to see."""
        context = self.constraints.required_context
        return self.spec.seq_len if isinstance(context, str) else context

    def task_space(self) -> TaskSpace:
        """The space with the task's numbers filled in."""
        spec = self.spec
        return self.space.for_task(
            spec.kind, spec.seq_len, spec.input_channels, spec.outputs, self.constraints
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as JSON knows them."""
        return {
            "task": self.spec.to_dict(),
            "fingerprint": self.fingerprint,
            "source": self.source,
            "space": self.space.to_dict(),
            "constraints": self.constraints.to_dict(),
            "training": self.training.to_dict(),
            "search": asdict(self.search),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Definition:
        """The definition that `to_dict` wrote."""
        return cls(
            TaskSpec.from_dict(values["task"]),
            values["fingerprint"],
            values["source"],
            SearchSpace.from_dict(values["space"]),
            Constraints(**values["constraints"]),
            TrainingSettings.from_dict(values["training"]),
            SearchSettings(**values["search"]),
        )

    def differences(self, other: Definition) -> list[str]:
        """What is not the same in `other`, one line each. Where the data was read from does not matter."""
        ours, theirs = self.to_dict(), other.to_dict()
        found = []
        for section in ("task", "space", "constraints", "training", "search"):
            for key in sorted({*ours[section], *theirs[section]}):
                one, two = ours[section].get(key), theirs[section].get(key)
                if one != two:
                    found.append(f"{section}.{key}: {_short(one)} in the study, {_short(two)} now")
        if not found and ours["fingerprint"] != theirs["fingerprint"]:
            found.append("task: the data itself has changed")
        return found


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
