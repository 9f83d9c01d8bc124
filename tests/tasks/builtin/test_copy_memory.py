"""Copy memory: the paper's sequences, the required context, and the score of predicting blanks."""

from __future__ import annotations

import numpy as np
import pytest

from tcn_search import Architecture, build_model, load_task
from tcn_search.errors import InputError

SIZES = {"train_size": 40, "validation_size": 12, "test_size": 8}


def test_the_symbols_come_back_after_the_blanks() -> None:
    task = load_task("copy_memory", blanks=30, **SIZES)
    assert task.test is not None
    for split, size in ((task.train, 40), (task.validation, 12), (task.test, 8)):
        X, y = split.X[..., 0], split.y
        assert X.shape == y.shape == (size, 50)
        assert (X[:, 10:39] == 0).all()
        assert (X[:, 39:] == 9).all()
        assert ((X[:, :10] >= 1) & (X[:, :10] <= 8)).all()
        assert (y[:, :40] == 0).all()
        np.testing.assert_array_equal(y[:, 40:], X[:, :10])
    assert set(np.unique(task.train.y)) == set(range(9))
    assert (task.spec.required_context, task.spec.outputs) == (41, 9)
    assert task.spec.context_reason == (
        "each symbol is asked for 40 steps after it was seen: a network that misses just that step is blind"
    )


def test_the_required_context_is_the_lag_and_the_step_itself() -> None:
    spec = load_task("copy_memory", blanks=30, **SIZES).spec
    asked, seen = 40, 0
    assert spec.required_context == asked - seen + 1


def test_a_seed_gives_the_same_task() -> None:
    one, same, other = (
        load_task("copy_memory", blanks=5, seed=seed, **SIZES) for seed in (1, 1, 2)
    )
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


def test_predicting_blanks_scores_nothing() -> None:
    task = load_task("copy_memory", seq_len=520, **SIZES)
    model = build_model(
        Architecture(nb_filters=1, kernel_size=2, dilations=(1,), readout="sequence"), task
    )
    model.get_layer("head").set_weights([np.zeros((1, 9)), 9.0 * np.eye(9)[0]])
    judged = model.evaluate(task.validation.X, task.validation.y, verbose=0, return_dict=True)
    assert set(judged) == {
        "loss",
        "accuracy_last_10",
        "balanced_accuracy_last_10",
        "f1_last_10",
        "perplexity_last_10",
    }
    assert judged["accuracy_last_10"] == 0
    assert judged["loss"] == pytest.approx(10 / 520 * 9, rel=0.06)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blanks": 5, "seq_len": 25}, "copy_memory takes blanks or seq_len = blanks + 20, not both. Received: 5 and 25"),
        ({"seq_len": 20}, "seq_len of copy_memory must be at least 21: ten symbols, blanks, and ten answers. Received: 20"),
        ({"blanks": 0}, "blanks must be an integer of at least 1. Received: 0"),
    ],
)  # fmt: skip
def test_bad_sizes(options: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as error:
        load_task("copy_memory", **options)
    assert str(error.value) == message
