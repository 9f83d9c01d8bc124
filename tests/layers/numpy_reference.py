"""A slow TCN in NumPy, one step at a time.

It is written from the paper's figure and keras-tcn's description.
"""

from __future__ import annotations

import numpy as np


def convolve(x, kernel, bias, dilation, padding):
    """Convolve x (T, C) with a kernel (k, C, F) to (T, F), with zeros around the sequence."""
    taps, steps = len(kernel), len(x)
    reach = (taps - 1) * dilation
    left = reach // 2 if padding == "same" else reach
    y = np.tile(bias, (steps, 1))
    for t in range(steps):
        for tap in range(taps):
            source = t - left + tap * dilation
            if 0 <= source < steps:
                y[t] += x[source] @ kernel[tap]
    return y


def normalise(y, norm, weights):
    """Apply the norm after a convolution; batch norm uses its moving statistics."""
    if norm == "layer":
        gamma, beta = weights.pop(0), weights.pop(0)
        return (
            gamma * (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 1e-3) + beta
        )
    if norm == "batch":
        gamma, beta, mean, variance = (weights.pop(0) for _ in range(4))
        return gamma * (y - mean) / np.sqrt(variance + 1e-3) + beta
    return y


def tcn(x, weights, architecture, activation, mask=None):
    """Return all steps (T, filters) of one sequence x (T, C), with weights of `TCN.get_weights()`.

    Masked steps have the value zero; the steps before the first and after the last valid step of
    the mask (T,) are zero at the input of every convolution.
    """
    weights = list(weights)
    masked = np.zeros(len(x), bool)
    if mask is not None:
        x = np.where(np.asarray(mask, bool)[:, None], x, 0)
        kept = np.flatnonzero(mask)
        masked[:] = True
        if len(kept):
            masked[kept[0] : kept[-1] + 1] = False
    blocks, total = architecture.blocks, 0.0
    for index, (dilation, filters) in enumerate(blocks):
        x = np.where(masked[:, None], 0, x)
        y = x
        for _ in range(2):
            y = np.where(masked[:, None], 0, y)
            kernel, bias = weights.pop(0), weights.pop(0)
            if architecture.norm == "weight":
                kernel = kernel / np.sqrt((kernel**2).sum((0, 1))) * weights.pop(0)
            y = activation(
                normalise(
                    convolve(y, kernel, bias, dilation, architecture.padding),
                    architecture.norm,
                    weights,
                )
            )
        skip = activation(y)
        total = total + skip if architecture.use_skip_connections else skip
        if architecture.use_skip_connections and index == len(blocks) - 1:
            break
        if x.shape[1] != filters:
            kernel, bias = weights.pop(0), weights.pop(0)
            x = x @ kernel[0] + bias
        x = activation(x + skip)
    assert not weights
    return total if architecture.use_skip_connections else x
