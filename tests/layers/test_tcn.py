"""The layer inside Keras: errors, padding "valid", saving, wrappers, precision, unknown lengths."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from tcn_search.errors import InputError
from tcn_search.layers.convolution import DilatedConvolution
from tcn_search.layers.residual_block import ResidualBlock
from tcn_search.layers.tcn import TCN
from tests.layers.configurations import shake, worst

NOISE = np.random.default_rng(7).normal(size=(2, 12, 2)).astype("float32")


def numbers(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            {"use_batch_norm": True, "use_layer_norm": True},
            "use_batch_norm=True, use_layer_norm=True",
        ),
        ({"norm": "layer", "use_weight_norm": True}, "norm='layer' and use_weight_norm=True"),
        (
            {"norm": "group"},
            "norm must be one of 'none', 'batch', 'layer', 'weight'. Received: 'group'",
        ),
        ({"nb_filters": [4, 4], "dilations": [1, 2, 4]}, r"nb_filters .* Received: "),
        (
            {"nb_filters": [4, 5], "dilations": [1, 2]},
            r"use_skip_connections=True.* Received: \[4, 5\]",
        ),
        ({"dilations": []}, "dilations must have at least one entry"),
        (
            {"dilations": [1, 0]},
            r"dilations must all be integers of at least 1. Received: \[1, 0\]",
        ),
        ({"kernel_size": 0}, "kernel_size must be an integer of at least 1. Received: 0"),
        ({"nb_stacks": -1}, "nb_stacks must be an integer of at least 1. Received: -1"),
        ({"nb_filters": 0}, "nb_filters must be an integer of at least 1. Received: 0"),
        ({"padding": "full"}, "padding must be one of 'causal', 'same', 'valid'. Received: 'full'"),
        ({"dropout_rate": 1.0}, "dropout_rate must be at least 0 and below 1. Received: 1.0"),
    ],
)
def test_errors_name_argument_rule_and_value(options, text):
    with pytest.raises(InputError, match=text):
        TCN(**options)


@pytest.mark.parametrize("shape", [(2, 5), (2, 5, 3, 1)])
def test_rank_other_than_three(shape):
    with pytest.raises(InputError, match=r"rank 3, \(batch, time, channels\). Received: shape"):
        TCN(2, 2, dilations=[1])(np.zeros(shape, "float32"))


WRONG_CHANNELS = (
    r"Input 0 with name 'None' of layer '{name}' is incompatible with the layer: expected axis -1 "
    r"of input shape to have value {wanted}, "
    r"but received input with shape \({batch}, 12, {channels}\)"
)


def wrong(name, wanted, channels, batch="2"):
    """Return Keras' own message."""
    return WRONG_CHANNELS.format(name=name, wanted=wanted, channels=channels, batch=batch)


def noise(channels):
    return np.random.default_rng(0).normal(size=(2, 12, channels)).astype("float32")


@pytest.mark.parametrize("steps", [12, None])
@pytest.mark.parametrize("kind", ["functional", "sequential"])
def test_other_channels_than_built_for(tmp_path, kind, steps):
    layer = TCN(8, 2, dilations=[1, 2], name="network")
    if kind == "sequential":
        model = keras.Sequential([keras.Input((steps, 1)), layer, keras.layers.Dense(1)])
    else:
        inputs = keras.Input((steps, 1))
        model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    model.save(tmp_path / "model.keras")
    for network in (model, keras.saving.load_model(tmp_path / "model.keras")):
        network.compile("sgd", "mse")
        with pytest.raises(ValueError, match=wrong("network", 1, 4, batch=r"(None|2)")):
            network.predict(noise(4), verbose=0)
        with pytest.raises(ValueError, match=wrong("network", 1, 2, batch=r"(None|2)")):
            network.fit(noise(2), np.ones((2, 1)), verbose=0)
        with pytest.raises(ValueError, match=wrong("network", 1, 8)):
            network(noise(8))


def test_other_channels_in_a_stream():
    layer = TCN(4, 2, dilations=[1, 2], return_state=True, name="stream")
    _, *states = layer(noise(1))
    with pytest.raises(ValueError, match=wrong("stream", 1, 4)):
        layer(noise(4), initial_state=states)


