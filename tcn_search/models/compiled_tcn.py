"""The functions `compiled_tcn` and `tcn_full_summary` of keras-tcn, with its arguments."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from io import StringIO
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

from tcn_search.errors import InputError
from tcn_search.layers.tcn import TCN

_OPTIMIZERS = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop}
_CLIP_NORM = 1.0


def compiled_tcn(
    num_feat: int,
    num_classes: int,
    nb_filters: int | Sequence[int],
    kernel_size: int,
    dilations: Sequence[int],
    nb_stacks: int,
    max_len: int | None,
    output_len: int = 1,
    padding: str = "causal",
    use_skip_connections: bool = False,
    return_sequences: bool = True,
    regression: bool = False,
    dropout_rate: float = 0.05,
    name: str = "tcn",
    kernel_initializer: Any = "he_normal",
    activation: Any = "relu",
    opt: str = "adam",
    lr: float = 0.002,
    use_batch_norm: bool = False,
    use_layer_norm: bool = False,
) -> keras.Model:
    """Compile a TCN with a dense head, as keras-tcn's function of the same name does.

    The model maps (B, max_len, num_feat) to class probabilities (B, num_classes), compiled with the
    sparse cross-entropy of class numbers and their accuracy, or to (B, output_len) with the mean
    squared error. With `return_sequences=True` it does so at each step, (B, max_len, ...). Each
    gradient's norm is clipped to 1.

    Args:
        num_feat: channels of the input.
        num_classes: number of classes; unused with `regression=True`.
        max_len: steps of the input, or None for any number of steps.
        output_len: numbers to predict with `regression=True`.
        regression: whether to predict numbers instead of classes.
        name: name of the TCN layer.
        opt: "adam" or "rmsprop".
        lr: learning rate.

    The other arguments are those of `TCN`. Dilations are used as they are given; keras-tcn takes
    dilations that are not all powers of two for exponents, and this function warns of that.

    Raises:
        InputError: names the argument, the rule and the value received.
    """
    if opt not in _OPTIMIZERS:
        raise InputError(f"opt must be 'adam' or 'rmsprop'. Received: {opt!r}")
    layer = TCN(
        nb_filters=nb_filters,
        kernel_size=kernel_size,
        nb_stacks=nb_stacks,
        dilations=dilations,
        padding=padding,
        use_skip_connections=use_skip_connections,
        dropout_rate=dropout_rate,
        return_sequences=return_sequences,
        activation=activation,
        kernel_initializer=kernel_initializer,
        use_batch_norm=use_batch_norm,
        use_layer_norm=use_layer_norm,
        name=name,
    )
    _warn_of_exponents(layer.architecture.dilations)
    inputs = keras.Input((max_len, num_feat))
    outputs = num_classes
    output_activation = "softmax"
    if regression:
        outputs = output_len
        output_activation = "linear"
    x = keras.layers.Dense(outputs)(layer(inputs))
    x = keras.layers.Activation(output_activation)(x)
    model = keras.Model(inputs, x)
    optimizer = _OPTIMIZERS[opt](lr, clipnorm=_CLIP_NORM)
    if regression:
        model.compile(optimizer, loss="mean_squared_error")
    else:
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def _warn_of_exponents(dilations: tuple[int, ...]) -> None:
    """Warn of dilations that keras-tcn's `compiled_tcn` would take for exponents."""
    if any(dilation.bit_count() > 1 for dilation in dilations):
        as_exponents = [2**dilation for dilation in dilations]
        warnings.warn(
            f"compiled_tcn uses the dilations {list(dilations)} as they are. keras-tcn's "
            f"compiled_tcn takes them for exponents: give {as_exponents} for the same network.",
            stacklevel=3,
        )


def tcn_full_summary(
    model: keras.Model,
    expand_residual_blocks: bool = True,
    *,
    print_fn: Callable[[str], Any] | None = None,
) -> None:
    """Print the summary of a model, and the layers inside each of its TCNs.

    Args:
        model: a Keras model with TCN layers at any depth.
        expand_residual_blocks: whether to print one line for each layer of a residual block instead
            of one for the block.
        print_fn: receives the texts instead of standard output, as in `keras.Model.summary`.
    """
    model.summary(print_fn=print_fn)
    # Keras has no public way to walk over nested layers.
    for layer in model._flatten_layers(include_self=False):
        if isinstance(layer, TCN) and layer.built:
            _print_table(_table_of_layers(layer, expand_residual_blocks), print_fn)


def _table_of_layers(tcn: TCN, expand_residual_blocks: bool) -> Table:
    table = Table(title=f"Inside {tcn.name!r}: receptive field {tcn.receptive_field:,} steps")
    for heading in ("Residual block", "Layer", "Dilation", "Channels out"):
        table.add_column(heading, overflow="fold")
    table.add_column("Param #", justify="right")
    for block in tcn.residual_blocks:
        layers = [block]
        if expand_residual_blocks:
            layers = block._flatten_layers(include_self=False)
        for layer in layers:
            table.add_row(
                block.name,
                "" if layer is block else layer.name,
                str(getattr(layer, "dilation", "")),
                str(getattr(layer, "filters", "")),
                f"{layer.count_params():,}",
            )
    return table


def _print_table(table: Table, print_fn: Callable[[str], Any] | None) -> None:
    if print_fn is None:
        Console().print(table)
        return
    text = StringIO()
    Console(file=text).print(table)
    print_fn(text.getvalue())
