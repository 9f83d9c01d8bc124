"""Our layer on JAX and torch against keras-tcn's numbers, computed on TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from tcn_search.layers.tcn import TCN
from tests.layers.configurations import float64_tolerance, inputs, worst
from tests.layers.differentiate import gradients
from tests.layers.keras_tcn_references import SEEDS, known_to_both

pytest.importorskip("tcn", reason="keras-tcn is the reference; install it with --no-deps")
if keras.backend.backend() == "tensorflow":
    pytest.skip("the comparison in one process is made there", allow_module_level=True)


@pytest.fixture(scope="module")
def references(tmp_path_factory):
    path = tmp_path_factory.mktemp("references") / "keras_tcn.npz"
    command = [sys.executable, "-m", "tests.layers.keras_tcn_references", str(path)]
    subprocess.run(command, env={**os.environ, "KERAS_BACKEND": "tensorflow"}, check=True)
    with np.load(path) as file:
        return dict(file)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_and_gradients(seed, references, double_precision):
    options, x = known_to_both(seed), inputs(seed)
    named = {
        key.split("/")[1]: array for key, array in references.items() if key.startswith(f"{seed}/")
    }
    layer = TCN(**options, dtype="float64")
    layer.build(x.shape)
    layer.set_weights([named[key] for key in sorted(named) if key.startswith("weight_")])
    output, by_x, by_weights = gradients(layer, x)
    tolerance = float64_tolerance(options)
    assert worst(output, named["output"]) < tolerance
    assert worst(by_x, named["by_x"]) < tolerance
    for index, found in enumerate(by_weights):
        assert worst(found, named[f"by_weight_{index:03}"]) < tolerance
