"""Search hyperparameters of temporal convolutional networks and plan their receptive fields.

`import tcn_search as ts` costs almost nothing: a public name imports its module, and with it a
tensor library, Optuna, pandas or matplotlib, when it is first used. Only where Keras has been
imported before, its layers are registered with Keras at once, so that `keras.models.load_model`
loads a saved model; `import tcn_search.layers` registers them in any case.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import TYPE_CHECKING

# tqdm, which Optuna imports, warns so in notebooks without ipywidgets; no bar of it is shown.
warnings.filterwarnings("ignore", message="IProgress not found")

if TYPE_CHECKING:
    # For type checkers and editors; the same names and modules as in `_HOMES`, as a test checks.
    from tcn_search import plots as plots
    from tcn_search.estimators.classifier import TCNClassifier as TCNClassifier
    from tcn_search.estimators.forecaster import TCNForecaster as TCNForecaster
    from tcn_search.estimators.next_steps import predict_next as predict_next
    from tcn_search.estimators.regressor import TCNRegressor as TCNRegressor
    from tcn_search.evaluation.evaluate import evaluate as evaluate
    from tcn_search.evaluation.forecast_metrics import forecast_metrics as forecast_metrics
    from tcn_search.layers.tcn import TCN as TCN
    from tcn_search.models.attribution import attribution_frame as attribution_frame
    from tcn_search.models.attribution import class_activation_map as class_activation_map
    from tcn_search.models.attribution import input_attributions as input_attributions
    from tcn_search.models.build import build_model as build_model
    from tcn_search.models.build import load_model as load_model
    from tcn_search.models.build import tcn_body as tcn_body
    from tcn_search.models.compiled_tcn import compiled_tcn as compiled_tcn
    from tcn_search.models.compiled_tcn import tcn_full_summary as tcn_full_summary
    from tcn_search.models.export import export_model as export_model
    from tcn_search.models.gradients import effective_receptive_field as effective_receptive_field
    from tcn_search.models.predict import predict as predict
    from tcn_search.planning.architecture import Architecture as Architecture
    from tcn_search.planning.check import check as check
    from tcn_search.planning.figure_data import coverage_lags as coverage_lags
    from tcn_search.planning.figure_data import path_shares as path_shares
    from tcn_search.planning.figure_data import receptive_field_rows as receptive_field_rows
    from tcn_search.planning.receptive_field import receptive_field as receptive_field
    from tcn_search.plots.comparison import plot_comparison as plot_comparison
    from tcn_search.plots.coverage import plot_coverage as plot_coverage
    from tcn_search.plots.effective_receptive_field import (
        plot_effective_receptive_field as plot_effective_receptive_field,
    )
    from tcn_search.plots.forecasts import plot_error_by_step as plot_error_by_step
    from tcn_search.plots.forecasts import plot_forecasts as plot_forecasts
    from tcn_search.plots.forecasts import plot_residuals as plot_residuals
    from tcn_search.plots.history import plot_history as plot_history
    from tcn_search.plots.learning_curves import plot_learning_curves as plot_learning_curves
    from tcn_search.plots.pareto import plot_pareto as plot_pareto
    from tcn_search.plots.plan_frontier import plot_plan_frontier as plot_plan_frontier
    from tcn_search.plots.receptive_field_score import (
        plot_receptive_field_score as plot_receptive_field_score,
    )
    from tcn_search.plots.receptive_field_tree import (
        plot_receptive_field_tree as plot_receptive_field_tree,
    )
    from tcn_search.report.figures import study_figures as study_figures
    from tcn_search.report.plan_frame import plan as plan
    from tcn_search.report.write import write_report as write_report
    from tcn_search.search.callbacks import TrialCallback as TrialCallback
    from tcn_search.search.callbacks import TrialProgress as TrialProgress
    from tcn_search.search.final_settings import FinalSettings as FinalSettings
    from tcn_search.search.search_settings import SearchSettings as SearchSettings
    from tcn_search.settings import TrainingSettings as TrainingSettings
    from tcn_search.space.constraints import Constraints as Constraints
    from tcn_search.space.dimensions import Range as Range
    from tcn_search.space.search_space import SearchSpace as SearchSpace
    from tcn_search.storage.studies import delete_study as delete_study
    from tcn_search.storage.studies import list_studies as list_studies
    from tcn_search.study.open_study import create_study as create_study
    from tcn_search.study.open_study import load_study as load_study
    from tcn_search.study.study import Study as Study
    from tcn_search.tasks.builtin.forecast import forecast as forecast
    from tcn_search.tasks.registry import load_task as load_task
    from tcn_search.tasks.task import Task as Task
    from tcn_search.tuner.hypermodel import TCNHyperModel as TCNHyperModel
    from tcn_search.workers.ray_executor import RayExecutor as RayExecutor

__version__ = "0.1.0"  # the only place: pyproject.toml reads it from here

# The module below `tcn_search` that defines each public name.
_HOMES = {
    "Architecture": "planning.architecture",
    "Constraints": "space.constraints",
    "FinalSettings": "search.final_settings",
    "Range": "space.dimensions",
    "RayExecutor": "workers.ray_executor",
    "SearchSettings": "search.search_settings",
    "SearchSpace": "space.search_space",
    "Study": "study.study",
    "TCN": "layers.tcn",
    "TCNClassifier": "estimators.classifier",
    "TCNForecaster": "estimators.forecaster",
    "TCNHyperModel": "tuner.hypermodel",
    "TCNRegressor": "estimators.regressor",
    "Task": "tasks.task",
    "TrainingSettings": "settings",
    "TrialCallback": "search.callbacks",
    "TrialProgress": "search.callbacks",
    "attribution_frame": "models.attribution",
    "build_model": "models.build",
    "check": "planning.check",
    "class_activation_map": "models.attribution",
    "compiled_tcn": "models.compiled_tcn",
    "coverage_lags": "planning.figure_data",
    "create_study": "study.open_study",
    "delete_study": "storage.studies",
    "effective_receptive_field": "models.gradients",
    "evaluate": "evaluation.evaluate",
    "export_model": "models.export",
    "forecast": "tasks.builtin.forecast",
    "forecast_metrics": "evaluation.forecast_metrics",
    "input_attributions": "models.attribution",
    "list_studies": "storage.studies",
    "load_model": "models.build",
    "load_study": "study.open_study",
    "load_task": "tasks.registry",
    "path_shares": "planning.figure_data",
    "plan": "report.plan_frame",
    "plot_comparison": "plots.comparison",
    "plot_coverage": "plots.coverage",
    "plot_effective_receptive_field": "plots.effective_receptive_field",
    "plot_error_by_step": "plots.forecasts",
    "plot_forecasts": "plots.forecasts",
    "plot_history": "plots.history",
    "plot_learning_curves": "plots.learning_curves",
    "plot_pareto": "plots.pareto",
    "plot_plan_frontier": "plots.plan_frontier",
    "plot_receptive_field_score": "plots.receptive_field_score",
    "plot_receptive_field_tree": "plots.receptive_field_tree",
    "plot_residuals": "plots.forecasts",
    "predict": "models.predict",
    "predict_next": "estimators.next_steps",
    "receptive_field": "planning.receptive_field",
    "receptive_field_rows": "planning.figure_data",
    "study_figures": "report.figures",
    "tcn_body": "models.build",
    "tcn_full_summary": "models.compiled_tcn",
    "write_report": "report.write",
}

_NAMESPACES = ("plots",)  # packages whose names are public: ts.plots.history

__all__ = sorted([*_HOMES, *_NAMESPACES])

if not TYPE_CHECKING:  # else a type checker would accept every name, as `Any`

    def __getattr__(name: str) -> object:
        if name in _NAMESPACES:
            return import_module(f"tcn_search.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module 'tcn_search' has no attribute {name!r}")
        if _HOMES[name].startswith(("layers.", "models.")):
            _import_keras()
        value = getattr(import_module(f"tcn_search.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def _import_keras() -> None:
    """Import Keras without TensorFlow's lines about the machine, and start no GPU."""
    from contextlib import suppress

    from tcn_search.errors import InputError
    from tcn_search.workers.keras_import import import_keras_quietly
    from tcn_search.workers.resources import this_machine

    with suppress(InputError):  # the import of the module raises the error of Keras itself
        import_keras_quietly(make_tensor=not this_machine().gpus)


def __dir__() -> list[str]:
    return __all__


if "keras" in sys.modules:
    from tcn_search.registration import register_classes

    register_classes()
