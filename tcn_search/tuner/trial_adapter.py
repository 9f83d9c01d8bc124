"""KerasTuner's hyperparameters, asked as an Optuna trial is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras_tuner

HYPERBAND_EPOCHS = "tuner/epochs"  # what KerasTuner's Hyperband adds to the values of a trial


class Asking:
    """Stands in for an Optuna trial: one hyperparameter a dimension, without conditional scopes.

    The ranges must be the same in every trial, because KerasTuner keeps the first that it sees. Its values at the upper
    end of a range on a logarithm may lie beyond it, by rounding or, of integers, by one: such a value is that end.
    """

    def __init__(self, hp: keras_tuner.HyperParameters) -> None:
        self.hp = hp

    def suggest_int(self, name: str, low: int, high: int, step: int = 1, log: bool = False) -> int:
        if low == high:
            return low
        given: dict[str, Any] = {"sampling": "log"} if log else {"step": step}
        return min(int(self.hp.Int(name, low, high, **given)), high)

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None = None, log: bool = False
    ) -> float:
        if low == high:
            return float(low)
        given: dict[str, Any] = {"sampling": "log"} if log else {"step": step}
        return min(max(float(self.hp.Float(name, float(low), float(high), **given)), low), high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Numbers of one type and text as they are; anything else by its text, as KerasTuner makes True a 1."""
        kinds = {type(choice) for choice in choices}
        if kinds in ({int}, {float}, {str}):
            return self.hp.Choice(name, list(choices))
        by_text = {str(choice): choice for choice in choices}
        return by_text[self.hp.Choice(name, list(by_text))]
