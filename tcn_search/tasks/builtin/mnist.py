"""Sequential MNIST: handwritten digits, read one pixel at a time.

As in Le, Jaitly, Hinton 2015 and Bai, Kolter, Koltun 2018.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from tcn_search.arguments import positive_integer
from tcn_search.errors import InputError
from tcn_search.formats.download import RemoteFile, fetch
from tcn_search.tasks.splitting import SplitRule, split_off_validation
from tcn_search.tasks.task import Task

STEPS = 28 * 28
CONTEXT_REASON = "the digit is asked for after its last pixel, and any of the 784 may tell it"
FILE = RemoteFile(
    "mnist.npz",
    urls=("https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",),
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")
# Digest of the four arrays one after the other, so that any packing of the same pixels is accepted.
_ARRAYS_SHA256 = "06b0d1f124c4e5fa796686ade41a9b778edacc8622f2195a352ef479ad44fc16"


def seq_mnist(
    train: int | None = None,
    validation_size: int = 5_000,
    test_size: int | None = None,
    seed: int = 0,
    data_dir: str | None = None,
) -> Task:
    """Classify digits from their 28 · 28 pixels, row by row: X (n, 784, 1) in [0, 1], y (n,).

    The test split is the published one. The validation split is drawn from the 60,000 published
    training images, stratified and seeded, and never from the test images.

    Args:
        train: training sequences, if not all that the validation split leaves (55,000).
        validation_size: validation sequences.
        test_size: test sequences, if not all 10,000; for quick trials.
        seed: seed of the validation split, and of the training sequences if not all are used.
        data_dir: folder of the file, or to download it to.

    Raises:
        InputError: sizes that exceed the images, or a file that is neither there nor downloaded.
    """
    return _load(
        "seq_mnist",
        train=train,
        validation_size=validation_size,
        test_size=test_size,
        seed=seed,
        data_dir=data_dir,
    )


def permuted_mnist(
    train: int | None = None,
    validation_size: int = 5_000,
    test_size: int | None = None,
    seed: int = 0,
    permutation_seed: int = 0,
    data_dir: str | None = None,
) -> Task:
    """Load `seq_mnist` with the 784 steps in one random order, the same for all images.

    Args:
        permutation_seed: seed of the order. A study keeps it with its options.
        train, validation_size, test_size, seed, data_dir: as in `seq_mnist`.

    Raises:
        InputError: as `seq_mnist`.
    """
    order = np.random.default_rng(permutation_seed).permutation(STEPS)
    return _load(
        "permuted_mnist",
        train=train,
        validation_size=validation_size,
        test_size=test_size,
        seed=seed,
        data_dir=data_dir,
        order=order,
    )


def _load(
    name: str,
    *,
    train: int | None,
    validation_size: int,
    test_size: int | None,
    seed: int,
    data_dir: str | None,
    order: np.ndarray | None = None,
) -> Task:
    """Load either task; `order` permutes the 784 steps."""
    images, digits, test_images, test_digits = read_mnist(fetch(FILE, data_dir, is_mnist))
    positive_integer("validation_size", validation_size)
    kept, held_out = _draw_rows(digits, train, validation_size, seed)
    test_rows = np.arange(len(test_images))
    if test_size is not None:
        test_rows = test_rows[: positive_integer("test_size", test_size)]
    task = Task.from_arrays(
        _sequences(images[kept], order),
        digits[kept],
        X_validation=_sequences(images[held_out], order),
        y_validation=digits[held_out],
        X_test=_sequences(test_images[test_rows], order),
        y_test=test_digits[test_rows],
        class_names=[str(digit) for digit in range(10)],
        name=name,
        kind="classification",
    )
    description = f"classification, 10 digits from {STEPS} pixels"
    if order is not None:
        description += " in a drawn order"
    return replace(
        task,
        spec=replace(task.spec, context_reason=CONTEXT_REASON),
        inferred=description,
        split=SplitRule(fraction=validation_size / len(digits), seed=seed),
    )


def _draw_rows(
    digits: np.ndarray, train: int | None, validation_size: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of the training and of the validation split, both stratified."""
    total = len(digits)
    train_size = None if train is None else positive_integer("train", train)
    if validation_size + (train_size or 10) > total:
        raise InputError(
            f"train and validation_size must not exceed the {total:,} training images together. "
            f"Received: {train} and {validation_size}"
        )
    kept, held_out = split_off_validation(
        total, SplitRule(fraction=validation_size / total, seed=seed), digits
    )
    if train_size is not None and train_size < len(kept):
        _, drawn = split_off_validation(
            len(kept), SplitRule(fraction=train_size / len(kept), seed=seed), digits[kept]
        )
        kept = kept[drawn]
    return kept, held_out


def _sequences(images: np.ndarray, order: np.ndarray | None) -> np.ndarray:
    """Return (n, 784, 1) float32 in [0, 1] from images (n, 28, 28) of bytes."""
    pixels = images.reshape(len(images), STEPS, 1)
    if order is not None:
        pixels = pixels[:, order]
    return pixels.astype("float32") / 255


def read_mnist(file: Path) -> list[np.ndarray]:
    """Return training images (n, 28, 28) and digits (n,), then the test ones, all as bytes."""
    with np.load(file, allow_pickle=False) as archive:
        return [archive[name] for name in _ARRAYS]


def is_mnist(file: Path) -> bool:
    """Return whether an .npz holds the published images, in their order."""
    if not zipfile.is_zipfile(file):
        return False
    digest = hashlib.sha256()
    try:
        for array in read_mnist(file):
            digest.update(np.ascontiguousarray(array).tobytes())
    except (KeyError, ValueError, OSError, zipfile.BadZipFile, zlib.error):
        return False
    return digest.hexdigest() == _ARRAYS_SHA256
