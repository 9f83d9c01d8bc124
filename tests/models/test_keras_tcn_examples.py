"""keras-tcn's example scripts (tasks/, MIT) with the import changed: less data, the same calls."""

from __future__ import annotations

import itertools

import keras
import numpy as np
import pytest
from keras import Input, Model, Sequential
from keras.callbacks import Callback
from keras.layers import Bidirectional, Dense, Dropout, Embedding, RepeatVector, Reshape
from keras.models import load_model, model_from_json

from tcn_search import TCN, compiled_tcn, tcn_full_summary

# Keras' advice on layers that are given the shape of their input, as the examples do.
pytestmark = pytest.mark.filterwarnings("ignore:Do not pass an `input_shape`:UserWarning")


@pytest.fixture(autouse=True)
def _seeds():
    keras.utils.set_random_seed(0)


def adding_data(n, seq_length):
    numbers, marks, y = (
        np.random.uniform(0, 1, (n, seq_length)),
        np.zeros((n, seq_length)),
        np.zeros((n, 1)),
    )
    for i in range(n):
        positions = np.random.choice(seq_length, size=2, replace=False)
        marks[i, positions] = 1
        y[i, 0] = numbers[i, positions].sum()
    return np.stack([numbers, marks], axis=2), y


def test_adding_problem(capsys):
    (x_train, y_train), (x_test, y_test) = adding_data(64, 30), adding_data(16, 30)
    shapes = []

    class PrintSomeValues(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            shapes.append(np.hstack([y_test[:5], self.model.predict(x_test[:5], verbose=0)]).shape)

    model = compiled_tcn(
        return_sequences=False,
        num_feat=x_train.shape[2],
        num_classes=0,
        nb_filters=24,
        kernel_size=8,
        dilations=[2**i for i in range(3)],
        nb_stacks=1,
        max_len=x_train.shape[1],
        use_skip_connections=False,
        regression=True,
        dropout_rate=0,
    )
    tcn_full_summary(model)
    history = model.fit(
        x_train,
        y_train,
        validation_data=(x_test, y_test),
        epochs=2,
        batch_size=32,
        callbacks=[PrintSomeValues()],
        verbose=0,
    ).history
    assert shapes == [(5, 2)] * 2
    assert history["loss"][-1] < history["loss"][0]


def copy_memory_data(t, mem_length, rows):
    seq = np.random.randint(1, 9, size=(rows, mem_length))
    x = np.concatenate((seq, np.zeros((rows, t - 1)), 9 * np.ones((rows, mem_length + 1))), 1)
    y = np.concatenate((np.zeros((rows, mem_length + t)), seq), 1)
    return np.expand_dims(x, axis=2).astype(np.float32), np.expand_dims(y, axis=2).astype(
        np.float32
    )


def test_copy_memory():
    (x_train, y_train), (x_test, y_test) = copy_memory_data(21, 5, 64), copy_memory_data(21, 5, 16)
    model = compiled_tcn(
        num_feat=1,
        num_classes=10,
        nb_filters=10,
        kernel_size=8,
        dilations=[2**i for i in range(3)],
        nb_stacks=1,
        max_len=x_train[0:1].shape[1],
        use_skip_connections=True,
        opt="rmsprop",
        lr=5e-4,
        return_sequences=True,
    )
    model.summary(print_fn=lambda text: None)
    model.fit(
        x_train, y_train, validation_data=(x_test, y_test), epochs=1, batch_size=32, verbose=0
    )
    accuracy = model.evaluate(x=x_test, y=y_test, verbose=0)[1]
    right = model.predict(x_test, verbose=0).argmax(axis=-1) == y_test.squeeze()
    assert accuracy == pytest.approx(right.mean(), abs=1e-5)


def test_sequential_mnist():
    x_train = np.random.randint(0, 255, (64, 49, 1)).astype("float32") / 255
    y_train = np.expand_dims(keras.utils.to_categorical(np.random.randint(0, 10, 64), 10), axis=2)
    model = compiled_tcn(
        return_sequences=False,
        num_feat=1,
        num_classes=10,
        nb_filters=20,
        kernel_size=6,
        dilations=[2**i for i in range(4)],
        nb_stacks=1,
        max_len=x_train[0:1].shape[1],
        use_skip_connections=True,
    )
    labels = y_train.squeeze().argmax(axis=1)
    history = model.fit(
        x_train, labels, epochs=1, validation_data=(x_train, labels), verbose=0
    ).history
    assert np.isfinite(history["val_loss"]).all()


@pytest.mark.slow
def test_receptive_field_of_stacks():
    x_train, y_train = np.zeros((32, 20, 1)), np.zeros((32, 1))
    x_train[:16, 0] = y_train[:16, 0] = 1.0
    model = compiled_tcn(
        return_sequences=False,
        num_feat=1,
        num_classes=10,
        nb_filters=10,
        kernel_size=10,
        dilations=[1, 2],
        nb_stacks=3,
        max_len=x_train[0:1].shape[1],
        use_skip_connections=False,
    )
    model.fit(x_train, y_train, epochs=1, verbose=0)
    assert 0 <= model.evaluate(x_train, y_train, verbose=0)[1] <= 1


def test_save_and_reload(tmp_path, capsys):
    max_len, max_features = 100, 50
    model = Sequential(
        layers=[
            Embedding(max_features, 16, input_shape=(max_len,)),
            TCN(
                nb_filters=12,
                dropout_rate=0.5,
                kernel_size=6,
                use_batch_norm=True,
                dilations=[1, 2, 4],
            ),
            Dense(units=1, activation="sigmoid"),
        ]
    )
    model.compile(loss="mae")
    model.fit(
        x=np.random.random((max_features, 100)), y=np.random.random((max_features, 1)), verbose=0
    )
    (tmp_path / "model.json").write_text(model.to_json())
    model.save_weights(tmp_path / "model.weights.h5")
    inputs = np.ones(shape=(1, 100))
    expected = model.predict(inputs, verbose=0)[0, 0]

    text = (tmp_path / "model.json").read_text()
    reloaded_model = model_from_json(text, custom_objects={"TCN": TCN})
    tcn_full_summary(model, expand_residual_blocks=False)
    reloaded_model.load_weights(tmp_path / "model.weights.h5")
    assert abs(reloaded_model.predict(inputs, verbose=0)[0, 0] - expected) < 1e-6

    model.save(tmp_path / "model.keras")
    assert (
        abs(load_model(tmp_path / "model.keras").predict(inputs, verbose=0)[0, 0] - expected) < 1e-6
    )


def words(rows=32, features=50, length=20):
    return np.random.randint(1, features, (rows, length)), np.random.randint(0, 2, rows)


@pytest.mark.slow
def test_bidirectional():
    x_train, y_train = words()
    inputs = Input(shape=(None,), dtype="int32")
    x = Embedding(50, 8)(inputs)
    x = Bidirectional(TCN(8))(x)
    outputs = Dense(1, activation="sigmoid")(x)
    model = Model(inputs, outputs)
    assert model.layers[2].backward_layer.receptive_field == 253
    assert model.layers[2].forward_layer.receptive_field == 253
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=32, validation_data=(x_train, y_train), verbose=0)


