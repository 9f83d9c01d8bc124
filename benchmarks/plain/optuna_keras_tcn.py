"""Search a TCN with an Optuna objective around keras-tcn. Called by benchmarks/search.py.

Prints one JSON object per trial: the seconds since the start and the validation loss of its best
epoch.
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


def suggested(trial: optuna.Trial, space: dict[str, Any]) -> dict[str, Any]:
    """Suggest the parameters of `keras_tcn_model`."""
    return {
        "nb_filters": trial.suggest_categorical("nb_filters", space["nb_filters"]),
        "kernel_size": trial.suggest_int("kernel_size", *space["kernel_size"]),
        "levels": trial.suggest_int("levels", *space["levels"]),
        "nb_stacks": trial.suggest_categorical("nb_stacks", space["nb_stacks"]),
        "norm": trial.suggest_categorical("norm", space["norm"]),
        "use_skip_connections": trial.suggest_categorical("use_skip_connections", [True, False]),
        "dropout_rate": trial.suggest_float("dropout_rate", *space["dropout_rate"]),
        "learning_rate": trial.suggest_float("learning_rate", *space["learning_rate"], log=True),
    }


def main(file: str) -> None:
    with open(file) as opened:
        asked = json.load(opened)
    data = np.load(asked["data"])

    def objective(trial: optuna.Trial) -> float:
        parameters = suggested(trial, asked["space"])
        if receptive_field(parameters) < data["X_train"].shape[1]:
            raise optuna.TrialPruned
        keras.backend.clear_session()
        keras.utils.set_random_seed(asked["seed"] + trial.number)
        model = keras_tcn_model(parameters, data["X_train"].shape[1:], asked["outputs"])
        history = model.fit(**fit_arguments(asked, data))
        score = min(history.history["val_loss"])
        print(json.dumps({"seconds": time.time() - asked["started"], "score": score}), flush=True)
        return score

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=asked["seed"]))
    for parameters in asked["given"]:
        study.enqueue_trial(parameters)
    while (
        sum(trial.state is optuna.trial.TrialState.COMPLETE for trial in study.trials)
        < asked["trials"]
    ):
        study.optimize(objective, n_trials=1)


if __name__ == "__main__":
    main(sys.argv[1])
