"""The rule of the required context: "auto" by readout, "seq_len" and numbers for every readout."""

from __future__ import annotations

from collections import Counter
from typing import Any

import optuna
import pytest

from tcn_search import Constraints, SearchSpace, Task
from tcn_search.errors import InputError
from tcn_search.planning.architecture import Architecture
from tcn_search.search.definition import Definition
from tcn_search.search.grid import grid_points, grid_size
from tcn_search.search.known_configurations import known_configurations, middle
from tcn_search.search.search_settings import SearchSettings
from tcn_search.search.warm_start import warm_start
from tcn_search.space.constraints import broken_limits
from tcn_search.space.search_space import TaskSpace
from tests.conftest import waves

optuna.logging.set_verbosity(optuna.logging.WARNING)


def space_of(space: SearchSpace | None = None, seq_len: int = 427, **options: Any) -> TaskSpace:
    static = options.pop("static", False)
    context_of_task = options.pop("context_of_task", None)
    return (space or SearchSpace()).for_task(
        "classification",
        seq_len,
        1,
        6,
        Constraints(**options),
        context_of_task=context_of_task,
        static=static,
    )


@pytest.mark.parametrize("static", [False, True])
def test_the_default_space_has_levels_from_1_on_where_the_readout_pools(static: bool) -> None:
    space = space_of(static=static)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    levels: dict[str, Counter[int]] = {name: Counter() for name in ("last", "max", "average")}
    for _ in range(300):
        trial = study.ask()
        architecture, _ = space.suggest(trial)
        assert not broken_limits(space.violations(architecture))
        assert next(iter(trial.params)) == "readout"
        levels[architecture.readout][architecture.levels] += 1
        if architecture.readout == "last":
            assert architecture.receptive_field >= 427
    assert set(levels["max"]) == set(levels["average"]) == set(range(1, 10))
    assert min(levels["last"]) >= 5
    assert max(levels["last"].values()) < sum(levels["last"].values()) / 2  # not all the deepest


@pytest.mark.parametrize("rule", ["seq_len", 427])
def test_other_rules_bind_every_readout_and_suggest_as_before(rule: int | str) -> None:
    space = space_of(required_context=rule)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(50):
        trial = study.ask()
        architecture, _ = space.suggest(trial)
        assert architecture.receptive_field >= 427
        assert list(trial.params) == [
            "padding",
            "kernel_size",
            "nb_stacks",
            "levels",
            "nb_filters",
            "norm",
            "use_skip_connections",
            "readout",
            "dropout_rate",
            "learning_rate",
        ]


def test_the_context_of_a_task_holds_for_readouts_of_one_step() -> None:
    space = space_of(SearchSpace(padding="causal"), context_of_task=40)
    fields = {
        readout: min(
            space.geometry.span_of(point).receptive_field
            for point in space.geometry.feasible_with(readout)
        )
        for readout in ("last", "max")
    }
    assert fields["max"] == 3
    assert 40 <= fields["last"] < 60
    bound = space_of(SearchSpace(padding="causal"), context_of_task=40, required_context="seq_len")
    assert bound.limits.required_context == 427


def test_the_description_names_receptive_fields_of_step_and_output_and_the_sequence() -> None:
    space = SearchSpace(
        nb_filters=8, kernel_size=2, levels=[1, 2, 3], nb_stacks=1, padding="causal", norm="none"
    )
    # receptive fields 3, 7 and 15
    assert space_of(space, 13).describe() == (
        "readout last: 4 of 6 architectures fall short of 13 steps: never sampled\n"
        "readout max and average: the output sees all 13 steps through the pool; "
        "the receptive field of one step is searched, 3 to 15 steps"
    )
    labelling = SearchSpace(kernel_size=2, levels=[1, 4], nb_stacks=1, norm="none", nb_filters=8)
    assert labelling.for_task("labelling", 20, 1, 2).describe() == (
        "2 of 4 architectures fall short of 20 steps: never sampled"
    )


