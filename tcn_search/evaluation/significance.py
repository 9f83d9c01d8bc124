"""Say whether two contenders differ by more than seeds and the size of the split explain.

The test is a two-sided t-test at 5% on the difference of two mean scores. Its variance has two
parts: the one between the seeds of a training, pooled over both contenders, and the one over the
examples of the split. The errors of the contenders count as independent. On the same examples they
are not, but alike, which makes the true uncertainty smaller: a difference that passes is real, and
a small real difference may not pass.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tcn_search.tasks.kinds import Metric
from tcn_search.text import counted

LEVEL = 0.05  # probability of calling equal contenders different


@dataclass(frozen=True)
class Scored:
    """Scores of one contender on one split.

    Args:
        scores: one for each seed; none is NaN.
        example_error: standard error of a score over the examples; None where it is not known.
        has_seeds: whether another seed gives another score.
    """

    scores: tuple[float, ...]
    example_error: float | None = None
    has_seeds: bool = True

    @property
    def mean(self) -> float:
        """Mean score."""
        return statistics.fmean(self.scores)


@dataclass(frozen=True)
class Difference:
    """The difference of two mean scores, and what it takes to be clear.

    Attributes:
        ahead: how much better the first is; below 0 where it is worse.
        needed: the smallest clear difference at 5%; NaN where nothing is known of the spread.
        basis: what `needed` rests on, such as "3 seeds and 41 examples".
    """

    ahead: float
    needed: float
    basis: str

    @property
    def is_clear(self) -> bool:
        """Whether the difference is larger than seeds and split explain."""
        return abs(self.ahead) > self.needed

    @property
    def is_better(self) -> bool:
        """Whether the first is clearly better."""
        return self.is_clear and self.ahead > 0

    @property
    def is_worse(self) -> bool:
        """Whether the first is clearly worse."""
        return self.is_clear and self.ahead < 0

    @property
    def in_brackets(self) -> str:
        """The two numbers behind the verdict, to stand behind a name.

        >>> Difference(0.35, 0.34, "2 seeds").in_brackets
        '(0.35 apart, 0.34 needed)'
        """
        if math.isnan(self.needed):
            return f"({abs(self.ahead):.2g} apart, too few seeds)"
        return f"({abs(self.ahead):.2g} apart, {self.needed:.2g} needed)"

    @property
    def evidence(self) -> str:
        """The numbers behind the verdict, without a full stop.

        >>> Difference(-0.012, 0.031, "3 seeds and 41 examples").evidence
        '0.012 apart, where 0.031 would be needed at 5% with 3 seeds and 41 examples'
        """
        gap = f"{abs(self.ahead):.2g}"
        if math.isnan(self.needed):
            return f"{gap} apart; {self.basis} says nothing about chance, train more seeds"
        if self.is_clear:
            return f"{gap} apart, more than the {self.needed:.2g} needed at 5% with {self.basis}"
        return f"{gap} apart, where {self.needed:.2g} would be needed at 5% with {self.basis}"


def difference(first: Scored, second: Scored, metric: Metric, examples: int) -> Difference:
    """Compare two contenders on one split by the test of this module.

    Args:
        first, second: their scores; each has at least one.
        metric: whose direction says what is better.
        examples: number of examples in the split; 0 where it is not known.
    """
    ahead = first.mean - second.mean
    if metric.direction == "minimize":
        ahead = -ahead
    seeded = [scored for scored in (first, second) if scored.has_seeds]
    basis = _basis(seeded, examples, first, second)
    parts = []  # (variance, degrees of freedom)
    if seeded:
        freedom = sum(len(scored.scores) - 1 for scored in seeded)
        if freedom == 0:
            return Difference(ahead, math.nan, basis)
        squares = sum(
            (len(scored.scores) - 1) * statistics.variance(scored.scores)
            for scored in seeded
            if len(scored.scores) > 1
        )
        means = sum(1 / len(scored.scores) for scored in seeded)
        parts.append((squares / freedom * means, freedom))
    for scored in (first, second):
        if scored.example_error is not None:
            parts.append((scored.example_error**2, max(1, examples - 1)))
    return Difference(ahead, _needed(parts), basis)


def _needed(parts: Sequence[tuple[float, int]]) -> float:
    """Return the smallest clear difference (Welch and Satterthwaite's degrees of freedom)."""
    from scipy.stats import t

    variance = sum(part for part, _ in parts)
    if variance == 0:
        return 0.0
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    return float(t.ppf(1 - LEVEL / 2, freedom)) * math.sqrt(variance)


def _basis(seeded: Sequence[Scored], examples: int, first: Scored, second: Scored) -> str:
    """Return what a difference rests on, in words."""
    words = []
    counts = sorted({len(scored.scores) for scored in seeded})
    if len(counts) == 1:
        words.append(counted(counts[0], "seed"))
    elif counts:
        words.append(f"{counts[0]} and {counts[1]} seeds")
    known = first.example_error is not None or second.example_error is not None
    if examples and known:
        words.append(counted(examples, "example"))
    return " and ".join(words) or "one score each"
