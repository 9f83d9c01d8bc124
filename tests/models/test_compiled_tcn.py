"""`compiled_tcn` and `tcn_full_summary` are keras-tcn's, in arguments and numbers."""

from __future__ import annotations

import inspect

import keras
import numpy as np
import pytest

from tcn_search import TCN, compiled_tcn, tcn_full_summary
from tcn_search.errors import InputError

ARGUMENTS = {
    "num_feat": 2,
    "num_classes": 3,
    "nb_filters": 4,
    "kernel_size": 2,
    "dilations": [1, 2],
    "nb_stacks": 1,
    "max_len": 9,
}
X = np.random.default_rng(0).normal(size=(5, 9, 2)).astype("float32")


def test_arguments_are_those_of_keras_tcn():
    keras_tcn = pytest.importorskip(
        "tcn", reason="keras-tcn is the reference; install it with --no-deps"
    )

    def defaults(function):
        parameters = inspect.signature(function).parameters.values()
        return [(parameter.name, parameter.default) for parameter in parameters]

    assert defaults(compiled_tcn) == defaults(keras_tcn.compiled_tcn)
    *summary_arguments, print_fn = defaults(tcn_full_summary)
    assert summary_arguments == defaults(keras_tcn.tcn_full_summary)
    assert print_fn == ("print_fn", None)  # ours, as in keras.Model.summary


@pytest.mark.parametrize(
    "options",
    [
        {},
        {
            "regression": True,
            "output_len": 2,
            "return_sequences": False,
            "use_skip_connections": True,
        },
        {"opt": "rmsprop", "lr": 5e-4, "use_layer_norm": True, "padding": "same", "max_len": None},
    ],
)
def test_model_is_that_of_keras_tcn(options):
    keras_tcn = pytest.importorskip(
        "tcn", reason="keras-tcn is the reference; install it with --no-deps"
    )
    mine = compiled_tcn(**{**ARGUMENTS, **options})
    theirs = keras_tcn.compiled_tcn(**{**ARGUMENTS, **options})
    mine.set_weights(theirs.get_weights())
    np.testing.assert_allclose(mine(X), theirs(X), rtol=1e-4, atol=1e-5)
    assert [type(layer).__name__ for layer in mine.layers] == [
        type(layer).__name__ for layer in theirs.layers
    ]
    assert mine.get_layer("tcn").dropout_rate == theirs.get_layer("tcn").dropout_rate == 0.05
    assert mine.loss == theirs.loss
    settings = [{**model.optimizer.get_config(), "name": None} for model in (mine, theirs)]
    assert settings[0] == settings[1]


@pytest.mark.parametrize("labels", [(5, 9), (5, 9, 1)])
@pytest.mark.parametrize("dtype", ["int64", "float32"])
def test_classes_as_numbers_of_any_kind(labels, dtype):
    y = np.random.default_rng(0).integers(0, 3, labels).astype(dtype)
    model = compiled_tcn(**ARGUMENTS)
    history = model.fit(X, y, validation_data=(X, y), epochs=1, verbose=0).history
    assert sorted(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    right = model.predict(X, verbose=0).argmax(-1) == y.reshape(5, 9)
    assert model.evaluate(X, y, verbose=0)[1] == pytest.approx(right.mean(), abs=1e-6)


def test_optimizers():
    with pytest.raises(InputError, match=r"^opt must be 'adam' or 'rmsprop'. Received: 'sgd'$"):
        compiled_tcn(**ARGUMENTS, opt="sgd")


def test_dilations_stay_as_they_are_given():
    text = (
        r"^compiled_tcn uses the dilations \[1, 3\] as they are. keras-tcn's compiled_tcn takes "
        r"them for exponents: give \[2, 8\] for the same network.$"
    )
    with pytest.warns(UserWarning, match=text):
        model = compiled_tcn(**{**ARGUMENTS, "dilations": [1, 3]})
    assert model.get_layer("tcn").dilations == [1, 3]


@pytest.mark.parametrize("expand", [True, False])
def test_full_summary(capsys, expand):
    model = compiled_tcn(**ARGUMENTS, use_batch_norm=True)
    tcn_full_summary(model, expand_residual_blocks=expand)
    printed = capsys.readouterr().out
    assert "Total params" in printed
    assert "Inside 'tcn': receptive field 7 steps" in printed
    assert ("norm_1" in printed) == ("match" in printed) == expand
    assert printed.count("residual_block_1") == (4 if expand else 1)


def test_full_summary_goes_to_a_print_function(capsys):
    texts: list[str] = []
    tcn_full_summary(compiled_tcn(**ARGUMENTS), print_fn=texts.append)
    assert "Total params" in texts[0]
    assert "Inside 'tcn': receptive field 7 steps" in texts[1]
    assert capsys.readouterr().out == ""


def test_keras_still_has_the_private_walk_over_layers():
    model = compiled_tcn(**ARGUMENTS)
    assert hasattr(model, "_flatten_layers"), (
        f"Keras {keras.__version__} has no Layer._flatten_layers: adapt models/compiled_tcn.py"
    )
    assert any(isinstance(layer, TCN) for layer in model._flatten_layers(include_self=False))


def test_full_summary_finds_layers_inside_others(capsys):
    both = keras.layers.Bidirectional(TCN(3, 2, dilations=[1], name="way"))
    tcn_full_summary(keras.Sequential([keras.Input((9, 2)), both]))
    assert capsys.readouterr().out.count("Inside '") == 2
    tcn_full_summary(keras.Sequential([TCN(3)]))  # not built
    assert "Inside" not in capsys.readouterr().out
