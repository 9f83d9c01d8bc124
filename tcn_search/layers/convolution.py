"""The dilated convolution that every residual block is made of."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.layers.steps import every, resize
from tcn_search.planning.grids import ConvolutionPlan
from tcn_search.planning.receptive_field import left_padding


@keras.saving.register_keras_serializable(package="tcn_search")
class DilatedConvolution(keras.layers.Layer):
    """A 1-D convolution over time whose taps lie `dilation` steps apart, with weight norm if asked.

    Input (B, T, C), output (B, T, filters); with padding "valid" (B, T - (kernel_size-1)·dilation, filters).
    Weights in Keras' Conv1D order: kernel (kernel_size, C, filters), bias (filters,), and with weight norm
    the scale g (filters,) after them: the kernel in use is g · v / ‖v‖, one norm for each filter (Salimans
    and Kingma 2016, equation 2); g starts at ‖v‖.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        dilation: int = 1,
        padding: str = "causal",
        kernel_initializer: Any = "he_normal",
        use_weight_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.use_weight_norm = use_weight_norm
        self.reach = (kernel_size - 1) * dilation

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        shape = (self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer)
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        if self.use_weight_norm:
            self.scale = self.add_weight(name="scale", shape=(self.filters,), initializer="ones")
            self.scale.assign(_filter_norms(ops.convert_to_tensor(self.kernel)))

    def effective_kernel(self) -> Any:
        """The kernel in use, (kernel_size, C, filters)."""
        kernel = ops.convert_to_tensor(self.kernel)
        if not self.use_weight_norm:
            return kernel
        return kernel * (ops.convert_to_tensor(self.scale) / _filter_norms(kernel))

    def call(self, inputs: Any) -> Any:
        left = left_padding(self.reach, self.padding)
        before, after = (0, 0) if self.padding == "valid" else (left, self.reach - left)
        return self.convolve(
            inputs, ConvolutionPlan(before, after, 0, self.kernel_size, 0, self.dilation, 1, None)
        )

    def convolve(self, x: Any, plan: ConvolutionPlan) -> Any:
        """The output steps of `plan`, (B, plan.outputs, filters), of the input steps `x` (B, n, C)."""
        x = resize(x, plan.before, plan.after)
        kernel = self.effective_kernel()  # (kernel_size, C, filters)
        if plan.taps < self.kernel_size:
            kernel = ops.slice(kernel, (plan.first_tap, 0, 0), (plan.taps, *kernel.shape[1:]))
        if plan.folds:
            x, kernel = _fold(x, kernel, plan)
        outputs = ops.conv(
            x,
            kernel,
            padding="valid",
            dilation_rate=plan.dilation,
            data_format="channels_last",
        )
        if plan.stride > 1 and not plan.folds:
            outputs = every(outputs, 0, plan.stride, plan.outputs)  # type: ignore[arg-type]
        return ops.add(outputs, self.bias)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        batch, steps, _ = input_shape
        if self.padding == "valid" and steps is not None:
            steps -= self.reach
        return (batch, steps, self.filters)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "use_weight_norm": self.use_weight_norm,
        }


def _fold(x: Any, kernel: Any, plan: ConvolutionPlan) -> tuple[Any, Any]:
    """`plan.stride` steps as the channels of one: a dense convolution that computes no step in vain.

    x (B, n, C) becomes (B, n / stride, stride·C) and the kernel, with zero taps in front,
    (taps / stride, stride·C, filters).
    """
    channels, filters = kernel.shape[1:]
    if plan.lead:
        kernel = ops.pad(kernel, [[plan.lead, 0], [0, 0], [0, 0]])
    rows, wide = (plan.lead + plan.taps) // plan.stride, plan.stride * channels
    x = ops.reshape(x, (-1, x.shape[1] // plan.stride, wide))
    return x, ops.reshape(kernel, (rows, wide, filters))


def _filter_norms(kernel: Any) -> Any:
    """‖v‖ of each filter, (filters,). An all-zero filter gets a tiny norm instead of a division by zero."""
    precise = keras.backend.result_type(kernel.dtype, "float32")
    squares = ops.sum(ops.square(ops.cast(kernel, precise)), axis=(0, 1))
    return ops.cast(ops.sqrt(ops.maximum(squares, 1e-12)), kernel.dtype)
