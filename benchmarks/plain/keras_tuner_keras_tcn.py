"""Run KerasTuner around keras-tcn on given configurations. Called by benchmarks/search.py.

Prints one JSON object per trial: the seconds since the start and the validation loss of its best
epoch.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import keras_tuner
import numpy as np
from keras_tcn_model import fit_arguments, keras_tcn_model


class GivenOracle(keras_tuner.Oracle):
    """Proposes the given configurations, in order."""

    def __init__(self, given: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(objective="val_loss", max_trials=len(given), **options)
        self._given = list(given)

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self._given:
            return {"status": keras_tuner.engine.trial.TrialStatus.STOPPED, "values": None}
        return {
            "status": keras_tuner.engine.trial.TrialStatus.RUNNING,
            "values": self._given.pop(0),
        }


class Printing(keras.callbacks.Callback):
    """Prints the best validation loss of each training."""

    def __init__(self, started: float) -> None:
        super().__init__()
        self.started = started

    def on_train_begin(self, logs: Any = None) -> None:
        self.best = float("inf")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.best = min(self.best, logs["val_loss"])

    def on_train_end(self, logs: Any = None) -> None:
        print(json.dumps({"seconds": time.time() - self.started, "score": self.best}), flush=True)


def main(file: str) -> None:
    with open(file) as opened:
        asked = json.load(opened)
    data, space = np.load(asked["data"]), asked["space"]

    def build(hp: keras_tuner.HyperParameters) -> keras.Model:
        parameters = {
            "nb_filters": hp.Choice("nb_filters", space["nb_filters"]),
            "kernel_size": hp.Int("kernel_size", *space["kernel_size"]),
            "levels": hp.Int("levels", *space["levels"]),
            "nb_stacks": hp.Choice("nb_stacks", space["nb_stacks"]),
            "norm": hp.Choice("norm", space["norm"]),
            "use_skip_connections": hp.Boolean("use_skip_connections"),
            "dropout_rate": hp.Float("dropout_rate", *space["dropout_rate"]),
            "learning_rate": hp.Float("learning_rate", *space["learning_rate"], sampling="log"),
        }
        return keras_tcn_model(parameters, data["X_train"].shape[1:], asked["outputs"])

    with tempfile.TemporaryDirectory() as folder:
        oracle = GivenOracle(asked["given"], seed=asked["seed"])
        tuner = keras_tuner.Tuner(oracle=oracle, hypermodel=build, directory=folder)
        tuner.search(**fit_arguments(asked, data), callbacks=[Printing(asked["started"])])


if __name__ == "__main__":
    main(sys.argv[1])
