"""Constraints on an architecture for a task, checked before a model is built."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from tcn_search.arguments import one_of, positive_integer, received
from tcn_search.errors import InputError
from tcn_search.planning.architecture import POOLED_READOUTS, Architecture
from tcn_search.planning.coverage import coverage, coverage_through_pool
from tcn_search.planning.model_size import ModelShape


@dataclass(frozen=True)
class Constraints:
    """Limits that a study sets for every architecture.

    Args:
        required_context: number of steps that one step of the TCN must be able to see, whatever the
            readout. "seq_len" is the task's own required context, or else the whole sequence. With
            "auto" this holds for the readouts "last" and "sequence" only: through "average", "max"
            and "flatten" the output sees every step, so one step may see any number of them.
        receptive_field: "narrow" never samples an architecture whose receptive field is too short;
            "prune" samples it and prunes the trial before a model is built.
        max_params: largest number of parameters of the whole model, head included; None for no
            limit.
        allow_blind_spots: whether steps of the required context may have no path to the output.

    Raises:
        InputError: names the argument, the rule and the value received.
    """

    required_context: int | str = "auto"
    receptive_field: str = "narrow"
    max_params: int | None = None
    allow_blind_spots: bool = False

    def __post_init__(self) -> None:
        context = self.required_context
        if isinstance(context, str) and context not in ("auto", "seq_len"):
            raise InputError(
                'required_context must be "auto", "seq_len" or a number of steps. '
                f"Received: {received(context)}"
            )
        if not isinstance(context, str):
            object.__setattr__(
                self, "required_context", positive_integer("required_context", context)
            )
        one_of("receptive_field", self.receptive_field, ("narrow", "prune"))
        if self.max_params is not None:
            object.__setattr__(self, "max_params", positive_integer("max_params", self.max_params))
        if not isinstance(self.allow_blind_spots, bool):
            raise InputError(
                "allow_blind_spots must be true or false. "
                f"Received: {received(self.allow_blind_spots)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the constraints as plain values that JSON and TOML can hold."""
        return asdict(self)


class Violation(NamedTuple):
    """Comparison of an architecture with one limit, as Optuna's constraints have it.

    `excess` is the share of the limit by which the architecture exceeds it: above 0 the limit is
    broken, and `reason` says how; at or below 0 it holds.
    """

    name: str
    excess: float
    reason: str


@dataclass(frozen=True)
class Limits:
    """Constraints together with the numbers of a task on which they depend.

    `required_context` is a number of steps that one step of the TCN must be able to see. With
    `pooled_is_free` it does not hold for pooled readouts, through which the output sees every step.
    """

    required_context: int
    shape: ModelShape
    max_params: int | None = None
    allow_blind_spots: bool = False
    pooled_is_free: bool = False

    @property
    def seq_len(self) -> int:
        """Steps of the sequences."""
        return self.shape.seq_len

    def context_of(self, readout: str) -> int | None:
        """Return the steps that one step must see with this readout; None for no bound."""
        if self.pooled_is_free and readout in POOLED_READOUTS:
            return None
        return self.required_context

    def violations(self, architecture: Architecture) -> list[Violation]:
        """Return the comparison with every limit; a feasible architecture has no excess above 0."""
        violations = [self.receptive_field_violation(architecture)]
        if not self.allow_blind_spots:
            violations.append(self.blind_spot_violation(architecture))
        if self.max_params is not None:
            parameters = self.parameters(architecture)
            violations.append(
                Violation(
                    "max_params",
                    (parameters - self.max_params) / self.max_params,
                    f"{parameters:,} parameters are more than the {self.max_params:,} allowed",
                )
            )
        return violations

    def receptive_field_violation(self, architecture: Architecture) -> Violation:
        """Return the comparison of the receptive field with the required context."""
        context = self.context_of(architecture.readout)
        if context is None:
            return Violation("receptive_field", 0.0, "")
        needed = architecture.patches_of(architecture.steps_of(context))
        span = architecture.span
        if architecture.padding != "same":
            reached = span.receptive_field
            return Violation(
                "receptive_field",
                (needed - reached) / needed,
                f"receptive field {reached} falls short of the required context {needed} "
                f"{self._circumstances(architecture)}",
            )
        back = needed // 2
        ahead = needed - 1 - back
        return Violation(
            "receptive_field",
            max(back - span.look_back, ahead - span.look_ahead) / needed,
            f"receptive field {span.receptive_field} (−{span.look_back} to +{span.look_ahead}) "
            f"falls short of the required context {needed} (−{back} to +{ahead}) "
            f"{self._circumstances(architecture)}",
        )

    def _circumstances(self, architecture: Architecture) -> str:
        """Return readout and sequence length in brackets, and the stem if there is one."""
        seq_len = architecture.steps_of(self.seq_len)
        text = f"readout {architecture.readout}, sequence length {seq_len}"
        if architecture.patch > 1:
            text += (
                f", in patches of {architecture.patch} steps, {architecture.stride} apart, which "
                "are counted here"
            )
        return f"({text})"

    def blind_spot_violation(self, architecture: Architecture) -> Violation:
        """Return the violation by blind spots in the required context.

        Without one, by steps that the output does not see through its pool.
        """
        context = self.context_of(architecture.readout)
        seq_len = self.shape.tcn_steps(architecture)
        if context is None:
            unseen = coverage_through_pool(architecture, seq_len).blind_spot_count
            return Violation(
                "blind_spots", unseen / seq_len, f"{unseen} of {seq_len} steps reach no output"
            )
        needed = architecture.patches_of(architecture.steps_of(context))
        blind = coverage(architecture, needed, seq_len).blind_spot_count
        return Violation(
            "blind_spots",
            blind / needed,
            f"{blind} of {needed} steps are blind spots inside the receptive field "
            f"{architecture.span.receptive_field}",
        )

    def parameters(self, architecture: Architecture) -> int:
        """Return the parameters of the whole model, head included."""
        return self.shape.parameters(architecture)


def limits_of(
    constraints: Constraints, shape: ModelShape, context_of_task: int | None = None
) -> Limits:
    """Return the limits that the constraints of a study set for a task.

    Args:
        context_of_task: steps that the task needs to see, if not the whole sequence.

    Raises:
        InputError: the required context is longer than the sequences.
    """
    required_context = constraints.required_context
    if required_context == "auto" and context_of_task is not None:
        required_context = context_of_task
    if isinstance(required_context, str):
        required_context = shape.seq_len
    if required_context > shape.seq_len:
        raise InputError(
            f"required_context must be at most the sequence length, {shape.seq_len} steps. "
            f"Received: {required_context}"
        )
    return Limits(
        required_context=required_context,
        shape=shape,
        max_params=constraints.max_params,
        allow_blind_spots=constraints.allow_blind_spots,
        pooled_is_free=constraints.required_context == "auto",
    )


def broken_limits(violations: list[Violation]) -> list[Violation]:
    """Return the violations with an excess above 0; none if the architecture is feasible."""
    return [violation for violation in violations if violation.excess > 0]
