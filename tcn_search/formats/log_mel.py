"""Log-mel features of a clip: the numbers of `keras.layers.MelSpectrogram`, in NumPy.

Data is read in processes that import no tensor library, hence no Keras. A test compares the two.
"""

from __future__ import annotations

import functools
import math

import numpy as np

BANDS = 40
LOWEST_RATE = 2_000  # Hz: below it the lowest bands hold no frequency of the Fourier transform
_WINDOW_SECONDS = 0.025
_HOP_SECONDS = 0.010
_LOWEST_FREQUENCY = 20.0  # Hz
_LEAST_POWER = 1e-10
_MOST_DECIBELS = 80.0  # between a clip's loudest number and its quietest


def default_hop(rate: int) -> int:
    """Return the samples in 10 ms at a sampling rate in Hz."""
    return max(1, round(_HOP_SECONDS * rate))


def count_frames(samples: int, hop: int) -> int:
    """Return the number of frames of a clip: their centres are 0, hop, 2·hop, ... samples.

    >>> count_frames(799, 80), count_frames(800, 80)
    (10, 11)
    """
    return 1 + samples // hop


def log_mel(clip: np.ndarray, rate: int, hop: int) -> np.ndarray:
    """Return the power of each frame in 40 mel bands, in decibels, (frames, 40) float32.

    A frame is a Hann window of 25 ms. The clip is mirrored at both ends, so that frames at its
    edges are full. Numbers more than 80 dB below the clip's largest are raised to that level.

    Args:
        clip: (samples,).
        rate: sampling rate in Hz.
        hop: samples from one frame to the next.
    """
    window, fft_length = _sizes(rate)
    half = fft_length // 2
    mirrored = np.pad(clip.astype("float64"), half, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, fft_length)[::hop]
    before = (fft_length - window) // 2
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    windowed = frames[:, before : before + window] * hann
    # Zeros around the window would only turn phases, not powers.
    power = np.abs(np.fft.rfft(windowed, fft_length)) ** 2
    decibels = 10 * np.log10(np.maximum(power @ _mel_weights(rate, fft_length), _LEAST_POWER))
    features: np.ndarray = np.maximum(decibels, decibels.max() - _MOST_DECIBELS)
    return features.astype("float32")


def _sizes(rate: int) -> tuple[int, int]:
    """Return the samples of a window and of its Fourier transform.

    The latter is a power of two, twice as long, so that the narrow bands of low frequencies have a
    frequency inside them.
    """
    window = round(_WINDOW_SECONDS * rate)
    return window, 2 ** math.ceil(math.log2(2 * window))


@functools.cache
def _mel_weights(rate: int, fft_length: int) -> np.ndarray:
    """Return the weight of each frequency in each band, (fft_length // 2 + 1, 40).

    Bands are triangles that overlap by half, of equal width in mel, as in the Hidden Markov Model
    Toolkit; the frequency 0 is in none.
    """
    frequencies = np.linspace(0, rate / 2, fft_length // 2 + 1)
    mels = _hertz_to_mel(frequencies)[:, None]
    edges = np.linspace(_hertz_to_mel(_LOWEST_FREQUENCY), _hertz_to_mel(rate / 2), BANDS + 2)
    lower = edges[:-2]
    centre = edges[1:-1]
    upper = edges[2:]
    rising = (mels - lower) / (centre - lower)
    falling = (upper - mels) / (upper - centre)
    weights: np.ndarray = np.maximum(0, np.minimum(rising, falling))
    weights[0] = 0
    return weights


def _hertz_to_mel(frequency: float | np.ndarray) -> np.ndarray:
    return 1127 * np.log(1 + np.asarray(frequency) / 700)
