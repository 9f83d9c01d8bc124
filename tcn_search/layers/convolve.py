"""A kernel sliding over a sequence, and its gradient with respect to the sequence."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from tcn_search.layers.steps import resize


def slide(x: Any, kernel: Any, before: int = 0, after: int = 0, dilation: int = 1) -> Any:
    """`kernel` (taps, C, filters) over `x` (B, n, C) with so many zeros around it; (B, outputs, filters).

    Negative numbers of zeros cut steps off.
    """
    if keras.backend.backend() == "tensorflow" and min(before, after) >= 0 and before + after:
        outputs = _convolve(resize(ops.stop_gradient(x), before, after), kernel, dilation)
        return _with_gradient_of_inputs(outputs, x, kernel, before, after, dilation)
    return _convolve(resize(x, before, after), kernel, dilation)


def _convolve(x: Any, kernel: Any, dilation: int) -> Any:
    return ops.conv(x, kernel, padding="valid", dilation_rate=dilation, data_format="channels_last")


def _with_gradient_of_inputs(
    outputs: Any, x: Any, kernel: Any, before: int, after: int, dilation: int
) -> Any:
    """`outputs`, with the gradient with respect to `x` as a convolution with the reversed kernel.

    TensorFlow's own gradient also computes that of the zeros around x, by a routine that takes up to 1.7
    times as long with few steps or channels; this one computes what is wanted and nothing else.
    """
    reach = (kernel.shape[0] - 1) * dilation

    @ops.custom_gradient
    def attach(outputs: Any, x: Any, kernel: Any) -> Any:
        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            reversed_kernel = ops.transpose(ops.flip(kernel, axis=0), (0, 2, 1))
            around = resize(upstream, reach - before, reach - after)
            return upstream, _convolve(around, reversed_kernel, dilation), ops.zeros_like(kernel)

        return outputs, gradient

    return attach(outputs, x, kernel)
