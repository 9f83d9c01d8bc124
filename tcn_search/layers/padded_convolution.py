"""Convolution of a zero-padded sequence, and its gradient with respect to the sequence."""

from __future__ import annotations

import keras
from keras import ops

from tcn_search.layers.slicing import pad_or_crop
from tcn_search.layers.tensor import Tensor


def convolve_padded(
    x: Tensor, kernel: Tensor, before: int = 0, after: int = 0, dilation: int = 1
) -> Tensor:
    """Slide a kernel over a sequence with zeros around it.

    Args:
        x: (B, n, C).
        kernel: (taps, C, filters).
        before, after: zeros at both ends of `x`; negative numbers crop steps.
        dilation: steps between two taps.

    Returns:
        (B, outputs, filters).
    """
    if keras.backend.backend() == "tensorflow" and min(before, after) >= 0 and before + after:
        outputs = _convolve(pad_or_crop(ops.stop_gradient(x), before, after), kernel, dilation)
        return _with_gradient_of_inputs(outputs, x, kernel, before, after, dilation)
    return _convolve(pad_or_crop(x, before, after), kernel, dilation)


def _convolve(x: Tensor, kernel: Tensor, dilation: int) -> Tensor:
    return ops.conv(x, kernel, padding="valid", dilation_rate=dilation, data_format="channels_last")


def _with_gradient_of_inputs(
    outputs: Tensor, x: Tensor, kernel: Tensor, before: int, after: int, dilation: int
) -> Tensor:
    """Return `outputs` with our own gradient with respect to `x`.

    The gradient is a convolution with the reversed kernel. TensorFlow's own gradient also computes
    that of the zeros around x, by a routine that takes up to 1.7 times as long with few steps or
    channels. This gradient computes only that of x.
    """
    reach = (kernel.shape[0] - 1) * dilation

    @ops.custom_gradient
    def attach(outputs: Tensor, x: Tensor, kernel: Tensor) -> Tensor:
        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            reversed_kernel = ops.transpose(ops.flip(kernel, axis=0), (0, 2, 1))
            padded = pad_or_crop(upstream, reach - before, reach - after)
            return upstream, _convolve(padded, reversed_kernel, dilation), ops.zeros_like(kernel)

        return outputs, gradient

    return attach(outputs, x, kernel)
