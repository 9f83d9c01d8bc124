"""The next word: windows, vocabulary, and models whose embedding is also their head."""

from __future__ import annotations

import gzip
import math
from pathlib import Path

import keras
import numpy as np
import pytest

from tcn_search import (
    Architecture,
    SearchSpace,
    TrainingSettings,
    build_model,
    load_model,
    load_task,
)
from tcn_search.baselines.build import build_baseline
from tcn_search.baselines.recurrent import Recurrent, sized_to
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.models.predict import predict, vocabulary_of
from tcn_search.planning.model_size import ModelShape
from tcn_search.search.definition import Definition
from tcn_search.search.trial_values import multiply_adds, parameter_count
from tcn_search.tasks.builtin.word_ptb import read_new_text
from tcn_search.tasks.kinds import Metric
from tcn_search.tasks.registry import published_for
from tcn_search.tasks.task import Task
from tcn_search.tasks.task_spec import sequences_at_once
from tcn_search.trainers.fit import train

ARCHITECTURE = Architecture(nb_filters=6, kernel_size=3, dilations=(1, 2, 4, 8), readout="sequence")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A text of six words that repeat, so that each tells the next."""
    sentence = " the cat saw a dog the <unk> \n"
    (tmp_path / "ptb.train.txt").write_text(sentence * 60)
    (tmp_path / "ptb.valid.txt").write_text(" the bird saw a dog \n" + sentence * 20)
    with gzip.open(tmp_path / "ptb.test.txt.gz", "wt") as file:
        file.write(sentence * 20)
    return tmp_path


@pytest.fixture
def task(folder: Path) -> Task:
    return load_task("word_ptb", folder=folder)


def words_of(task: Task, numbers: np.ndarray) -> list[str]:
    return [task.spec.class_names[int(number)] for number in numbers]


def test_targets_are_the_words_after_the_last_forty_steps(task: Task) -> None:
    assert task.test is not None
    assert (task.spec.seq_len, task.spec.required_context, task.spec.scored_steps) == (80, 40, 40)
    assert task.spec.context_reason == (
        "each scored word follows at least 40 that are given: windows of 80 words are scored on their last 40"
    )
    assert task.inferred == "the next of 7 words, 480 words to train on"
    assert task.train.X.shape == (10, 80, 1)
    assert task.train.y.shape == (10, 40)
    np.testing.assert_array_equal(task.train.X[0, 41:, 0], task.train.y[0, :-1])
    np.testing.assert_array_equal(
        task.train.X[1, :40], task.train.X[0, 40:]
    )  # windows begin every 40 words
    sentence = ["the", "cat", "saw", "a", "dog", "the", "<unk>", "<eos>"]
    assert words_of(task, task.train.X[0, :8, 0]) == sentence
    assert words_of(task, task.train.y[0]) == [*sentence[1:], sentence[0]] * 5
    assert words_of(task, task.validation.X[0, :6, 0]) == [
        "the",
        "<unk>",
        "saw",
        "a",
        "dog",
        "<eos>",
    ]


def test_a_small_study_takes_less_text_and_fewer_words(folder: Path) -> None:
    task = load_task("word_ptb", folder=folder, train_tokens=100, vocabulary=4)
    assert len(task.train) == 1
    assert task.spec.class_names == ("the", "a", "cat", "<unk>")
    assert words_of(task, task.train.X[0, :4, 0]) == ["the", "cat", "<unk>", "a"]


def test_published_numbers_are_those_of_the_whole_text(folder: Path) -> None:
    whole = published_for(load_task("word_ptb", folder=folder).source)
    assert {result.model: result.score for result in whole} == {
        "TCN": 88.68,
        "LSTM": 78.93,
        "GRU": 92.48,
        "RNN": 114.50,
    }
    assert published_for(load_task("word_ptb", folder=folder, vocabulary=4).source) == ()


def test_the_embedding_is_counted_once(task: Task) -> None:
    model = build_model(ARCHITECTURE, task)
    assert model.output_shape == (None, 40, 7)
    assert model.count_params() == ModelShape(80, 1, 7, vocabulary=7).parameters(ARCHITECTURE)
    assert parameter_count(ARCHITECTURE, Definition.of(task), {}) == model.count_params()
    limits = SearchSpace().for_task("labelling", 80, 1, 7, vocabulary=7).limits
    assert limits.parameters(ARCHITECTURE) == model.count_params()
    assert multiply_adds(ARCHITECTURE, task.spec) == 80 * 8 * 3 * 6 * 6


@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn"])
def test_a_recurrent_network_is_sized_with_its_embedding(task: Task, cell: str) -> None:
    sized = sized_to(1000, cell, 2, 1, task.spec.outputs, task.spec.vocabulary)
    model = build_baseline(Recurrent(cell, sized.units, 2), task, TrainingSettings())
    assert model.count_params() == sized.parameters(1, task.spec.outputs, task.spec.vocabulary)
    assert abs(model.count_params() - 1000) < 150


def test_it_learns_and_its_saved_model_names_the_next_words(task: Task, tmp_path: Path) -> None:
    assert task.test is not None
    model = build_model(
        ARCHITECTURE, task, TrainingSettings(learning_rate=0.02, epochs=15, batch_size=2)
    )
    settings = TrainingSettings(learning_rate=0.02, epochs=15, batch_size=2)
    training = train(model, task.training, settings, Metric("val_perplexity", "minimize"))
    assert training.curve[0]["val_perplexity"] > 1.5 * training.score
    last = training.curve[-1]
    assert last["val_perplexity"] == pytest.approx(math.exp(last["val_loss"]), rel=1e-3)
    model.save(tmp_path / "words.keras")
    X = task.test.X[:2]
    frame = predict(load_model(tmp_path / "words.keras"), X)
    assert list(frame.columns) == ["sequence", "step", "prediction", "probability"]
    assert frame["step"].tolist() == list(range(40, 80)) * 2
    probabilities = model.predict(X, verbose=0)
    np.testing.assert_allclose(frame["probability"], probabilities.max(axis=2).ravel(), rtol=1e-5)
    right = words_of(task, task.test.y[:2].ravel())
    assert np.mean(frame["prediction"] == right) > 0.6


def test_a_text_is_continued(
    folder: Path, task: Task, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = build_model(ARCHITECTURE, task)
    file, text = str(tmp_path / "words.keras"), folder / "ptb.valid.txt"
    model.save(file)
    X = read_new_text(text, task.spec.class_names)
    assert words_of(task, X[-1, -3:, 0]) == ["the", "<unk>", "<eos>"]
    np.testing.assert_array_equal(X[1:, :40], X[:-1, 40:])
    assert main(["predict", file, str(text)]) == 0
    sequence, step, word, probability = capsys.readouterr().out.splitlines()[-1].split(",")
    assert (sequence, step) == (str(len(X) - 1), "79")
    probabilities = model.predict(X, verbose=0)[-1, -1]
    assert task.spec.class_names.index(word) == probabilities.argmax()
    assert float(probability) == pytest.approx(probabilities.max(), rel=1e-4)


def test_errors_name_texts_and_words_that_cannot_be_used(folder: Path, task: Task) -> None:
    with pytest.raises(InputError) as error:
        predict(build_model(ARCHITECTURE, task), np.full((1, 80, 1), 7.0, dtype="float32"))
    assert str(error.value) == "The model takes numbers of its 7 words, from 0. Received: 7 to 7"
    (folder / "new.txt").write_text("the cat \n")
    with pytest.raises(InputError) as error:
        read_new_text(folder / "new.txt", task.spec.class_names)
    assert str(error.value) == f"{folder}/new.txt must have at least 80 words. Received: 3"
    with pytest.raises(InputError) as error:
        read_new_text(folder / "none.txt", task.spec.class_names)
    assert str(error.value) == f"There is no file {folder}/none.txt."
    damaged = bytearray(gzip.compress(b"the cat sat " * 500))
    damaged[12:20] = bytes(range(8))  # within the compressed text
    (folder / "new.txt.gz").write_bytes(damaged)
    with pytest.raises(InputError, match="new.txt.gz cannot be read as text: Error -3 while"):
        read_new_text(folder / "new.txt.gz", task.spec.class_names)
    with pytest.raises(InputError) as error:
        vocabulary_of(keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]))
    assert (
        str(error.value) == "A text can only be given to a model of words, such as one of word_ptb."
    )


def test_no_prediction_sees_a_later_word(task: Task) -> None:
    model = build_model(ARCHITECTURE, task)
    X = task.train.X[:1].copy()
    before = model.predict(X, verbose=0)
    X[0, 60] = (X[0, 60] + 1) % 7
    after = model.predict(X, verbose=0)
    np.testing.assert_allclose(after[0, :20], before[0, :20], atol=1e-6)
    assert not np.allclose(after[0, 20], before[0, 20], atol=1e-6)


def test_a_batch_of_predictions_fits_into_memory() -> None:
    assert (sequences_at_once(10), sequences_at_once(40 * 10_000), sequences_at_once(1 << 30)) == (
        256,
        41,
        1,
    )


def test_padding_that_sees_the_next_word_is_refused(task: Task) -> None:
    rule = "padding must be {} where the next token is asked for: any other sees it. Received: {}"
    with pytest.raises(InputError) as error:
        build_model(Architecture(padding="same", readout="sequence"), task)
    assert str(error.value) == rule.format("'causal'", "'same'")
    with pytest.raises(InputError) as error:
        SearchSpace(padding=["causal", "same"]).for_task("labelling", 80, 1, 7, vocabulary=7)
    assert str(error.value) == rule.format('"causal"', "causal, same")


def test_missing_files_are_named(folder: Path) -> None:
    with pytest.raises(InputError) as error:
        load_task("word_ptb")
    assert str(error.value) == (
        "Task 'word_ptb' needs the option folder: your own folder with ptb.train.txt, ptb.valid.txt and "
        "ptb.test.txt (or .gz)."
    )
    (folder / "ptb.valid.txt").write_text("the cat \n")
    with pytest.raises(InputError) as error:
        load_task("word_ptb", folder=folder)
    assert str(error.value) == (
        f"{folder}/ptb.valid.txt must have more than 80 words to fill a window. Received: 3"
    )
    (folder / "ptb.valid.txt").unlink()
    with pytest.raises(InputError) as error:
        load_task("word_ptb", folder=folder)
    assert str(error.value) == (
        f"There is no file {folder}/ptb.valid.txt (or .gz). word_ptb needs ptb.train.txt, ptb.valid.txt and "
        "ptb.test.txt, the Penn Treebank as prepared by Mikolov; the text may not be passed on with tcn_search."
    )


def test_the_real_text_has_ten_thousand_words(shared_data: Path) -> None:
    task = load_task("word_ptb", folder=shared_data)
    assert task.test is not None
    assert (task.spec.outputs, task.spec.class_names[:3]) == (10_000, ("the", "<unk>", "<eos>"))
    assert (len(task.train), len(task.validation), len(task.test)) == (23_238, 1_842, 2_059)
