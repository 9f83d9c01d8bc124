"""The dilated convolution, of which every residual block has two."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import keras
import numpy as np
from keras import ops

from tcn_search.layers.arguments import channels_spec
from tcn_search.layers.padded_convolution import convolve_padded
from tcn_search.layers.slicing import pad_or_crop, take_every
from tcn_search.layers.tensor import Tensor
from tcn_search.planning.grids import ConvolutionPlan

# One matrix over all steps is faster than sliding taps while it needs at most this many times the
# multiply-adds and has at most this many entries, because it is built from the kernel at each
# training step. Measured on 2 cores.
_MAX_STEPS_PER_TAP = 2
_MAX_MATRIX_SIZE = 2**18
# TensorFlow's addition of a bias, and its gradient, are slow with so few filters. A single filter
# is left to TensorFlow, whose compiler would take a bias of one number per step for a bias of
# channels, and fail.
_FEW_FILTERS = range(2, 16)


@keras.saving.register_keras_serializable(package="tcn_search")
class DilatedConvolution(keras.layers.Layer):
    """A dilated convolution over time, optionally with weight norm.

    Its taps lie `dilation` steps apart.

    Input (B, T, C), output (B, T, filters); with padding "valid"
    (B, T − (kernel_size − 1)·dilation, filters). Weights in Keras' Conv1D order: kernel
    (kernel_size, C, filters), bias (filters,), and with weight norm the scale g (filters,) after
    them: the effective kernel is g · v / ‖v‖, one norm for each filter (Salimans and Kingma 2016,
    equation 2); g starts at ‖v‖.
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
        self.input_spec = channels_spec(input_shape)
        shape = (self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            name="kernel", shape=shape, initializer=self.kernel_initializer
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros")
        if self.use_weight_norm:
            self.scale = self.add_weight(name="scale", shape=(self.filters,), initializer="ones")
            self.scale.assign(_filter_norms(ops.convert_to_tensor(self.kernel)))

    def effective_kernel(self) -> Tensor:
        """Return the kernel in use, (kernel_size, C, filters).

        It is read here, once. On TensorFlow Keras' `convert_to_tensor` would return the variable,
        which each operation reads anew; a read that only the gradient uses may then come after the
        kernel's update, and the gradient is that of other weights.
        """
        kernel = ops.cast(self.kernel, self.kernel.dtype)
        if not self.use_weight_norm:
            return kernel
        return kernel * (self.scale / _filter_norms(kernel))

    def call(self, inputs: Tensor) -> Tensor:
        plan = ConvolutionPlan.of_all_steps(self.kernel_size, self.dilation, self.padding)
        return self.convolve(inputs, plan)

    def convolve(self, x: Tensor, plan: ConvolutionPlan) -> Tensor:
        """Return the outputs of `plan`, (B, plan.outputs, filters), for input steps x (B, n, C)."""
        if self._is_short(x, plan):
            return self._multiply(x, plan)
        kernel = self.effective_kernel()  # (kernel_size, C, filters)
        if plan.taps < self.kernel_size:
            kernel = ops.slice(kernel, (plan.first_tap, 0, 0), (plan.taps, *kernel.shape[1:]))
        if plan.folds:
            x, kernel = _steps_to_channels(pad_or_crop(x, plan.before, plan.after), kernel, plan)
            outputs = convolve_padded(x, kernel)
        else:
            outputs = convolve_padded(x, kernel, plan.before, plan.after, plan.dilation)
            if plan.stride > 1:
                assert plan.outputs is not None
                outputs = take_every(outputs, 0, plan.stride, plan.outputs)
        return ops.add(outputs, self._bias_for(outputs.shape[1]))

    def _bias_for(self, steps: int | None) -> Tensor:
        """Return the bias in a shape that adds to (B, steps, filters)."""
        bias = ops.convert_to_tensor(self.bias)
        if steps is None or self.filters not in _FEW_FILTERS:
            return bias
        return ops.broadcast_to(bias, (1, steps, self.filters))

    def _is_short(self, x: Tensor, plan: ConvolutionPlan) -> bool:
        """Return whether one matrix over all steps is cheaper than sliding taps."""
        if plan.outputs is None or plan.dilation > 1:
            return False
        steps, channels = x.shape[1:]
        size = steps * channels * plan.outputs * self.filters
        if size > _MAX_MATRIX_SIZE:
            return False
        return bool(steps <= _MAX_STEPS_PER_TAP * plan.taps)

    def _multiply(self, x: Tensor, plan: ConvolutionPlan) -> Tensor:
        """Convolve by one matrix product over all steps and channels, without padding x."""
        steps, channels = x.shape[1:]
        outputs = plan.outputs
        assert outputs is not None
        # `@`, because Keras' matmul computes float64 in float32 on torch.
        flat = ops.reshape(x, (-1, steps * channels)) @ self._spread_kernel(steps, plan)
        flat = ops.add(flat, ops.tile(ops.convert_to_tensor(self.bias), outputs))
        return ops.reshape(flat, (-1, outputs, self.filters))

    def _spread_kernel(self, steps: int, plan: ConvolutionPlan) -> Tensor:
        """Return the kernel as a matrix (steps · C, outputs · filters), zero where no tap reads."""
        kernel = self.effective_kernel()
        channels = kernel.shape[1]
        outputs = plan.outputs or 0
        flat = ops.reshape(kernel, (self.kernel_size, channels * self.filters))
        positions = _tap_positions(plan, steps, self.kernel_size)
        positions = ops.convert_to_tensor(positions, kernel.dtype)
        spread = ops.reshape(positions @ flat, (steps, outputs, channels, self.filters))
        return ops.reshape(
            ops.transpose(spread, (0, 2, 1, 3)), (steps * channels, outputs * self.filters)
        )

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


@lru_cache(maxsize=256)
def _tap_positions(plan: ConvolutionPlan, steps: int, kernel_size: int) -> np.ndarray:
    """Return (steps · outputs, kernel_size): 1 where the output sees the step through that tap."""
    outputs = plan.outputs
    assert outputs is not None
    positions = np.zeros((steps, outputs, kernel_size), dtype="float32")
    for output in range(outputs):
        for tap in range(plan.taps):
            step = output * plan.stride + plan.lead + tap - plan.before
            if 0 <= step < steps:
                positions[step, output, plan.first_tap + tap] = 1
    return positions.reshape(-1, kernel_size)


def _steps_to_channels(x: Tensor, kernel: Tensor, plan: ConvolutionPlan) -> tuple[Tensor, Tensor]:
    """Turn `plan.stride` steps into the channels of one, so that no step is computed in vain.

    x (B, n, C) becomes (B, n / stride, stride·C), and the kernel, with zero taps in front,
    (taps / stride, stride·C, filters).
    """
    channels, filters = kernel.shape[1:]
    if plan.lead:
        kernel = ops.pad(kernel, [[plan.lead, 0], [0, 0], [0, 0]])
    rows = (plan.lead + plan.taps) // plan.stride
    folded_channels = plan.stride * channels
    x = ops.reshape(x, (-1, x.shape[1] // plan.stride, folded_channels))
    return x, ops.reshape(kernel, (rows, folded_channels, filters))


def _filter_norms(kernel: Tensor) -> Tensor:
    """Return ‖v‖ of each filter, (filters,).

    An all-zero filter gets a tiny norm instead of a division by zero.
    """
    dtype = keras.backend.standardize_dtype(kernel.dtype)
    wide_dtype = "float32"
    if dtype == "float64":
        wide_dtype = dtype
    wide = ops.cast(kernel, wide_dtype)
    squares = ops.sum(ops.square(wide), axis=(0, 1))
    # Not `ops.maximum`, which off TensorFlow computes float64 in float32.
    return ops.cast(ops.sqrt(ops.clip(squares, 1e-12, np.inf)), dtype)
