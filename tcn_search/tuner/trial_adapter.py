"""Present KerasTuner's hyperparameters as an Optuna trial, so that a space can sample them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras_tuner

HYPERBAND_EPOCHS = "tuner/epochs"  # what KerasTuner's Hyperband adds to the values of a trial


class HyperParametersAsTrial:
    """The `suggest_*` methods of an Optuna trial on KerasTuner's hyperparameters.

    There is one hyperparameter for each dimension, without conditional scopes. The ranges must be
    the same in every trial, because KerasTuner keeps the first range that it sees.

    At the upper end of a logarithmic range KerasTuner's values may lie beyond the end, by rounding
    or, for integers, by one: such a value becomes the end.
    """

    def __init__(self, hp: keras_tuner.HyperParameters) -> None:
        self.hp = hp

    def suggest_int(self, name: str, low: int, high: int, step: int = 1, log: bool = False) -> int:
        """Return an integer from low to high; one that is fixed is no hyperparameter."""
        if low == high:
            return low
        value = self.hp.Int(name, low, high, **_spacing(step, log))
        return min(int(value), high)

    def suggest_float(
        self, name: str, low: float, high: float, step: float | None = None, log: bool = False
    ) -> float:
        """Return a number from low to high; one that is fixed is no hyperparameter."""
        if low == high:
            return float(low)
        value = self.hp.Float(name, float(low), float(high), **_spacing(step, log))
        return min(max(float(value), low), high)

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return one of the choices.

        Choices that are all int, all float or all text are given to KerasTuner as they are, others
        by their text, because KerasTuner turns True into 1.
        """
        types = {type(choice) for choice in choices}
        if types in ({int}, {float}, {str}):
            return self.hp.Choice(name, list(choices))
        by_text = {str(choice): choice for choice in choices}
        return by_text[self.hp.Choice(name, list(by_text))]


def _spacing(step: float | None, log: bool) -> dict[str, Any]:
    """Return KerasTuner's arguments for a range with a step, or on a logarithm."""
    if log:
        return {"sampling": "log"}
    return {"step": step}
