"""Search a TCN with Optuna around keras-tcn for some time, and score it on test. For the suite.

Half of the time is for the search, by the validation loss; then the best parameters are trained
over seeds until the time is over. Every network has the weights of its best epoch. Prints one JSON
object.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import optuna
from keras_tcn_model import fit_arguments, keras_tcn_model, receptive_field
from optuna_keras_tcn import suggested

SEARCH_SHARE = 0.5
MOST_SEEDS = 5


class BestEpoch(keras.callbacks.Callback):
    """Keeps the weights of the epoch with the lowest validation loss, and ends at a deadline."""

    def __init__(self, deadline: float) -> None:
        super().__init__()
        self.deadline = deadline
        self.loss = float("inf")
        self.weights: list[np.ndarray] | None = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if time.monotonic() > self.deadline:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if logs["val_loss"] < self.loss:
            self.loss = logs["val_loss"]
            self.weights = self.model.get_weights()

    def on_train_end(self, logs: Any = None) -> None:
        if self.weights is not None:
            self.model.set_weights(self.weights)


def train(
    asked: dict[str, Any], data: Any, parameters: dict[str, Any], seed: int, deadline: float
) -> tuple[keras.Model, float]:
    """Return a trained model and its lowest validation loss."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = keras_tcn_model(parameters, data["X_train"].shape[1:], asked["outputs"])
    best = BestEpoch(deadline)
    model.fit(**fit_arguments(asked, data), callbacks=[best])
    return model, best.loss


def main(file: str) -> None:
    started = time.monotonic()
    with open(file) as opened:
        asked = json.load(opened)
    data = np.load(asked["data"])
    search_ends = started + SEARCH_SHARE * asked["seconds"]

    def objective(trial: optuna.Trial) -> float:
        parameters = suggested(trial, asked["space"])
        if receptive_field(parameters) < data["X_train"].shape[1]:
            raise optuna.TrialPruned
        _, loss = train(asked, data, parameters, asked["seed"] + trial.number, search_ends)
        return loss

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=asked["seed"]))
    while time.monotonic() < search_ends:
        study.optimize(objective, n_trials=1)
    searched = time.monotonic()
    ends = started + asked["seconds"]
    probabilities = []
    longest = 0.0
    while len(probabilities) < MOST_SEEDS:
        began = time.monotonic()
        if probabilities and began + longest > ends:
            break
        model, _ = train(asked, data, study.best_params, len(probabilities), ends)
        probabilities.append(model.predict(data["X_test"], verbose=0))
        longest = max(longest, time.monotonic() - began)
    complete = [trial for trial in study.trials if trial.value is not None]
    result = {
        "seconds": {
            "search": round(searched - started, 1),
            "final_trainings": round(time.monotonic() - searched, 1),
        },
        "trials": len(complete),
        "parameters": study.best_params,
        "validation_loss": study.best_value,
        "members": [accuracy(each, data["y_test"]) for each in probabilities],
        "ensemble": accuracy(np.mean(probabilities, axis=0), data["y_test"]),
    }
    print(json.dumps(result))


def accuracy(probabilities: np.ndarray, y: np.ndarray) -> float:
    """Return the share of sequences whose likeliest class is the right one."""
    return float(np.mean(probabilities.argmax(axis=1) == y))


if __name__ == "__main__":
    main(sys.argv[1])