@pytest.mark.parametrize(
    "layer",
    [
        DilatedConvolution(4, 2, name="part"),
        ResidualBlock(4, 2, 1, name="part"),
        TCN(4, 2, name="part"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_other_channels_given_to_a_layer_itself(layer):
    layer(noise(2))
    with pytest.raises(ValueError, match=wrong("part", 2, 4)):
        layer(noise(4))
    with pytest.raises(
        ValueError, match=r"expected ndim=3, found ndim=2. Full shape received: \(2, 12\)"
    ):
        layer(noise(2)[..., 0])


def test_channels_must_be_known():
    with pytest.raises(
        InputError,
        match=r"The number of channels, the last axis of the input, must be known when the layer "
        r"is built. Received: shape \(None, 12, None\). Use keras.Input\(\(steps, channels\)\).",
    ):
        TCN(4, 2, dilations=[1])(keras.Input((12, None)))


def test_arguments_are_attributes():
    layer = TCN(
        [3, 4],
        2,
        2,
        (1, 3),
        "same",
        False,
        0.1,
        True,
        "tanh",
        "glorot_uniform",
        True,
        go_backwards=True,
    )
    found = {
        name: getattr(layer, name)
        for name in ("nb_filters", "kernel_size", "nb_stacks", "dilations")
    }
    assert found == {"nb_filters": [3, 4], "kernel_size": 2, "nb_stacks": 2, "dilations": (1, 3)}
    assert (layer.padding, layer.use_skip_connections, layer.dropout_rate) == ("same", False, 0.1)
    assert (layer.norm, layer.use_batch_norm, layer.use_layer_norm) == ("batch", True, False)
    assert (layer.use_weight_norm, layer.return_sequences, layer.go_backwards) == (
        False,
        True,
        True,
    )
    assert (layer.activation, layer.activation_name) == (keras.activations.tanh, "tanh")
    assert (layer.kernel_initializer, layer.residual_blocks) == ("glorot_uniform", [])
    layer.build((None, 9, 2))
    assert [block.filters for block in layer.residual_blocks] == [3, 4, 3, 4]
    with pytest.raises(AttributeError):
        layer.kernel_size = 3  # it would change nothing
    assert TCN(norm="weight").use_weight_norm


def test_an_initializer_that_is_no_name_stays_one():
    initializer = keras.initializers.RandomNormal(0, 0.3)
    layer = TCN(
        4, 2, dilations=[1], kernel_initializer=initializer, activation=keras.activations.tanh
    )
    assert layer.kernel_initializer is initializer
    assert layer.activation_name is keras.activations.tanh
    again = TCN.from_config(layer.get_config())
    assert again.kernel_initializer.stddev == 0.3
    with pytest.raises(ValueError, match="Could not interpret initializer identifier: no"):
        TCN(4, 2, dilations=[1], kernel_initializer="no")


@pytest.mark.parametrize("skips", [False, True])
def test_valid_is_causal_without_the_steps_that_see_zeros(skips):
    options = {
        "nb_filters": 3,
        "kernel_size": 3,
        "dilations": [1, 2],
        "nb_stacks": 1,
        "use_skip_connections": skips,
    }
    x = np.random.default_rng(1).normal(size=(2, 20, 2)).astype("float32")
    valid = TCN(**options, padding="valid", return_sequences=True)
    causal = TCN(**options, return_sequences=True)
    last = TCN(**options, padding="valid")
    for layer in (valid, causal, last):
        layer.build(x.shape)
        layer.set_weights(valid.get_weights())
    expected = numbers(causal(x))[:, valid.receptive_field - 1 :]
    found = numbers(valid(x))
    assert found.shape == valid.compute_output_shape(x.shape) == (2, 20 - 13 + 1, 3)
    assert worst(found, expected) < 1e-5
    assert worst(numbers(last(x)), expected[:, -1]) < 1e-5


@pytest.mark.parametrize("return_sequences", [False, True])
def test_valid_needs_the_receptive_field(return_sequences):
    layer = TCN(2, 3, dilations=[1, 2], padding="valid", return_sequences=return_sequences)
    with pytest.raises(InputError, match=r"receptive field, 13 steps\. Received: 12 steps"):
        layer(NOISE)


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("steps", [3, 12])
@pytest.mark.parametrize("dilations", [[1, 3], [3, 1]])
def test_unknown_length(padding, return_sequences, steps, dilations):
    layer = TCN(
        3, 2, dilations=dilations, padding=padding, return_sequences=return_sequences, norm="layer"
    )
    inputs = keras.Input((None, 2))
    model = keras.Model(inputs, layer(inputs))
    shake(layer)
    x = NOISE[:, :steps]
    expected = numbers(layer(x))
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        unknown = tf.function(layer, input_signature=[tf.TensorSpec((None, None, 2))])
        assert worst(numbers(unknown(x)), expected) < 1e-5
    assert worst(numbers(model(x)), expected) < 1e-5


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_saving_and_loading(tmp_path, suffix):
    def model():
        inputs = keras.Input((12, 2))
        layer = TCN(
            3, 2, 2, [1, 3], norm="weight", activation="tanh", kernel_initializer="glorot_uniform"
        )
        return keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))

    saved, path = model(), tmp_path / f"model{suffix}"
    if suffix == ".keras":
        saved.save(path)
        loaded = keras.models.load_model(path)
    else:
        saved.save_weights(path)
        loaded = model()
        loaded.load_weights(path)
    assert worst(numbers(loaded(NOISE)), numbers(saved(NOISE))) < 1e-6


def test_filters_as_a_tuple_are_a_list():
    options = {"dilations": [1, 2], "kernel_size": 2, "use_skip_connections": False}
    as_tuple, as_list = TCN((3, 4), **options), TCN([3, 4], **options)
    assert as_tuple.architecture == as_list.architecture


def test_saving_and_loading_of_a_layer_with_states(tmp_path):
    def model():
        steps = keras.Input((None, 2))
        layer = TCN(3, 2, dilations=[1, 2], return_sequences=True, return_state=True)
        before = [keras.Input(shape) for shape in layer.state_shapes(2)]
        return keras.Model([steps, *before], layer(steps, initial_state=before))

    saved, loaded, path = model(), model(), tmp_path / "streaming.weights.h5"
    saved.save(tmp_path / "streaming.keras")
    saved.save_weights(path)
    loaded.load_weights(path)
    states = [np.ones((2, *shape), "float32") for shape in saved.layers[-1].state_shapes(2)]
    expected = saved([NOISE, *states])
    for other in (loaded, keras.models.load_model(tmp_path / "streaming.keras")):
        for output, saved_output in zip(other([NOISE, *states]), expected, strict=True):
            assert worst(numbers(output), numbers(saved_output)) < 1e-6


def test_config_gives_an_equal_layer():
    layer = TCN(
        [3, 4],
        2,
        1,
        [1, 3],
        "same",
        False,
        0.1,
        True,
        "tanh",
        use_batch_norm=True,
        go_backwards=True,
    )
    config = layer.get_config()
    assert TCN.from_config(config).get_config() == config


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "weight"])
def test_mixed_precision(norm):
    exact = TCN(4, 3, dilations=[1, 2], norm=norm)
    layer = TCN(4, 3, dilations=[1, 2], norm=norm, dtype="mixed_bfloat16")
    exact.build(NOISE.shape)
    layer.build(NOISE.shape)
    layer.set_weights(exact.get_weights())
    found = layer(NOISE)
    assert keras.backend.standardize_dtype(found.dtype) == "bfloat16"
    assert all(variable.dtype == "float32" for variable in layer.trainable_variables)
    assert worst(numbers(ops.cast(found, "float32")), numbers(exact(NOISE))) < 0.1