@pytest.mark.slow
def test_words_in_a_sequential_model():
    x_train, y_train = words()
    model = Sequential()
    model.add(Embedding(50, 8, input_shape=(20,)))
    model.add(TCN(nb_filters=8, kernel_size=6, dilations=[1, 2, 4]))
    model.add(Dropout(0.5))
    model.add(Dense(1, activation="sigmoid"))
    assert model.layers[1].receptive_field == 71
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x_train, y_train, validation_data=(x_train, y_train), verbose=0).history
    assert "val_accuracy" in history


@pytest.mark.slow
def test_many_to_many():
    timesteps, input_dim, output_timesteps, output_dim = 24, 8, 6, 2
    model = Sequential(
        layers=[
            TCN(input_shape=(timesteps, input_dim)),
            RepeatVector(output_timesteps),
            Dense(output_dim),
        ]
    )
    model.compile("adam", "mse")
    batch_y = np.random.uniform(size=(8, output_timesteps, output_dim))
    model.fit(np.random.uniform(size=(8, timesteps, input_dim)), batch_y, batch_size=8, verbose=0)
    assert model.output_shape == (None, 6, 2)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed:UserWarning")
def test_sequences_of_many_lengths():
    def batches():
        for k in itertools.count():
            x = np.zeros((1, 3 + k % 4, 1))
            x[0, 0] = k % 2
            yield x, np.array([[k % 2]])

    model = Sequential([TCN(4, input_shape=(None, 1)), Dense(1, activation="sigmoid")])
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    model.fit(batches(), epochs=1, steps_per_epoch=4, verbose=0)


def test_not_causal():
    model = Sequential([TCN(nb_filters=30, padding="same", input_shape=(5, 300)), Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    assert model.predict(np.random.rand(1, 5, 300), verbose=0).shape == (1, 1)


def test_forecast_of_many_numbers():
    inputs = Input(shape=(32, 5), name="input")
    tcn_out = TCN(nb_filters=64, kernel_size=3, nb_stacks=1, activation="relu")(inputs)
    outputs = Reshape((3, 4), name="output")(Dense(3 * 4, activation="linear")(tcn_out))
    assert Model(inputs=inputs, outputs=outputs).output_shape == (None, 3, 4)


@pytest.mark.slow
def test_time_series_forecasting():
    x, y = np.random.rand(24, 12, 1), np.random.rand(24, 1)
    layer = TCN(
        input_shape=(12, 1),
        kernel_size=2,
        use_skip_connections=False,
        use_batch_norm=False,
        use_layer_norm=False,
    )
    model = Sequential([layer, Dense(1, activation="linear")])
    model.compile("adam", "mae")
    model.fit(x, y, epochs=1, verbose=0)
    assert model.predict(x, verbose=0).shape == (24, 1)
