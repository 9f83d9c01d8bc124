"""The four networks of the layer benchmark, their data and their multiply-adds."""

from __future__ import annotations

from typing import Any

CASES: dict[str, dict[str, Any]] = {
    "adding": {
        "batch": 128,
        "steps": 600,
        "channels": 2,
        "kernel_size": 8,
        "levels": 7,
        "nb_filters": 24,
    },
    "sequential MNIST": {
        "batch": 64,
        "steps": 784,
        "channels": 1,
        "kernel_size": 6,
        "levels": 8,
        "nb_filters": 20,
    },
    "long": {
        "batch": 32,
        "steps": 4096,
        "channels": 1,
        "kernel_size": 3,
        "levels": 11,
        "nb_filters": 32,
    },
    "copy memory": {
        "batch": 128,
        "steps": 600,
        "channels": 1,
        "kernel_size": 8,
        "levels": 8,
        "nb_filters": 10,
        "return_sequences": True,
    },
}
BATCHES = 4  # of one fit; the first step is not counted


def layer_arguments(case: dict[str, Any]) -> dict[str, Any]:
    return {
        "nb_filters": case["nb_filters"],
        "kernel_size": case["kernel_size"],
        "dilations": [2**level for level in range(case["levels"])],
        "return_sequences": case.get("return_sequences", False),
    }


def data(case: dict[str, Any]) -> tuple[Any, Any]:
    import numpy as np

    draw = np.random.default_rng(0)
    shape = (case["batch"] * BATCHES, case["steps"])
    x = draw.normal(size=(*shape, case["channels"])).astype("float32")
    return x, draw.normal(size=(*(shape if case.get("return_sequences") else shape[:1]), 1)).astype(
        "float32"
    )


def training_multiply_adds(case: dict[str, Any]) -> float:
    """Return the multiply-adds of a training step: forward, and twice as many for gradients."""
    from tcn_search.planning.architecture import Architecture
    from tcn_search.planning.last_step import full_plan, last_step_plan

    arguments = layer_arguments(case)
    make = full_plan if arguments.pop("return_sequences") else last_step_plan
    plan = make(Architecture(**arguments), case["steps"])
    return 3.0 * case["batch"] * plan.multiply_adds(case["channels"])
