"""The cost model of benchmarks/cost_model.py: its counts, and the figures in docs/benchmarks.md."""

import re
from pathlib import Path

import pytest

from benchmarks.training_cost import (
    NORMALISED_VALUE_WEIGHT,
    VALUE_WEIGHT,
    training_cost,
    training_work,
)
from tcn_search.planning.architecture import Architecture
from tcn_search.planning.cost import cost

DOCUMENT = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def test_training_evaluates_every_step_where_the_readout_or_a_batch_norm_needs_it() -> None:
    last = Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2, 4, 8))
    costs = cost(last, input_channels=2, seq_len=60)
    for changed, expected in (
        ({}, costs.multiply_adds_last_step),
        ({"norm": "layer"}, costs.multiply_adds_last_step),
        ({"norm": "batch"}, costs.multiply_adds),
        ({"readout": "max"}, costs.multiply_adds),
    ):
        architecture = Architecture.from_dict({**last.to_dict(), **changed})
        assert training_work(architecture, 2, 60).multiply_adds == expected


def test_a_norm_adds_the_cost_of_the_values_that_it_normalises() -> None:
    plain = Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2), readout="max")
    normed = Architecture.from_dict({**plain.to_dict(), "norm": "layer"})
    assert training_work(plain, 2, 10).normalised_values == 0
    # four convolutions, 10 steps, 4 filters
    assert training_work(normed, 2, 10).normalised_values == 4 * 10 * 4
    plain_cost = training_cost(plain, 2, 10)
    assert training_cost(normed, 2, 10) > plain_cost > 3 * cost(plain, 2, 10).multiply_adds


def documented(seed: int) -> str:
    """Return the latest section that the benchmark wrote for a seed."""
    head = f"## Cost model against time, seed {seed}\n"
    return DOCUMENT.read_text(encoding="utf-8").split(head)[-1].split("\n## ")[0]


def test_the_weights_are_those_fitted_with_seed_0() -> None:
    fitted = re.search(
        r"a value weighs (\d+) multiply-adds, a normalised one (\d+)", documented(seed=0)
    )
    assert fitted is not None
    weights = (VALUE_WEIGHT, NORMALISED_VALUE_WEIGHT)
    assert weights == tuple(round(int(weight), -1) for weight in fitted.groups())


@pytest.mark.parametrize("seed", [0, 1])
def test_the_documented_training_costs_are_those_of_the_model(seed: int) -> None:
    rows = re.findall(r"^ *[\d,]+ +([\d,]+) +[\d.]+  TCN\((.*)\)$", documented(seed), re.MULTILINE)
    assert len(rows) == 20
    for predicted, arguments in rows:
        architecture = Architecture(**eval(f"dict({arguments})"))
        assert training_cost(architecture, input_channels=2, seq_len=600) == int(
            predicted.replace(",", "")
        )
