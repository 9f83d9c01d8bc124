"""The numbers of a task on which the size of its models depends."""

from __future__ import annotations

from tcn_search.planning.model_size import ModelShape
from tcn_search.tasks.linear_forecast import predicted_channels
from tcn_search.tasks.task_spec import TaskSpec


def model_shape_of(spec: TaskSpec, quantiles: int = 0) -> ModelShape:
    """Return the numbers of a task on which the size of its models depends.

    Args:
        spec: specification of the task.
        quantiles: predicted for each output; 0 for a single number.
    """
    targets: tuple[int, ...] = ()
    if spec.kind == "forecast":
        targets = predicted_channels(spec)
    return ModelShape(
        seq_len=spec.seq_len,
        input_channels=spec.input_channels,
        outputs=spec.outputs,
        vocabulary=spec.vocabulary,
        targets=len(targets),
        future_channels=len(spec.future_channels),
        quantiles=quantiles,
    )
