"""What a task asks for, and what follows from it: loss, metrics, shape of the outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Metric:
    """A number that judges predictions, and whether more of it is better."""

    name: str
    direction: str  # "maximize" or "minimize"

    def better(self, one: float, other: float) -> bool:
        """Whether `one` beats `other`."""
        return one > other if self.direction == "maximize" else one < other


@dataclass(frozen=True)
class Kind:
    """A kind of task. The first metric is the one that is reported; a study may search by any of them."""

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
# The target of a step that neither loss nor metrics look at: padding, or a step without a label.
NO_CLASS = -1
KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "classification",
            "one class for each sequence",
            "sparse_categorical_crossentropy",
            (ACCURACY, BALANCED_ACCURACY, F1),
            has_classes=True,
        ),
        Kind(
            "multi_label",
            "any number of labels for each sequence",
            "binary_crossentropy",
            (Metric("binary_accuracy", "maximize"), F1),
            has_classes=True,
        ),
        Kind(
            "labelling",
            "one class for each step",
            "sparse_categorical_crossentropy",
            (ACCURACY, BALANCED_ACCURACY, F1, PERPLEXITY),
            has_classes=True,
            reads_every_step=True,
        ),
        Kind("regression", "numbers for each sequence", "mse", (MSE, MAE), has_classes=False),
        Kind(
            "forecast",
            "the next steps of a series",
            "mse",
            (Metric("standardised_mse", "minimize"), Metric("standardised_mae", "minimize")),
            has_classes=False,
        ),
    )
}


def scored_on_last(kind: Kind, steps: int) -> Kind:
    """`kind` with metrics that look at the last `steps` steps only, and say so in their names.

    >>> scored_on_last(KINDS["labelling"], 10).metrics[0].name
    'accuracy_last_10'
    """
    metrics = tuple(replace(metric, name=f"{metric.name}_last_{steps}") for metric in kind.metrics)
    return replace(kind, metrics=metrics)


def of_next_token(kind: Kind) -> Kind:
    """`kind` where the class at each step is the next token: judged by its perplexity."""
    return replace(kind, description="the next token at each step", metrics=(PERPLEXITY, ACCURACY))


def objectives(kind: Kind) -> dict[str, str]:
    """What a study of this kind can be searched by, each with its direction."""
    return {
        "val_loss": "minimize",
        **{f"val_{metric.name}": metric.direction for metric in kind.metrics},
    }
