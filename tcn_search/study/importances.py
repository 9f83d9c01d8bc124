"""How much each hyperparameter decides whether a trial is among the best."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import optuna
import pandas as pd

from tcn_search.search.trial_record import TrialRecord

FEWEST_TRIALS = 10  # complete; with fewer, the best are too few to tell them from the others
_FEWEST_BEST = 5
_BEST_SHARE = 0.1


def importances_frame(
    study: optuna.Study, records: Sequence[TrialRecord], direction: str
) -> pd.DataFrame:
    """Return the importance of each hyperparameter that was varied, the largest first.

    It is Optuna's conditional PED-ANOVA of the first objective: how differently a hyperparameter is
    distributed among the best tenth of the complete trials (at least five) and among all of them.
    Sources: Watanabe et al. 2023 (PED-ANOVA), and for hyperparameters that not every trial has,
    conditional PED-ANOVA (arXiv 2601.20800).

    Args:
        study: its trials are read, if there are enough of them.
        records: of the trials.
        direction: of the first objective, "minimize" or "maximize".

    Returns:
        Columns name and importance (shares of 1); no row with fewer than 10 complete trials.
    """
    complete = [record for record in records if record.values is not None]
    names = _varied(complete)
    if len(complete) < FEWEST_TRIALS or not names:
        return pd.DataFrame({"name": [], "importance": []}).astype({"importance": float})
    # It imports scikit-learn and SciPy, which takes as long as the rest of a command.
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    sign = -1 if direction == "maximize" else 1
    share = max(_BEST_SHARE, min(0.5, _FEWEST_BEST / len(complete)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that low values of the target are good, as they are
        values = get_param_importances(
            study,
            evaluator=PedAnovaImportanceEvaluator(target_quantile=share),
            params=names,
            target=lambda trial: sign * trial.values[0],
            normalize=False,
        )
    total = sum(values.values()) or 1.0
    frame = pd.DataFrame(
        {"name": list(values), "importance": [value / total for value in values.values()]}
    )
    return frame.sort_values("importance", ascending=False, kind="stable", ignore_index=True)


def _varied(trials: Sequence[TrialRecord]) -> list[str]:
    """Return the hyperparameters that took more than one value, in alphabetical order."""
    values: dict[str, set[str]] = {}
    for trial in trials:
        for name, value in trial.suggested.items():
            values.setdefault(name, set()).add(str(value))
    return sorted(name for name, seen in values.items() if len(seen) > 1)
