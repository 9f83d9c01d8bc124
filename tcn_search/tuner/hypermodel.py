"""A KerasTuner hypermodel of TCNs: the space, the feasibility rule and the model of a study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import keras
import keras_tuner

from tcn_search.errors import InputError
from tcn_search.models.build import build_model
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.search_settings import SearchSettings
from tcn_search.settings import TrainingSettings
from tcn_search.space.constraints import Constraints
from tcn_search.space.search_space import SearchSpace, TaskSpace
from tcn_search.tasks.class_weights import sample_weights
from tcn_search.tasks.task import Task
from tcn_search.trainers.schedules import schedule_callbacks
from tcn_search.tuner.repair import nearest_feasible
from tcn_search.tuner.trial_adapter import HYPERBAND_EPOCHS, HyperParametersAsTrial


class TCNHyperModel(keras_tuner.HyperModel):
    """A KerasTuner hypermodel whose every configuration is feasible.

    Whatever values a tuner chooses, the default values included, stand for a feasible architecture:
    the hyperparameter of the levels counts those beyond the fewest that are feasible,
    and an architecture that breaks another limit is replaced by the nearest one that does not. So
    no configuration is rejected, and none can end a search.

    Args:
        task: with its data; `fit` trains on its training split and judges by its validation split.
        space, constraints, training: as for a `Study`, with the same defaults. With `patience` a
            training stops when the validation loss has not fallen for so many epochs. `weights`
            must be "best": KerasTuner keeps the weights of the best epoch.

    Raises:
        InputError: no architecture of the space is feasible; says what would help. Or `training`
            keeps other weights than the best.

    Example:
        hypermodel = ts.TCNHyperModel(task)
        tuner = keras_tuner.RandomSearch(hypermodel, objective="val_loss", max_trials=20)
        tuner.search()
    """

    def __init__(
        self,
        task: Task,
        space: SearchSpace | None = None,
        constraints: Constraints | None = None,
        training: TrainingSettings | None = None,
    ) -> None:
        super().__init__(name="tcn")
        definition = Definition.of(task, space, constraints, training, SearchSettings())
        if definition.training.weights != "best":
            raise InputError(
                'weights must be "best" for a hypermodel, because KerasTuner keeps the weights of '
                f"the best epoch. Received: {definition.training.weights!r}"
            )
        self.data = task.training
        self.training = definition.training
        # Fixed ranges folded onto the feasible geometries, with receptive_field="prune" too.
        self.space: TaskSpace = replace(definition.task_space(), narrow=True, static=True)

    def configuration(
        self, hp: keras_tuner.HyperParameters
    ) -> tuple[Architecture, TrainingSettings]:
        """Return the architecture and training settings that the hyperparameters stand for.

        Args:
            hp: for example `tuner.get_best_hyperparameters()[0]`.
        """
        proposed, settings = self.space.suggest(HyperParametersAsTrial(hp))
        architecture = nearest_feasible(self.space, proposed)
        epochs = hp.values.get(HYPERBAND_EPOCHS, self.training.epochs)
        return architecture, replace(self.training, **settings, epochs=epochs)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Return a compiled model."""
        architecture, settings = self.configuration(hp)
        return build_model(architecture, self.data, settings)

    def fit(
        self, hp: keras_tuner.HyperParameters, model: keras.Model, *args: Any, **kwargs: Any
    ) -> Any:
        """Train on the task's training split.

        Data and settings that were given to `tuner.search` take the place of the task's.
        """
        _, settings = self.configuration(hp)
        kwargs = {
            "batch_size": settings.batch_size,
            "epochs": settings.epochs,
            "verbose": 0,
            **kwargs,
        }
        if not args and "x" not in kwargs:
            args = (self.data.train.X, self.data.train.y)
            kwargs.setdefault("sample_weight", sample_weights(self.data))
            kwargs.setdefault("validation_data", (self.data.validation.X, self.data.validation.y))
        callbacks = list(kwargs.pop("callbacks", None) or [])
        callbacks += schedule_callbacks(settings)
        if settings.patience:
            callbacks.append(keras.callbacks.EarlyStopping("val_loss", patience=settings.patience))
        return model.fit(*args, callbacks=callbacks, **kwargs)