@pytest.mark.parametrize("return_sequences", [False, True])
def test_bidirectional(return_sequences):
    layer = keras.layers.Bidirectional(
        TCN(3, 2, dilations=[1, 2], return_sequences=return_sequences)
    )
    found = numbers(layer(NOISE))
    forward, backward = numbers(layer.forward_layer(NOISE)), numbers(layer.backward_layer(NOISE))
    backward = backward[:, ::-1] if return_sequences else backward
    assert worst(found, np.concatenate([forward, backward], axis=-1)) < 1e-6


def test_time_distributed():
    layer = TCN(3, 2, dilations=[1, 2])
    x = np.stack([NOISE, NOISE[:, ::-1]], axis=1)  # (B, 2, T, C)
    found = numbers(keras.layers.TimeDistributed(layer)(x))
    assert worst(found[:, 1], numbers(layer(x[:, 1]))) < 1e-5


@pytest.mark.parametrize(
    ("norm", "dropout_rate"),
    [
        ("none", 0.0),
        pytest.param(
            "layer", 0.2, marks=pytest.mark.slow if keras.backend.backend() == "jax" else ()
        ),
        pytest.param("batch", 0.2, marks=pytest.mark.slow),
    ],
)
def test_training_with_jit_and_summary(norm, dropout_rate):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((12, 2))
    layer = TCN(3, 2, dilations=[1, 2], norm=norm, dropout_rate=dropout_rate)
    model = keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))
    lines: list[str] = []
    model.summary(expand_nested=True, print_fn=lines.append)
    assert "tcn" in "\n".join(lines)
    jit = keras.backend.backend() != "torch"
    model.compile(keras.optimizers.Adam(0.05), "mse", jit_compile=jit)
    target = np.full((2, 1), 9.0)
    before = np.square(numbers(model(NOISE)) - target).mean()  # without dropout
    model.fit(NOISE, target, epochs=5, verbose=0)
    assert np.square(numbers(model(NOISE)) - target).mean() < before


def test_weight_norm_starts_at_the_kernel_and_scales_each_filter():
    layer, plain = TCN(3, 2, dilations=[1], norm="weight"), TCN(3, 2, dilations=[1])
    layer.build(NOISE.shape)
    plain.build(NOISE.shape)
    kernel, bias, scale, *second = layer.get_weights()
    plain.set_weights([kernel, bias, *second[:2]])
    assert worst(numbers(layer(NOISE)), numbers(plain(NOISE))) < 1e-5
    np.testing.assert_allclose(scale, np.sqrt((kernel**2).sum((0, 1))), rtol=1e-5)
    layer.set_weights([3 * kernel, bias, scale, *second])  # only the direction of v matters
    assert worst(numbers(layer(NOISE)), numbers(plain(NOISE))) < 1e-5


def test_receptive_field():
    assert TCN(3, 3, 2, [1, 2, 4]).receptive_field == 57
