"""Batch norm over the evaluated steps equals all steps with the statistics of those steps."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN
from tcn_search.planning.last_step import last_step_plan
from tests.layers.configurations import configuration, float64_tolerance, inputs, shake, worst
from tests.layers.differentiate import gradients, outputs

JAX = keras.backend.backend() == "jax"


@pytest.fixture(autouse=True)
def _double_precision(double_precision):
    """Let JAX compute in float64."""


class AllSteps(keras.layers.Layer):
    """Compute all steps of every row, with statistics over the steps of the last-step plan.

    Args:
        layer: a built TCN; its weights are used.
        rows: (B, T) booleans, the steps of each row. None: all steps.
        read: (B,) the step that is read of each row.
    """

    def __init__(self, layer, seq_len, rows=None, read=None):
        super().__init__(dtype=layer.dtype_policy)
        self.layer = layer
        self.built = True
        self.plan = last_step_plan(layer.architecture, seq_len, use_phases=False)
        self.rows = rows
        self.read = read
        self.statistics = []  # mean and variance of each norm, in order

    def taken(self, grid, shape):
        """Return (B, T): whether a step of a row is on a grid, and one of the row's steps."""
        batch, steps = shape
        read = [self.plan.wanted.start] * batch if self.read is None else self.read
        taken = np.zeros((batch, steps))
        for row in range(batch):
            shift = read[row] - self.plan.wanted.start
            for place in range(grid.count):
                step = grid.start + place * grid.stride + shift
                if 0 <= step < steps and (self.rows is None or self.rows[row, step]):
                    taken[row, step] = 1
        return taken[..., None]

    def normalise(self, x, norm, grid):
        taken = ops.convert_to_tensor(self.taken(grid, x.shape[:2]), x.dtype)
        count = ops.sum(taken)
        mean = ops.sum(x * taken, axis=(0, 1)) / count
        variance = ops.sum(ops.square(x - mean) * taken, axis=(0, 1)) / count
        self.statistics.append((mean, variance))
        gamma = ops.convert_to_tensor(norm.gamma)
        return (x - mean) / ops.sqrt(variance + norm.epsilon) * gamma + ops.convert_to_tensor(
            norm.beta
        )

    def call(self, x, training=True):
        self.statistics = []
        architecture = self.layer.architecture
        kept = 1.0
        if self.rows is not None:
            kept = ops.convert_to_tensor(self.rows[..., None], x.dtype)
        total = 0.0
        for block, plan in zip(self.layer.residual_blocks, self.plan.blocks, strict=True):
            y = x = x * kept
            for index, grid in enumerate((plan.hidden, plan.output_grid)):
                y = block.convolutions[index](y * kept)
                y = block.activation(self.normalise(y, block.norms[index], grid))
            skip = block.activation(y)
            if architecture.use_skip_connections:
                total = total + skip
            if block.residual:
                matched = x if block.match is None else block.match(x)
                x = block.activation(matched + skip)
        if architecture.use_skip_connections:
            x = total
        if self.read is not None:
            return ops.stack([x[row, step] for row, step in enumerate(self.read)])
        return x[:, self.plan.wanted.start]


def built(options, shape, **fixed):
    options = {**options, "norm": "batch", "return_sequences": False, "go_backwards": False}
    layer = TCN(**{**options, **fixed}, batch_norm_statistics="evaluated", dtype="float64")
    layer.build(shape)
    shake(layer)
    return layer


def assert_moved(before, layer, statistics):
    """Assert that the moving statistics moved towards those of the evaluated steps."""
    norms = [norm for block in layer.residual_blocks for norm in block.norms]
    for norm, old, (mean, variance) in zip(norms, before, statistics, strict=True):
        for moving, was, new in zip(
            (norm.moving_mean, norm.moving_variance), old, (mean, variance), strict=True
        ):
            expected = was * norm.momentum + ops.convert_to_numpy(new) * (1 - norm.momentum)
            assert worst(ops.convert_to_numpy(moving), expected) < 2e-4


def moving(layer):
    return [
        (ops.convert_to_numpy(norm.moving_mean), ops.convert_to_numpy(norm.moving_variance))
        for block in layer.residual_blocks
        for norm in block.norms
    ]


def assert_equal(layer, reference, x, mask=None):
    """Assert equal outputs, both gradients and moving statistics in training."""
    options = {"norm": "batch", "activation": layer.activation_name}
    tolerance = 10 * float64_tolerance(options)
    if mask is not None:
        tolerance = max(tolerance, 1e-6)  # Keras adds a small number to the count of valid steps
    before = moving(layer)
    found = gradients(layer, x, training=True, mask=mask)
    layer_weights = layer.get_weights()
    expected = gradients(reference, x, training=True)
    assert worst(found[0], expected[0]) < tolerance
    assert worst(found[1], expected[1]) < tolerance
    for mine, theirs, variable in zip(
        found[2], expected[2], layer.trainable_variables, strict=True
    ):
        assert worst(mine, theirs) < tolerance, variable.path
    if JAX:  # its gradients leave the layer as it was
        layer(x, training=True, mask=None if mask is None else ops.convert_to_tensor(mask))
        layer_weights = layer.get_weights()
    reference.call(ops.convert_to_tensor(x))
    layer.set_weights(layer_weights)
    assert_moved(before, layer, reference.statistics)


