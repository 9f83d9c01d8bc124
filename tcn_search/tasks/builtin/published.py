"""Published results of other models, for comparison."""

from __future__ import annotations

from dataclasses import dataclass

BAI = "Bai, Kolter, Koltun 2018 (arXiv 1803.01271), table 1"
LINEAR = "Zeng et al. 2022 (arXiv 2205.13504)"
FITS = "VEWOXIC/FITS"
SPARSE_TSF = "lss-1138/SparseTSF, table 2"
KERAS_TCN = "keras-tcn 3.5.7, README"
_RECURRENT = ("TCN", "LSTM", "GRU", "RNN")


@dataclass(frozen=True)
class Published:
    """Published score of a model on a task's test split.

    Args:
        score: score as published; accuracies as shares of 1.
        metric: name of the score: "accuracy", "mse", "loss", "perplexity".
        model: model that reached it.
        source: publication.
        options: options of the task that the score holds for, if not for all: {"seq_len": 600}; a
            file by its name in lower case without endings.
    """

    score: float
    metric: str
    model: str
    source: str
    options: tuple[tuple[str, object], ...] = ()

    def holds_for(self, options: dict[str, object]) -> bool:
        """Return whether the score is about a task that was loaded with these options."""
        return all(options.get(name) == value for name, value in self.options)


def bai(
    metric: str, scores: tuple[float, float, float, float], **options: object
) -> tuple[Published, ...]:
    """Return scores of the paper's TCN, LSTM, GRU and RNN of equal parameter count."""
    return tuple(
        Published(
            score=score, metric=metric, model=model, source=BAI, options=tuple(options.items())
        )
        for model, score in zip(_RECURRENT, scores, strict=True)
    )


ADDING = (
    *bai("mse", (5.8e-5, 0.164, 5.3e-5, 0.177), seq_len=600),
    Published(
        score=3.72e-4,
        metric="mse",
        model="keras-tcn",
        source=KERAS_TCN,
        options=(("seq_len", 600),),
    ),
)
COPY_MEMORY = bai("loss", (3.5e-5, 0.0204, 0.0197, 0.0202), blanks=1000)
SEQ_MNIST = (
    *bai("accuracy", (0.990, 0.872, 0.962, 0.215)),
    Published(score=0.9862, metric="accuracy", model="keras-tcn", source=KERAS_TCN),
)
WORD_PTB = bai("perplexity", (88.68, 78.93, 92.48, 114.50), train_tokens=None, vocabulary=None)
PERMUTED_MNIST = bai("accuracy", (0.972, 0.857, 0.873, 0.253))
# Zeng et al. left the last, incomplete batch of test windows out (`drop_last`); the others score
# every window of stride 1, as this package does.
FORECAST = tuple(
    Published(
        score=score,
        metric="standardised_mse",
        model=model,
        source=source,
        options=(("file", "etth1"), ("parts", "ett"), ("horizon", 96), ("target", None)),
    )
    for score, model, source in (
        (0.362, "SparseTSF", SPARSE_TSF),
        (0.372, "FITS", f"{FITS}, training logs"),
        (0.384, "DLinear", f"{FITS}, README"),
        (0.385, "PatchTST", f"{FITS}, README"),
        (0.375, "DLinear as printed in 2022", f"{LINEAR}, with test windows left out"),
        (0.374, "NLinear as printed in 2022", f"{LINEAR}, with test windows left out"),
    )
)
