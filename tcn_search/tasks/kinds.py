"""Kinds of tasks, with the loss and the metrics of each."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """Name of a number that judges predictions, and the direction in which it is better."""

    name: str
    direction: str  # "maximize" or "minimize"

    def better(self, score: float, other: float) -> bool:
        """Return whether `score` beats `other`."""
        if self.direction == "maximize":
            return score > other
        return score < other


@dataclass(frozen=True)
class Kind:
    """Kind of a task.

    Attributes:
        metrics: the first is reported; a study may search by any of them.
        has_classes: whether targets are classes or labels, not numbers.
        reads_every_step: whether there is a target for each step.
    """

    name: str
    description: str
    loss: str
    metrics: tuple[Metric, ...]
    has_classes: bool
    reads_every_step: bool = False


ACCURACY = Metric("accuracy", "maximize")
BALANCED_ACCURACY = Metric("balanced_accuracy", "maximize")
F1 = Metric("f1", "maximize")
PERPLEXITY = Metric("perplexity", "minimize")
MSE = Metric("mse", "minimize")
MAE = Metric("mae", "minimize")
# Target of a step that neither loss nor metrics look at: padding, or a step without a label.
NO_CLASS = -1
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="classification",
            description="one class for each sequence",
            loss="sparse_categorical_crossentropy",
            metrics=(ACCURACY, BALANCED_ACCURACY, F1),
            has_classes=True,
        ),
        Kind(
            name="multi_label",
            description="any number of labels for each sequence",
            loss="binary_crossentropy",
            metrics=(Metric("binary_accuracy", "maximize"), F1),
            has_classes=True,
        ),
        Kind(
            name="labelling",
            description="one class for each step",
            loss="sparse_categorical_crossentropy",
            metrics=(ACCURACY, BALANCED_ACCURACY, F1, PERPLEXITY),
            has_classes=True,
            reads_every_step=True,
        ),
        Kind(
            name="regression",
            description="numbers for each sequence",
            loss="mse",
            metrics=(MSE, MAE),
            has_classes=False,
        ),
        Kind(
            name="forecast",
            description="the next steps of a series",
            loss="mse",
            metrics=(
                Metric("standardised_mse", "minimize"),
                Metric("standardised_mae", "minimize"),
            ),
            has_classes=False,
        ),
    )
}


def scored_on_last(kind: Kind, steps: int) -> Kind:
    """Return `kind` with metrics of the last `steps` steps only, and this in their names.

    >>> scored_on_last(KINDS["labelling"], 10).metrics[0].name
    'accuracy_last_10'
    """
    metrics = tuple(replace(metric, name=f"{metric.name}_last_{steps}") for metric in kind.metrics)
    return replace(kind, metrics=metrics)


def of_next_token(kind: Kind) -> Kind:
    """Return `kind` for the next token at each step, which is judged by perplexity."""
    return replace(kind, description="the next token at each step", metrics=(PERPLEXITY, ACCURACY))


def objectives(kind: Kind) -> dict[str, str]:
    """Return the objectives that a study of this kind can search by, with their directions."""
    return {
        "val_loss": "minimize",
        **{f"val_{metric.name}": metric.direction for metric in kind.metrics},
    }
