"""Settings of a search: objectives, sampler, pruner, seed, warm start and folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from tcn_search.arguments import as_integer, is_number, one_of, positive_integer, received
from tcn_search.errors import InputError
from tcn_search.search.objectives import check_names
from tcn_search.search.pruners import FOLDS_TO_COMPARE, PRUNERS
from tcn_search.search.samplers import KERAS_TUNER, check_sampler

MOST_SEQUENCES = 12_000  # of a trial, where no fraction is given


@dataclass(frozen=True)
class SearchSettings:
    """Settings of a study's search.

    Args:
        objectives: by which trials are judged. The first is the validation number that is a trial's
            score, such as "val_loss" or "val_accuracy"; several make a Pareto front, such as
            ("val_loss", "params").
        sampler: "tpe", "gp", "cmaes", "random", "grid", or a dotted path such as
            "optuna.samplers.QMCSampler". "keras-tuner:random", "keras-tuner:bayesian" and
            "keras-tuner:hyperband" let KerasTuner search.
        pruner: "asha" (successive halving between epochs; with 3 or more folds also "wilcoxon"),
            "hyperband", "median", "wilcoxon" (a paired test between folds; needs 3 folds) or
            "none". With several objectives, and with KerasTuner, no trial is pruned while it is
            trained.
        seed: of the sampler, and of every trial's weights and shuffling (seed + trial number).
        final_epochs: epochs of the final trainings, the same as `FinalSettings.epochs`.
        warm_start: whether to try known configurations first; see `search.known_configurations`.
        folds: trainings of a trial, each with another fold held out; the score is their mean. With
            1 fold a trial is judged by the task's validation split.
        fraction: share of the training sequences that trials are trained on, 0 < fraction ≤ 1;
            final trainings have all. None: all up to 12,000 sequences, then the share that leaves
            about as many. A study's definition has the number.

    Raises:
        InputError: names the setting, the rule and the value received.
    """

    objectives: tuple[str, ...] = ("val_loss",)
    sampler: str = "tpe"
    pruner: str = "asha"
    seed: int = 0
    final_epochs: int | None = None
    warm_start: bool = True
    folds: int = 1
    fraction: float | None = None

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
            final_epochs = positive_integer("final_epochs", self.final_epochs)
            object.__setattr__(self, "final_epochs", final_epochs)
        if not isinstance(self.warm_start, bool):
            raise InputError(
                f"warm_start must be true or false. Received: {received(self.warm_start)}"
            )
        object.__setattr__(self, "folds", positive_integer("folds", self.folds))
        if self.pruner == "wilcoxon" and self.folds < FOLDS_TO_COMPARE:
            raise InputError(
                f'pruner "wilcoxon" compares trials fold by fold and needs at least '
                f"{FOLDS_TO_COMPARE} folds. Set folds = {FOLDS_TO_COMPARE}, or take another "
                f"pruner. Received: folds = {self.folds}"
            )
        if self.fraction is not None:
            if not (is_number(self.fraction) and 0 < self.fraction <= 1):
                raise InputError(
                    "fraction must be above 0 and at most 1, the share of the training sequences "
                    f"that trials are trained on. Received: {received(self.fraction)}"
                )
            object.__setattr__(self, "fraction", float(self.fraction))

    def for_sequences(self, count: int) -> SearchSettings:
        """Return the settings of a study whose training split has `count` sequences.

        >>> SearchSettings().for_sequences(54_000).fraction
        0.22
        >>> SearchSettings().for_sequences(9_000).fraction
        1.0
        """
        if self.fraction is not None:
            return self
        share = min(1.0, MOST_SEQUENCES / max(1, count))
        return replace(self, fraction=float(f"{share:.2g}"))

    def sequences_of_a_trial(self, count: int) -> int:
        """Return about how many of `count` training sequences a trial is trained on."""
        fraction = self.for_sequences(count).fraction
        assert fraction is not None
        return max(1, round(fraction * count))

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
        """The pruner, or "none" with KerasTuner, which learns from whole trials only."""
        if self.is_keras_tuner:
            return "none"
        return self.pruner

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, as JSON knows them."""
        return {**asdict(self), "objectives": list(self.objectives)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SearchSettings:
        """Read what `to_dict` returned.

        An early version stored one `objective` in place of a list, and no `warm_start`; trials of a
        study without a `fraction` were trained on all training sequences.
        """
        values = dict(values)
        if "objective" in values:
            values["objectives"] = [values.pop("objective")]
        values.setdefault("warm_start", False)
        values.setdefault("fraction", 1.0)
        return cls(**values)
