"""Log-mel features: the numbers of Keras' own layer, clip by clip."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_search.errors import InputError
from tcn_search.formats.fronts import clips_to_steps, samples_to_steps
from tcn_search.formats.log_mel import LOWEST_RATE, count_frames, default_hop, log_mel


def sweep(samples: int, rate: int) -> np.ndarray:
    """Return a rising tone with some noise, which grows louder."""
    time = np.arange(samples) / rate
    tone = np.sin(2 * np.pi * (100 + rate / 8 * time) * time)
    noise = np.random.default_rng(0).normal(size=samples)
    loudness = np.linspace(0.001, 0.5, samples)
    return (loudness * (tone + 0.01 * noise)).astype("float32")


@pytest.mark.parametrize(
    ("rate", "window", "fft_length"),
    [(LOWEST_RATE, 50, 128), (8000, 200, 512), (16000, 400, 1024), (44100, 1102, 4096)],
)
def test_numbers_are_those_of_the_layer_of_keras(rate: int, window: int, fft_length: int) -> None:
    import keras  # here, so that the other tests run without it

    hop = default_hop(rate)
    layer = keras.layers.MelSpectrogram(
        fft_length=fft_length,
        sequence_stride=hop,
        sequence_length=window,
        sampling_rate=rate,
        num_mel_bins=40,
        max_freq=rate / 2,
    )
    clip = sweep(rate // 2, rate)
    features = log_mel(clip, rate, hop)
    expected = keras.ops.convert_to_numpy(layer(clip)).T
    assert features.shape == expected.shape == (count_frames(len(clip), hop), 40)
    np.testing.assert_allclose(features, expected, atol=0.01)  # decibels


def test_a_step_is_ten_milliseconds_and_sees_the_sound_at_its_place() -> None:
    assert [default_hop(rate) for rate in (8000, 16000, 22050, 44100)] == [80, 160, 220, 441]
    clip = np.zeros(4000, dtype="float32")
    clip[1600] = 1  # at step 20
    loud = log_mel(clip, 8000, 80).max(axis=1)
    assert loud.argmax() == 20
    assert np.flatnonzero(loud > loud.min()).tolist() == [19, 20, 21]


def test_silence_and_clips_shorter_than_a_window_have_features() -> None:
    for samples in (1, 2, 60):
        features = log_mel(np.zeros(samples, dtype="float32"), 8000, 80)
        assert features.shape == (1, 40)
        np.testing.assert_array_equal(features, np.float32(-100))


def test_a_batch_has_the_features_of_each_clip_alone() -> None:
    """Keras' layer would mirror at the end of the padding and raise numbers to the loudest clip's."""
    clips = [sweep(samples, 8000) * scale for samples, scale in ((3000, 1), (799, 1e-4), (800, 1))]
    X, lengths = clips_to_steps(clips, 8000, 80, "log_mel")
    assert lengths.tolist() == [38, 10, 11]
    for row, steps, clip in zip(X, lengths, clips, strict=True):
        np.testing.assert_array_equal(row[:steps], log_mel(clip, 8000, 80))
        assert np.isnan(row[steps:]).all()


@pytest.mark.parametrize("front", ["log_mel", "average", "fold"])
def test_samples_end_with_nan_and_a_clip_without_any_is_refused(front: str) -> None:
    clip = sweep(900, 8000)
    samples = np.full((2, 1000, 1), np.nan)
    samples[0, :900, 0] = clip
    samples[1, 0] = 0.5
    steps = samples_to_steps(samples, 8000, 80, front)
    expected, _ = clips_to_steps([clip], 8000, 80, front)
    np.testing.assert_array_equal(steps[:1], expected)
    assert np.isfinite(steps[1, 0]).all()
    assert np.isnan(steps[1, 1:]).all()
    samples[1] = np.nan
    with pytest.raises(InputError) as error:
        samples_to_steps(samples, 8000, 80, front)
    assert str(error.value) == "Every clip must have samples. Received: none in sequence 1"
