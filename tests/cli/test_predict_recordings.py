"""`tcn-search predict` on recordings, with a model that was trained on a folder of them."""

from __future__ import annotations

import io
import wave
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from tcn_search import Architecture, Task, build_model, load_task
from tcn_search.cli.main import main
from tcn_search.formats.wav_files import read_wav
from tcn_search.models.predict import predict
from tcn_search.models.standardize import Standardize
from tests.conftest import draw_head, waves

ARCHITECTURE = Architecture(
    nb_filters=4, kernel_size=3, dilations=(1, 2, 4), readout="last", norm="none"
)
RATE = 8000


def write(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(np.asarray(samples).astype("<i2").tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make recordings of low and high tones, 40 to 45 samples, and a model trained for an epoch."""
    folder = tmp_path_factory.mktemp("tones")
    generator = np.random.default_rng(0)
    for label, speed in (("tone_low", 0.3), ("tone_high", 2.0)):
        for number in range(6):
            speaker = ("anna", "mary_ann", "cem")[number % 3]
            samples = 9000 * np.sin(generator.uniform(0, 6) + speed * np.arange(40 + number))
            write(folder / "tones" / label / f"{speaker}_{number}.wav", samples)
    task = load_task(
        "wav_folder", folder=folder / "tones", downsample=2, front="fold", validation_fraction=0.3
    )
    model = build_model(ARCHITECTURE, task)
    model.fit(task.train.X, task.train.y, epochs=1, verbose=0)
    model.save(folder / "best.keras")
    return folder


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def predicted(capsys: pytest.CaptureFixture[str], data: str) -> pd.DataFrame:
    assert main(["predict", "best.keras", data]) == 0
    return pd.read_csv(io.StringIO(capsys.readouterr().out))


def test_a_row_for_each_file_of_a_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = predicted(capsys, "tones")
    assert list(frame) == ["file", "prediction", "probability_tone_high", "probability_tone_low"]
    files = sorted((folder / "tones").glob("*/*.wav"))
    assert list(frame["file"]) == [path.relative_to(folder / "tones").as_posix() for path in files]
    task = load_task(
        "wav_folder", folder=folder / "tones", downsample=2, front="fold", validation_fraction=0.3
    )
    model = keras.saving.load_model(folder / "best.keras")
    as_trained = {tuple(row) for row in model.predict(task.train.X, verbose=0).round(4)}
    rows = frame[["probability_tone_high", "probability_tone_low"]].to_numpy(dtype="float32")
    assert as_trained <= {tuple(row) for row in rows.round(4)}


def test_one_file_is_a_row_as_in_its_folder(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder = predicted(capsys, "tones").set_index("file").loc["tone_low/anna_0.wav"]
    (folder / "one.WAV").write_bytes((folder / "tones" / "tone_low" / "anna_0.wav").read_bytes())
    (row,) = predicted(capsys, "one.WAV").to_dict("records")
    assert (row["file"], row["prediction"]) == ("one.WAV", in_folder["prediction"])
    assert row["probability_tone_low"] == pytest.approx(in_folder["probability_tone_low"], abs=1e-5)


def test_log_mel_features_are_computed_from_files_and_from_samples(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = load_task(
        "wav_folder",
        folder=folder / "tones",
        front="log_mel",
        downsample=3,
        validation_fraction=0.3,
    )
    model = build_model(replace(ARCHITECTURE, dilations=(1,)), task)
    draw_head(model)
    model.save("log_mel.keras")
    assert model.input_shape == (None, 16, 40)
    assert task.spec.ragged
    assert main(["predict", "log_mel.keras", "tones"]) == 0
    frame = pd.read_csv(io.StringIO(capsys.readouterr().out))
    probabilities = ["probability_tone_high", "probability_tone_low"]
    X = np.full((len(frame), 45, 1), np.nan, dtype="float32")
    for row, name in enumerate(frame["file"]):
        samples, _ = read_wav(folder / "tones" / name)
        X[row, : len(samples), 0] = samples
    from_samples = predict(keras.saving.load_model("log_mel.keras"), X)
    np.testing.assert_allclose(from_samples[probabilities], frame[probabilities], atol=1e-5)
    as_trained = {tuple(row) for row in model.predict(task.train.X, verbose=0).round(4)}
    assert as_trained <= {tuple(row) for row in frame[probabilities].to_numpy("float32").round(4)}


def test_files_left_out_are_named_beside_the_table(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "some" / "a.wav", np.arange(20))
    (folder / "some" / "a.mp3").touch()
    assert main(["predict", "best.keras", "some", "--out", "some.csv"]) == 0
    out, err = capsys.readouterr()
    assert out == "wrote 1 predictions to some.csv\n"
    assert err == "left out: 1 not ending in .wav (a.mp3)\n"
    assert list(pd.read_csv("some.csv")["file"]) == ["a.wav"]


def error_of(capsys: pytest.CaptureFixture[str], model: str, data: str) -> str:
    assert main(["predict", model, data]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    return err.removeprefix("tcn-search predict: ").rstrip("\n")


def test_recordings_that_the_model_does_not_take(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder / "fast.wav", np.arange(20), rate=16000)
    write(folder / "long.wav", np.arange(47))
    (folder / "text.wav").write_text("hello")
    (folder / "empty").mkdir()
    assert error_of(capsys, "best.keras", "fast.wav") == (
        "fast.wav has 16,000 Hz, and the model was trained on recordings of 8,000 Hz. Resample it."
    )
    assert error_of(capsys, "best.keras", "long.wav") == (
        "long.wav is longer than the model takes: 0.006 s (47 samples), and it takes up to 0.006 s (46 samples). "
        "Cut it, or train a model on recordings as long."
    )
    assert error_of(capsys, "best.keras", "text.wav") == (
        "text.wav cannot be read as a WAV file: it does not begin with RIFF. Received: b'hell'"
    )
    assert (
        error_of(capsys, "best.keras", "empty")
        == "empty holds no .wav file, nor does any folder in it."
    )
    assert error_of(capsys, "best.keras", "none.wav") == "There is no file none.wav."


def test_models_without_the_format_of_their_recordings_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    message = (
        "Recordings can only be given to a model that was trained on WAV files and keeps how they were read. This one "
        "was trained on other data, or saved by an earlier version of tcn-search; then train it again: "
        "tcn-search best STUDY --out NEW.keras"
    )
    X, y = waves(8)
    build_model(ARCHITECTURE, Task.from_arrays(X, y)).save(folder / "waves.keras")
    assert error_of(capsys, "waves.keras", "tones") == message
    plain = Standardize.get_config
    earlier = lambda layer: {k: v for k, v in plain(layer).items() if k != "recordings"}  # noqa: E731
    with monkeypatch.context() as patch:
        patch.setattr(Standardize, "get_config", earlier)
        keras.saving.load_model(folder / "best.keras").save(folder / "earlier.keras")
    assert error_of(capsys, "earlier.keras", "tones/tone_low/anna_0.wav") == message
    keras.Sequential([keras.Input((3, 1)), keras.layers.Flatten()]).save(folder / "other.keras")
    assert error_of(capsys, "other.keras", "tones") == (
        "Only a model that tcn_search built can be used: it has class names and scaling inside."
    )
