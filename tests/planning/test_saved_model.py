"""`check` on existing models: layers of this package and of keras-tcn, and .keras files."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tcn_search as ts
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.planning.saved_model import find_tcn


def model_with(layer, steps: int | None = 40, channels: int = 3):
    import keras

    inputs = keras.Input((steps, channels))
    return keras.Model(inputs, keras.layers.Dense(1)(layer(inputs)))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tcn_search.layers.tcn import TCN

    file = tmp_path_factory.mktemp("model") / "model.keras"
    model_with(TCN(4, 3, 2, [1, 2, 4], norm="layer", name="mine")).save(file)
    return file


def test_a_saved_file_says_architecture_length_and_channels(saved: Path) -> None:
    tcn = find_tcn(saved)
    assert tcn.name == "mine"
    assert tcn.architecture == ts.Architecture(4, 3, (1, 2, 4), 2, norm="layer")
    assert (tcn.seq_len, tcn.input_channels) == (40, 3)
    report = ts.check(str(saved))
    assert report.receptive_field == 57
    assert report.covers


def test_another_layer_called_patches_is_no_stem(saved: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.keras"
    with zipfile.ZipFile(saved) as archive, zipfile.ZipFile(file, "w") as written:
        config = json.loads(archive.read("config.json"))
        other = {"class_name": "Patches", "config": {"patch_size": 4}, "build_config": {}}
        config["config"]["layers"].append(other)
        written.writestr("config.json", json.dumps(config))
    assert find_tcn(file) == find_tcn(saved)


def test_the_command_reads_a_saved_file(saved: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["check", str(saved)]) == 0
    assert "sequence length 40" in capsys.readouterr().out.splitlines()[0]
    assert main(["check", str(saved), "--layer", "mine", "--seq-len", "200"]) == 1
    assert "No: it sees 57 of the 200 steps required" in capsys.readouterr().out


def test_a_saved_file_is_read_without_a_tensor_library(saved: Path) -> None:
    code = (
        "import sys, tcn_search as ts\n"
        f"assert ts.check({str(saved)!r}, seq_len=58).covers is False\n"
        "heavy = {'keras', 'tensorflow', 'jax', 'torch', 'numpy', 'pandas', 'matplotlib', 'optuna', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_layer_and_a_model_in_memory() -> None:
    from tcn_search.layers.tcn import TCN

    layer = TCN(4, 3, 1, [1, 2], padding="same", use_skip_connections=False)
    model = model_with(layer)
    for source in (layer, model):
        report = ts.check(source, seq_len=30)
        assert report.architecture == layer.architecture
        assert report.input_channels == 3
        assert report.cost.parameters == layer.count_params()


def test_a_layer_of_keras_tcn_in_memory_and_saved(tmp_path: Path) -> None:
    keras_tcn = pytest.importorskip("tcn")
    layer = keras_tcn.TCN(5, 2, 3, (1, 2, 4, 8), use_layer_norm=True, dropout_rate=0.1)
    model = model_with(layer)
    model.save(tmp_path / "theirs.keras")
    for source in (layer, model, tmp_path / "theirs.keras"):
        report = ts.check(source, seq_len=100)
        assert report.receptive_field == layer.receptive_field == 91
        assert report.cost.parameters == layer.count_params()


def test_a_layer_that_is_not_built_yet_leaves_the_channels_open() -> None:
    from tcn_search.layers.tcn import TCN

    tcn = find_tcn(TCN(4, 3))
    assert (tcn.seq_len, tcn.input_channels) == (None, None)
    with pytest.raises(
        InputError, match=r"seq_len must be an integer of at least 1\. Received: None"
    ):
        ts.check(TCN(4, 3))


def test_several_tcns_are_told_apart_by_name() -> None:
    import keras

    from tcn_search.layers.tcn import TCN

    first, second = TCN(4, return_sequences=True, name="low"), TCN(4, 2, name="high")
    inputs = keras.Input((20, 1))
    model = keras.Model(inputs, second(first(inputs)))
    with pytest.raises(InputError, match="has 2 TCN layers: low, high"):
        find_tcn(model)
    assert find_tcn(model, layer="high").architecture.kernel_size == 2
    with pytest.raises(InputError, match=r"has no TCN layer 'middle'\. It has: low, high"):
        find_tcn(model, layer="middle")


def test_sources_without_a_tcn_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is no file"):
        find_tcn(tmp_path / "missing.keras")
    (tmp_path / "weights.h5").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"is not a \.keras file"):
        find_tcn(tmp_path / "weights.h5")
    with zipfile.ZipFile(tmp_path / "dense.keras", "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Dense", "config": {"units": 3}}))
    with pytest.raises(
        InputError, match="has no TCN layer, neither of tcn_search nor of keras-tcn"
    ):
        find_tcn(tmp_path / "dense.keras")
