"""tcn_search: hyperparameter search and receptive-field planning for temporal convolutional networks.

`import tcn_search as ts` costs almost nothing: what needs a tensor library, Optuna, pandas or matplotlib is
imported when its name is first used. Touching `ts.TCN` registers the layer with Keras.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "Architecture": "planning.architecture",
    "Constraints": "space.constraints",
    "Range": "space.dimensions",
    "SearchSettings": "search.search_settings",
    "SearchSpace": "space.search_space",
    "Study": "study.study",
    "TCN": "layers.tcn",
    "TCNHyperModel": "tuner.hypermodel",
    "Task": "tasks.task",
    "TrainingSettings": "settings",
    "build_model": "models.build",
    "check": "planning.check",
    "compiled_tcn": "models.compiled_tcn",
    "coverage_lags": "planning.figure_data",
    "delete_study": "storage.studies",
    "effective_receptive_field": "models.gradients",
    "list_studies": "storage.studies",
    "load_model": "models.build",
    "load_study": "study.study",
    "load_task": "tasks.registry",
    "path_shares": "planning.figure_data",
    "plan": "report.plan_frame",
    "plot_comparison": "plots.comparison",
    "plot_coverage": "plots.coverage",
    "plot_effective_receptive_field": "plots.effective_receptive_field",
    "plot_history": "plots.history",
    "plot_learning_curves": "plots.learning_curves",
    "plot_pareto": "plots.pareto",
    "plot_plan_frontier": "plots.plan_frontier",
    "plot_receptive_field_score": "plots.receptive_field_score",
    "plot_receptive_field_tree": "plots.receptive_field_tree",
    "predict": "models.predict",
    "receptive_field": "planning.receptive_field",
    "receptive_field_rows": "planning.figure_data",
    "study_figures": "report.figures",
    "tcn_body": "models.build",
    "tcn_full_summary": "models.compiled_tcn",
    "write_report": "report.write",
}

__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'tcn_search' has no attribute {name!r}")
    value = getattr(import_module(f"tcn_search.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
