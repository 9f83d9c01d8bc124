"""scikit-learn's own checks of estimators: all of them (slow), and those that need no training."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import BaseEstimator
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

import tcn_search as ts
from tests.estimators.small_estimators import small

ESTIMATORS = (ts.TCNClassifier, ts.TCNRegressor)
# Checks that do not apply, and why; docs/estimators.md has the same list.
DO_NOT_APPLY = {
    "check_methods_subset_invariance": "Predictions are float32. Their last digit depends on how "
    "many sequences are predicted together; the check allows a difference of 1e-7."
}
WITHOUT_TRAINING = (
    "check_complex_data",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_tags_renamed",
    "check_estimators_empty_data_messages",
    "check_estimators_unfitted",
    "check_fit1d",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_requires_y_none",
    "check_set_params",
    "check_valid_tag_types",
)


@pytest.fixture(autouse=True)
def _empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No check may leave a file behind."""
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.iterdir())


def _name_of(check: Any) -> str:
    while isinstance(check, partial):
        check = check.func
    return str(check.__name__)


@pytest.mark.slow
@parametrize_with_checks(
    [small(kind) for kind in ESTIMATORS], expected_failed_checks=lambda estimator: DO_NOT_APPLY
)
@pytest.mark.filterwarnings("ignore")
def test_check(estimator: BaseEstimator, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.filterwarnings("ignore")
def test_checks_that_need_no_training(kind: type[ts.TCNClassifier]) -> None:
    checks = {
        _name_of(check): check for _, check in estimator_checks_generator(small(kind), mark=None)
    }
    for name in WITHOUT_TRAINING:
        checks[name](small(kind))