@pytest.mark.parametrize("seed", range(2) if JAX else range(12))
def test_equal_to_all_steps_with_the_statistics_of_the_evaluated_ones(seed):
    x = inputs(seed, batch=4)
    layer = built(configuration(seed), x.shape)
    assert_equal(layer, AllSteps(layer, x.shape[1]), x)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300, 400))
def test_equal_to_all_steps_over_many(seed):
    x = inputs(seed, batch=4)
    layer = built(configuration(seed), x.shape)
    assert_equal(layer, AllSteps(layer, x.shape[1]), x)


@pytest.mark.parametrize("stacks", [1, 2])
@pytest.mark.parametrize("padding", ["causal", "same"])
def test_no_step_beyond_the_sequence_is_in_the_statistics(padding, stacks):
    # Phases of a whole number of rows would be filled with steps beyond the sequence.
    options = {"nb_filters": 3, "kernel_size": 2, "nb_stacks": stacks, "padding": padding}
    x = inputs(0, batch=3, steps=23, channels=2)
    layer = built({**options, "dilations": [3, 1, 4]}, x.shape)
    assert_equal(layer, AllSteps(layer, 23), x)


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("before", [False, True])
def test_only_steps_of_the_rows_count(padding, before):
    lengths = [14, 3, 9, 1]
    mask = np.arange(14)[None, :] < np.array(lengths)[:, None]
    if before:
        mask = mask[:, ::-1].copy()
    first = mask.argmax(axis=1)
    read = first + np.array(lengths) - 1
    if padding == "same":
        read = (first + read + 1) // 2
    x = np.where(mask[..., None], inputs(1, batch=4, steps=14, channels=2), 0)
    options = {"nb_filters": 3, "kernel_size": 3, "dilations": [1, 2], "padding": padding}
    layer = built(options, x.shape, use_skip_connections=before)
    assert_equal(layer, AllSteps(layer, 14, rows=mask, read=list(read)), x, mask=mask)


def test_sequences_of_unknown_length_have_the_statistics_of_known_ones():
    options = {"nb_filters": 3, "kernel_size": 3, "dilations": [1, 2, 4], "norm": "batch"}
    x = inputs(2, batch=4, steps=11, channels=2).astype("float32")  # a receptive field of 29
    layers = []
    for steps in (11, None):
        layer = TCN(**options, batch_norm_statistics="evaluated")
        sequences = keras.Input((steps, 2))
        model = keras.Model(sequences, layer(sequences))
        shake(layer)
        model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
        model.train_on_batch(x, np.zeros((4, 3)))
        layers.append(layer)
    for known, unknown in zip(*(layer.get_weights() for layer in layers), strict=True):
        assert worst(unknown, known) < 2e-4


def test_moving_statistics_converge_to_those_of_training():
    x = inputs(3, batch=16, steps=40, channels=2)
    layer = built(configuration(5, activation="relu"), x.shape, batch_norm_momentum=0.5)
    for _ in range(60):
        found = layer(x, training=True)
    expected = ops.convert_to_numpy(found)
    assert worst(outputs(layer, x), expected) < 2e-4


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_all_steps_and_streams_do_not_depend_on_it(norm):
    x = inputs(4, batch=3, steps=9, channels=2).astype("float32")
    for arguments in ({"return_sequences": True}, {"return_state": True}):
        results = []
        for statistics in ("all", "evaluated"):
            layer = TCN(
                3, 2, dilations=[1, 2], norm=norm, batch_norm_statistics=statistics, **arguments
            )
            layer.build(x.shape)
            shake(layer)
            found = layer(x, training=True)
            first = found[0] if isinstance(found, list) else found
            results.append([ops.convert_to_numpy(first), *layer.get_weights()])
        for one, other in zip(*results, strict=True):
            assert worst(one, other) == 0


def test_inference_is_the_same_with_both():
    x = inputs(5, batch=3, steps=30, channels=2)
    evaluated = built(configuration(9), x.shape)
    whole = TCN.from_config({**evaluated.get_config(), "batch_norm_statistics": "all"})
    whole.build(x.shape)
    whole.set_weights(evaluated.get_weights())
    assert worst(outputs(evaluated, x), outputs(whole, x)) == 0


def test_training_computes_only_the_evaluated_steps():
    layer = built({"nb_filters": 2, "kernel_size": 2, "dilations": [1, 2, 4]}, (None, 64, 1))
    counts = []
    for block in layer.residual_blocks:
        for convolution in block.convolutions:
            convolve = convolution.convolve

            def counted(x, plan, convolve=convolve):
                found = convolve(x, plan)
                counts.append(int(found.shape[1]))
                return found

            convolution.convolve = counted
    layer(inputs(6, batch=2, steps=64, channels=1), training=True)
    plan = last_step_plan(layer.architecture, 64)
    assert counts == [n for block in plan.blocks for n in (block.hidden.count, block.outputs)]


def test_it_is_kept_in_the_configuration_and_defaults_to_all():
    config = TCN(4, 2, norm="batch", batch_norm_statistics="evaluated").get_config()
    assert TCN.from_config(config).batch_norm_statistics == "evaluated"
    del config["batch_norm_statistics"]  # as in files of earlier versions
    assert TCN.from_config(config).batch_norm_statistics == "all"


def test_other_values_are_refused():
    with pytest.raises(
        InputError,
        match="batch_norm_statistics must be one of 'all', 'evaluated'. Received: 'some'",
    ):
        TCN(4, 2, batch_norm_statistics="some")