def test_pruning_judges_an_architecture_by_its_readout() -> None:
    space = space_of(SearchSpace(levels=2, kernel_size=3), receptive_field="prune")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    reasons = {}
    for _ in range(40):
        architecture, _ = space.suggest(study.ask())
        broken = broken_limits(space.violations(architecture))
        reasons[architecture.readout] = [violation.reason for violation in broken]
    assert reasons["max"] == reasons["average"] == []
    assert reasons["last"][0].endswith("(readout last, sequence length 427)")


def test_a_space_of_readouts_of_one_step_is_refused_if_none_covers() -> None:
    with pytest.raises(InputError, match="No architecture of this space covers the required con"):
        space_of(SearchSpace(levels=2, readout="last"))
    assert space_of(SearchSpace(levels=2, readout="max")).geometry.feasible


def test_too_many_parameters_are_named_without_a_context_that_nothing_covers() -> None:
    with pytest.raises(InputError, match=r"parameters: the smallest has \d+\. Allow more"):
        space_of(max_params=10)


def test_a_grid_has_the_points_of_every_readout() -> None:
    space = space_of(
        SearchSpace(
            nb_filters=4,
            kernel_size=2,
            levels=[1, 2, 3],
            nb_stacks=1,
            padding="causal",
            norm="none",
            use_skip_connections=True,
            dropout_rate=0.0,
            learning_rate=1e-3,
        ),
        seq_len=13,
    )
    assert grid_size(space) == 7
    points = [point.parameters for point in grid_points(space, seed=0)]
    assert Counter(point["readout"] for point in points) == {"last": 1, "max": 3, "average": 3}


def test_the_middle_configuration_with_a_pooled_readout_is_no_toy() -> None:
    task = Task.from_arrays(*waves(24, steps=400))
    definition = Definition.of(task, SearchSpace(readout=["average"]), search=SearchSettings())
    architecture = middle(definition.task_space(), "average", "relu")
    assert architecture.levels == 5
    assert 100 < architecture.receptive_field < 400


@pytest.mark.parametrize("readout", ["average", "max"])
def test_the_first_trial_with_a_pooled_readout_is_feasible_and_no_toy(readout: str) -> None:
    task = Task.from_arrays(*waves(24, steps=400))
    definition = Definition.of(task, SearchSpace(readout=[readout]), search=SearchSettings())
    space = definition.task_space()
    first = first_known(definition, space)
    assert first.readout == readout
    assert first.levels > 1
    assert first.receptive_field > 20
    assert not broken_limits(space.violations(first))


@pytest.mark.parametrize("stored", ["seq_len", 16])
def test_a_study_keeps_the_rule_that_it_was_made_with(stored: int | str) -> None:
    task = Task.from_arrays(*waves(24), required_context=None if stored == "seq_len" else 16)
    former = Definition.of(task, constraints=Constraints(required_context="seq_len"))
    assert former.constraints.required_context == stored
    read = Definition.from_dict(former.to_dict())
    kept = read.continued(Constraints(max_params=9_000))
    assert kept == Constraints(required_context=stored, max_params=9_000)
    assert read.continued(Constraints(required_context=9)).required_context == 9
    values = former.to_dict()
    del values["constraints"]["required_context"]
    assert Definition.from_dict(values).constraints.required_context == "seq_len"
    other = Definition.of(task, constraints=Constraints(required_context=9))
    assert other.continued(Constraints()).required_context == "auto"  # a change, which is refused


def test_the_first_trial_pools_where_no_readout_of_one_step_is_feasible() -> None:
    task = Task.from_arrays(*waves(24, steps=400))
    definition = Definition.of(task, SearchSpace(levels=[1, 2]), search=SearchSettings())
    space = definition.task_space()
    first = first_known(definition, space)
    assert first.readout in ("average", "max")
    assert first.levels == 2
    assert not broken_limits(space.violations(first))


def first_known(definition: Definition, space: TaskSpace) -> Architecture:
    """Return the network of the first trial that a study begins with."""
    known = known_configurations(definition, space)
    name = warm_start(definition, known).trials[0].name
    return next(item.architecture for item in known if item.name == name)
