"""Sequential MNIST, read from the real file where the download would put it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tcn_search import load_task
from tcn_search.errors import InputError
from tcn_search.tasks.builtin.mnist import is_mnist, read_mnist

SMALL = {"train": 300, "validation_size": 200, "test_size": 50}


@pytest.fixture
def data_dir(shared_data: Path, tmp_path: Path) -> Path:
    (tmp_path / "mnist.npz").symlink_to(shared_data / "mnist.npz")
    return tmp_path


def test_splits_are_separate_and_the_test_split_is_the_published_one(data_dir: Path) -> None:
    images, digits, test_images, test_digits = read_mnist(data_dir / "mnist.npz")
    task = load_task("seq_mnist", data_dir=str(data_dir), **SMALL)
    assert task.test is not None
    assert abs(len(task.train) - 300) < 5
    assert abs(len(task.validation) - 200) < 5
    assert task.train.X.shape[1:] == (784, 1)
    assert np.bincount(task.train.y).min() > 20
    np.testing.assert_allclose(
        task.test.X[..., 0] * 255, test_images[:50].reshape(50, 784), atol=1e-4
    )
    np.testing.assert_array_equal(task.test.y, test_digits[:50])
    known = {image.tobytes(): int(digit) for image, digit in zip(images, digits, strict=True)}
    rows = [np.round(split.X * 255).astype("uint8") for split in (task.train, task.validation)]
    for split, pixels in zip((task.train, task.validation), rows, strict=True):
        assert [known[row.tobytes()] for row in pixels] == split.y.tolist()
    assert not {row.tobytes() for row in rows[0]} & {row.tobytes() for row in rows[1]}
    assert task.split is not None  # cut from the training images, so that a refit has both
    assert task.cross_validated(3).trainings == 3


def test_one_order_permutes_every_image(data_dir: Path) -> None:
    plain, drawn, other = (
        load_task(name, data_dir=str(data_dir), **SMALL, **options)
        for name, options in (
            ("seq_mnist", {}),
            ("permuted_mnist", {}),
            ("permuted_mnist", {"permutation_seed": 1}),
        )
    )
    order = np.random.default_rng(0).permutation(784)
    for split in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(drawn, split).X, getattr(plain, split).X[:, order])
        np.testing.assert_array_equal(getattr(drawn, split).y, getattr(plain, split).y)
    assert drawn.fingerprint() != other.fingerprint()


def test_other_images_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "mnist.npz"
    arrays = {
        "x_train": np.zeros((2, 28, 28)),
        "y_train": [0, 1],
        "x_test": np.zeros((1, 28, 28)),
        "y_test": [0],
    }
    np.savez(file, **arrays)  # type: ignore[arg-type]
    assert not is_mnist(file)
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    damaged = bytearray(file.read_bytes())
    damaged[80:90] = bytes(10)  # within the compressed images
    file.write_bytes(damaged)
    assert not is_mnist(file)
    np.savez(file, **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"mnist.npz is not the expected file: its SHA-256 is "):
        load_task("seq_mnist", data_dir=str(tmp_path))


def test_too_many_training_sequences(data_dir: Path) -> None:
    with pytest.raises(InputError) as error:
        load_task("seq_mnist", data_dir=str(data_dir), train=58_000)
    assert str(error.value) == (
        "train and validation_size must not exceed the 60,000 training images together. Received: 58000 and 5000"
    )
