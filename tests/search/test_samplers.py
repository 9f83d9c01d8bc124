"""Samplers and pruners by name: each runs a study, and bad ones are errors of one line."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import optuna
import pytest

from tcn_search import (
    Constraints,
    Range,
    SearchSettings,
    SearchSpace,
    Study,
    Task,
    TrainingSettings,
)
from tcn_search.errors import InputError
from tcn_search.search import suggestions
from tcn_search.search.cma_es import CmaEs
from tcn_search.search.pruners import PRUNERS, make_pruner
from tcn_search.search.samplers import SAMPLERS, is_dynamic, make_sampler
from tcn_search.search.suggestions import REJECTED_OF_A_SAMPLER
from tests.conftest import waves
from tests.study.synthetic import Synthetic, epochs_of_pruning

TASK = Task.from_arrays(*waves(24))
SPACE = SearchSpace(nb_filters=[4, 8], kernel_size=Range(2, 4), levels=Range(1, 5), norm="none")
WITHIN_A_FOLD = sorted(set(PRUNERS) - {"wilcoxon"})  # the other one is tested in test_folds.py
NEEDS = {"gp": "torch", "cmaes": "cmaes"}


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(trials: int = 11, epochs: int = 1, **search: Any) -> Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = Study(
        "waves", TASK, SPACE, None, TrainingSettings(epochs=epochs), SearchSettings(**search)
    )
    study.run(trials, executor=Synthetic(), on_progress=lambda progress: None)
    return study


@pytest.mark.parametrize(
    "sampler", [*sorted(set(SAMPLERS) - {"grid"}), "optuna.samplers.QMCSampler"]
)
def test_every_sampler_runs_a_study(sampler: str) -> None:
    pytest.importorskip(NEEDS.get(sampler, "optuna"))
    study = run(sampler=sampler, pruner="none")
    frame = study.trials()
    assert study.finished == 11 == len(frame)
    of_one_step = frame[frame["readout"] == "last"]
    assert (of_one_step["receptive_field"] >= 16).all()
    assert (frame["output_receptive_field"] >= 16).all()


class Stubborn(optuna.samplers.BaseSampler):
    """A sampler that always proposes the largest value of everything, or that lacks a package."""

    missing = False

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return {}

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Any, trial: Any, param_name: str, param_distribution: Any
    ) -> Any:
        if self.missing:
            raise ModuleNotFoundError("No module named 'qmc'")
        if isinstance(param_distribution, optuna.distributions.CategoricalDistribution):
            return param_distribution.choices[-1]
        return param_distribution.high


def test_a_study_goes_on_with_a_sampler_that_proposes_nothing_feasible() -> None:
    space = SearchSpace(**{**SPACE.to_dict(), "nb_filters": [4, 8, 512]})
    search = SearchSettings(sampler=f"{__name__}.Stubborn", pruner="none", warm_start=False)
    study = Study(
        "waves", TASK, space, Constraints(max_params=5_000), TrainingSettings(epochs=1), search
    )
    study.run(3, executor=Synthetic(), on_progress=lambda progress: None)
    ended = list(study.trials()["ended"])
    assert ended[:REJECTED_OF_A_SAMPLER] == ["infeasible"] * REJECTED_OF_A_SAMPLER
    assert ended.count("complete") == 3
    assert ended.count("infeasible") < 4 * REJECTED_OF_A_SAMPLER


@pytest.mark.parametrize("sampler", ["gp", pytest.param("cmaes", marks=pytest.mark.slow)])
def test_samplers_that_learn_nothing_from_infeasible_trials_go_on(sampler: str) -> None:
    """More filters are better here, and most of them are too many."""
    pytest.importorskip(NEEDS[sampler])
    space = SearchSpace(**{**SPACE.to_dict(), "nb_filters": Range(4, 64)})
    search = SearchSettings(sampler=sampler, pruner="none")
    study = Study(
        "waves", TASK, space, Constraints(max_params=1_500), TrainingSettings(epochs=1), search
    )
    study.run(15, executor=Synthetic(), on_progress=lambda progress: None)
    ended = list(study.trials()["ended"])
    assert ended.count("complete") == 15
    assert ended.count("infeasible") > 0


def test_the_timeout_holds_among_infeasible_proposals_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "REJECTED_OF_A_SAMPLER", 10**9)
    space = SearchSpace(**{**SPACE.to_dict(), "nb_filters": [4, 512]})
    search = SearchSettings(sampler=f"{__name__}.Stubborn", warm_start=False)
    study = Study(
        "waves", TASK, space, Constraints(max_params=5_000), TrainingSettings(epochs=1), search
    )
    study.run(3, executor=Synthetic(), on_progress=lambda progress: None, timeout=0.2)
    assert study.ended_early == "the time is over"
    assert study.finished == 0


def test_a_package_that_a_sampler_imports_late_is_named_if_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Stubborn, "missing", True)
    with pytest.raises(
        InputError, match=r"Stubborn' needs a package that is missing: No module named 'qmc'"
    ):
        run(sampler=f"{__name__}.Stubborn", warm_start=False)


@pytest.mark.parametrize("pruner", WITHIN_A_FOLD)
def test_every_pruner_runs_a_study(pruner: str) -> None:
    study = run(9, epochs=5, sampler="random", pruner=pruner)
    pruned = (study.trials()["ended"] == "pruned").sum()
    assert (pruned == 0) == (pruner == "none")


@pytest.mark.parametrize("pruner", WITHIN_A_FOLD)
def test_nothing_is_pruned_after_its_last_epoch(pruner: str) -> None:
    assert set(run(12, epochs=1, sampler="random", pruner=pruner).trials()["ended"]) == {"complete"}


@pytest.mark.parametrize(
    ("epochs", "rungs"),
    [
        (2, {1}),
        (4, {2}),
        (5, {2}),
        (10, {3}),
        (20, {5, 10}),
        (30, {7, 14}),
        (60, {15, 30}),
        (150, {37, 74}),
    ],
)
def test_asha_prunes_at_a_quarter_and_at_half_of_the_epochs(epochs: int, rungs: set[int]) -> None:
    assert epochs_of_pruning(make_pruner("asha", epochs), range(1, epochs + 1)) == rungs


def test_asha_prunes_none_of_the_first_three_trials_at_a_rung() -> None:
    study = optuna.create_study(pruner=make_pruner("asha", 20))
    ends = []
    for value in (0.1, 0.2, 0.3, 0.15, 0.2):
        trial = study.ask()
        for epoch in range(1, 21):
            trial.report(value, epoch)
            if trial.should_prune():
                break
        study.tell(trial, value)
        ends.append(epoch)
    assert ends == [20, 20, 20, 20, 5]  # of 0.1, 0.15, 0.2, 0.2 and 0.3, two continue


def test_hyperband_gets_its_resources_explicitly() -> None:
    hyperband = make_pruner("hyperband", 20)
    assert (hyperband._min_resource, hyperband._max_resource) == (5, 20)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("sampler", "package"), NEEDS.items())
def test_a_missing_package_names_its_extra(
    sampler: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == package else find(name, *rest),
    )
    with pytest.raises(InputError) as error:
        run(sampler=sampler)
    assert (
        str(error.value)
        == f"sampler \"{sampler}\" needs {package}: pip install 'tcn-search[{sampler}]'"
    )


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"sampler": "optuna.samplers.Nothing"}, "sampler must be the path of a class derived from optuna.samplers.BaseSampler. Received: 'optuna.samplers.Nothing'"),
        ({"sampler": "pathlib.Path"}, "sampler must be the path of a class derived from optuna.samplers.BaseSampler. Received: 'pathlib.Path'"),
        ({"sampler": "no_such_module.Sampler"}, "sampler 'no_such_module.Sampler' cannot be imported: No module named 'no_such_module'"),
        ({"sampler": "optuna.samplers.PartialFixedSampler"}, "sampler 'optuna.samplers.PartialFixedSampler' cannot be made with a seed alone: "),
        ({"sampler": "cmaes", "objectives": ["val_loss", "params"]}, 'sampler "cmaes" takes one objective. Received: 2'),
        ({"sampler": "optuna.samplers.CmaEsSampler", "objectives": ["val_loss", "params"]}, 'sampler "optuna.samplers.CmaEsSampler" takes one objective. Received: 2'),
        ({"sampler": "optuna.samplers._cmaes.CmaEsSampler"}, 'sampler \'optuna.samplers._cmaes.CmaEsSampler\' would unpickle what is in the storage. Use "cmaes".'),
        ({"sampler": "optuna.samplers.BruteForceSampler"}, 'sampler \'optuna.samplers.BruteForceSampler\' cannot run a study. Use "grid": every feasible point once.'),
        ({"pruner": "halving"}, "pruner must be one of 'asha', 'hyperband', 'median', 'wilcoxon', 'none'. Received: 'halving'"),
        ({"objectives": ["params"]}, "The first objective must be a validation number, because it ranks the trials: one of val_loss, val_accuracy"),
        ({"objectives": ["val_loss", "val_loss"]}, "objectives must not name one twice. Received: ['val_loss', 'val_loss']"),
        ({"objectives": []}, "objectives must be at least one name. Received: []"),
    ],
)  # fmt: skip
def test_bad_search_settings_are_refused(search: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        run(**search)
    assert str(error.value).startswith(message)
    assert not Path("runs").exists()


def test_the_path_of_a_sampler_with_a_name_gives_the_named_sampler() -> None:
    assert isinstance(make_sampler("optuna.samplers.CmaEsSampler", 0), CmaEs)
    assert not is_dynamic("optuna.samplers.GPSampler")


def test_a_sampler_that_takes_a_seed_gets_it() -> None:
    for name in ("optuna.samplers.QMCSampler", "random"):
        values = [
            optuna.create_study(sampler=make_sampler(name, seed)).ask().suggest_float("x", 0, 1)
            for seed in (3, 3)
        ]
        assert values[0] == values[1]
