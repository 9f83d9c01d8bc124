"""Optuna's contract tests of a sampler, run on our CMA-ES.

All of Optuna's suites but one apply, and all of their tests hold. `MultiObjectiveSamplerTestCase`
does not apply: CMA-ES takes one objective, which `SingleOnlySamplerTestCase` checks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import optuna
import pytest
from optuna.testing.pytest_samplers import (
    BasicSamplerTestCase,
    RelativeSamplerTestCase,
    SingleOnlySamplerTestCase,
)

from tcn_search.search.samplers import make_sampler

pytest.importorskip("cmaes")


class TestCmaEs(BasicSamplerTestCase, RelativeSamplerTestCase, SingleOnlySamplerTestCase):
    @pytest.fixture(autouse=True)
    def _quiet(self) -> Iterator[None]:
        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():  # making the sampler adds a filter
            yield
        optuna.logging.set_verbosity(verbosity)

    @pytest.fixture
    def sampler(self) -> Callable[[], optuna.samplers.BaseSampler]:
        return lambda: make_sampler("cmaes", seed=1)
