"""`TCNClassifier`: what it takes, what it refuses, what it predicts, and where it keeps its study."""

from __future__ import annotations

import copy
import gc
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import tcn_search as ts
from tcn_search.errors import InputError
from tests.conftest import waves
from tests.estimators.small_estimators import small

STEPS = 16


def table(count: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise of one channel, (n, T), around a low or a high level."""
    y = np.arange(count) % 2
    noise = np.random.default_rng(seed).normal(0, 0.5, (count, STEPS))
    return noise + 2 * y[:, None], np.array(["low", "high"])[y]


def of_different_length(count: int = 24) -> tuple[list[np.ndarray], np.ndarray]:
    """Waves of two channels in aeon's order, (C, T), of 8 to 16 steps; the longest come first."""
    X, y = waves(count, STEPS)
    return [row[: STEPS - number % 9].T for number, row in enumerate(X)], y


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("classifier")
        patch.chdir(path)
        yield path


@pytest.fixture(scope="module")
def fitted(folder: Path) -> ts.TCNClassifier:
    return small(ts.TCNClassifier).fit(*table())


@pytest.fixture(scope="module")
def fitted_on_lists(folder: Path) -> ts.TCNClassifier:
    return small(ts.TCNClassifier, layout="NCT").fit(*of_different_length())


def test_parameters_are_those_of_scikit_learn() -> None:
    classifier = ts.TCNClassifier(trials=3, space=ts.SearchSpace(nb_filters=[4]))
    copied = clone(classifier).set_params(trials=7, layout="NCT")
    assert (copied.trials, copied.layout, classifier.trials) == (7, "NCT", 3)
    assert copied.space == classifier.space
    assert "trials=7" in repr(copied)


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_without_a_fit_nothing_is_predicted(method: str) -> None:
    classifier = ts.TCNClassifier()
    with pytest.raises(NotFittedError, match="This TCNClassifier instance is not fitted yet"):
        getattr(classifier, method)(table()[0])
    assert not hasattr(classifier, "study_")
    assert not hasattr(classifier, "model_")


def test_it_learns_the_levels_and_keeps_their_names(fitted: ts.TCNClassifier) -> None:
    X, y = table(20, seed=1)
    probabilities = fitted.predict_proba(X)
    assert fitted.classes_.tolist() == ["high", "low"]
    assert probabilities.shape == (20, 2)
    assert probabilities.dtype == "float64"
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert (fitted.predict(X) == fitted.classes_[probabilities.argmax(axis=1)]).all()
    assert fitted.score(X, y) > 0.8
    assert fitted.n_features_in_ == STEPS


def test_predictions_are_in_the_order_of_the_sequences(fitted: ts.TCNClassifier) -> None:
    X, _ = table(20, seed=1)
    order = np.random.default_rng(0).permutation(20)
    expected = fitted.predict_proba(X)[order]
    np.testing.assert_allclose(fitted.predict_proba(X[order]), expected, atol=1e-6)
    np.testing.assert_allclose(fitted.predict_proba(X[order[:1]]), expected[:1], atol=1e-6)


def test_rows_of_a_table_may_come_in_any_container(fitted: ts.TCNClassifier) -> None:
    X, _ = table(4, seed=1)
    expected = fitted.predict_proba(X)
    for same in (X.tolist(), list(X), pd.DataFrame(X), X.astype(object)):
        np.testing.assert_array_equal(fitted.predict_proba(same), expected)


def test_scores_are_those_of_the_validation_split(fitted: ts.TCNClassifier) -> None:
    scores = fitted.scores_.set_index("model")["accuracy"]
    assert list(scores.index) == ["winner", "majority class", "1-nearest-neighbour", "linear model"]
    assert scores["majority class"] == 0.5
    curve = fitted.study_.learning_curves().set_index("epoch")
    assert (
        scores["winner"] == curve.loc[fitted.study_.trials().loc[0, "best_epoch"], "val_accuracy"]
    )
    assert fitted.study_.test_evaluations == 0
    assert fitted.study_.winner.score is None


def test_an_unnamed_study_leaves_the_working_directory_alone(
    fitted: ts.TCNClassifier, folder: Path
) -> None:
    assert len(fitted.study_.trials()) == 1
    assert fitted.study_.best_architecture.nb_filters == 8
    assert not list(folder.iterdir())


def test_the_temporary_folder_goes_with_the_last_reference_to_the_study(
    fitted: ts.TCNClassifier,
) -> None:
    copied = copy.deepcopy(fitted)
    study = copied.study_
    database = copied._study._file
    del copied
    gc.collect()
    assert len(study.trials()) == 1
    assert database.is_file()
    del study
    gc.collect()
    assert not database.parent.exists()


def test_a_pickle_holds_study_and_model(fitted: ts.TCNClassifier) -> None:
    X, _ = table(20, seed=1)
    content = pickle.dumps(fitted)
    loaded = pickle.loads(content)
    np.testing.assert_array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    pd.testing.assert_frame_equal(loaded.study_.trials(), fitted.study_.trials())
    assert repr(loaded.study_.winner) == repr(fitted.study_.winner)
    # One that was not used in between is the same too.
    again = pickle.loads(pickle.dumps(pickle.loads(content)))
    assert len(again.study_.trials()) == 1


@pytest.mark.slow
def test_another_process_loads_the_pickle(fitted: ts.TCNClassifier, tmp_path: Path) -> None:
    X, _ = table(20, seed=1)
    (tmp_path / "classifier.pickle").write_bytes(pickle.dumps(fitted))
    np.save(tmp_path / "X.npy", X)
    code = (
        "import pickle, numpy as np\n"
        "classifier = pickle.load(open('classifier.pickle', 'rb'))\n"
        "np.save('p.npy', classifier.predict_proba(np.load('X.npy')))\n"
        "print(len(classifier.study_.trials()))"
    )
    root = str(Path(ts.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == "1\n", done.stderr
    np.testing.assert_allclose(np.load(tmp_path / "p.npy"), fitted.predict_proba(X), atol=1e-6)


@pytest.mark.slow
def test_a_named_study_is_kept_and_continued(
    folder: Path, fitted: ts.TCNClassifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    X, y = table()
    first = small(ts.TCNClassifier, name="levels").fit(X, y)
    assert Path("runs", "levels", "best.keras").is_file()
    assert ts.list_studies() == ["levels"]
    second = small(ts.TCNClassifier, name="levels").fit(X, y)  # nothing is left to be trained
    np.testing.assert_array_equal(second.predict_proba(X), first.predict_proba(X))
    # The same parameters without a name: the same seeds, so the same predictions.
    np.testing.assert_allclose(fitted.predict_proba(X), first.predict_proba(X), atol=1e-6)
    loaded = pickle.loads(pickle.dumps(second))
    assert loaded.study_.name == "levels"
    with pytest.raises(InputError, match="levels"):
        small(ts.TCNClassifier, name="levels").fit(X[:-2], y[:-2])


def test_lists_of_different_length_in_the_order_of_aeon(fitted_on_lists: ts.TCNClassifier) -> None:
    X, y = of_different_length()
    assert fitted_on_lists.n_features_in_ == 2
    assert fitted_on_lists.classes_.dtype == y.dtype
    probabilities = fitted_on_lists.predict_proba(X)
    np.testing.assert_allclose(fitted_on_lists.predict_proba(X[5:7]), probabilities[5:7], atol=1e-6)
    with pytest.raises(ValueError, match="X has 1 features, but TCNClassifier is expecting 2"):
        fitted_on_lists.predict([row[:1] for row in X])


def test_only_the_last_steps_of_longer_sequences_are_used(
    fitted_on_lists: ts.TCNClassifier,
) -> None:
    X, _ = of_different_length()
    longer = np.concatenate([np.full((2, 3), 9.0), X[0]], axis=1)
    with pytest.warns(UserWarning, match="^X has 1 sequence of more steps .* the last 16 steps"):
        probabilities = fitted_on_lists.predict_proba([longer, X[1]])
    np.testing.assert_allclose(probabilities, fitted_on_lists.predict_proba(X[:2]), atol=1e-6)


@pytest.mark.parametrize(
    ("X", "error", "text"),
    [
        (np.zeros((3, STEPS + 1)), ValueError, "X has 17 features, but TCNClassifier is expecting 16 features as input"),
        (np.full((3, STEPS), np.nan), ValueError, "Input X contains NaN"),
        (np.full((3, STEPS), np.inf), ValueError, "Input X contains infinity"),
        (np.full((3, STEPS), "a"), ValueError, "dtype='numeric' is not compatible with arrays of bytes/strings"),
        (np.zeros((0, STEPS)), ValueError, "Found array with 0 sample"),
        (np.zeros(STEPS), ValueError, "Expected 2D array, got 1D array"),
        (np.zeros((3, STEPS), complex), ValueError, "Complex data not supported"),
        (scipy.sparse.csr_matrix((3, STEPS)), TypeError, "Sparse data was passed"),
        ([np.zeros((4, 1)), np.full((5, 1), np.nan)], ValueError, r"Input X\[1\] contains NaN"),
        ([np.zeros(4), []], ValueError, "Found array with 0 sample"),
        ([], ValueError, "Expected 2D array, got 1D array"),
        (np.zeros((3, STEPS, 2)), ValueError, "X has 2 features, but TCNClassifier is expecting 16"),
    ],
)  # fmt: skip
def test_sequences_that_cannot_be_used_are_refused_as_by_scikit_learn(
    fitted: ts.TCNClassifier, X: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        fitted.predict(X)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (None, "^TCNClassifier requires y to be passed, but the target y is None.$"),
        (table()[1][:-1], "inconsistent numbers of samples: .40, 39"),
        (np.linspace(0, 1, 40), "Unknown label type: continuous"),
        (np.zeros(40, int), r"^y must hold at least 2 classes. Received only one class: \[0\]$"),
        (np.arange(40), "^y must have a class of at least 2 .* Received: 40 classes of one sequ"),
        (np.full(40, np.inf), "Input y contains infinity"),
        (np.zeros((40, 2), int), "y should be a 1d array"),
    ],
)
@pytest.mark.filterwarnings("ignore:The number of unique classes")
def test_classes_that_cannot_be_used_are_refused(y: object, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        small(ts.TCNClassifier).fit(table()[0], y)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"trials": 0}, "trials must be an integer of at least 1. Received: 0"),
        ({"seeds": 1.5}, "seeds must be an integer of at least 1. Received: 1.5"),
        ({"time_limit": -1}, "time_limit must be above 0 seconds. Received: -1"),
        ({"n_jobs": 0}, "n_jobs must be a number of processes, -1 for as many as suit the machine, or None. Received: 0"),
        ({"layout": "CT"}, "layout must be one of 'NTC', 'NCT'. Received: 'CT'"),
        ({"space": {"levels": [2]}}, "space must be a ts.SearchSpace or None. Received: {'levels': [2]}"),
        ({"training": 3}, "training must be a ts.TrainingSettings or None. Received: 3"),
        ({"search": "tpe"}, "search must be a ts.SearchSettings or None. Received: 'tpe'"),
    ],
)  # fmt: skip
def test_parameters_are_checked_by_fit(changed: dict[str, object], text: str) -> None:
    with pytest.raises(InputError) as raised:
        small(ts.TCNClassifier, **changed).fit(*table())
    assert str(raised.value) == text


def test_errors_of_the_task_name_the_arguments_of_fit() -> None:
    X, y = table(8)
    with pytest.raises(InputError, match=r"^None of the 2 groups can be held out"):
        small(ts.TCNClassifier).fit(X, y, groups=y)
    with pytest.raises(InputError, match=r"^groups must hold 8 integers or strings, one per sequ"):
        small(ts.TCNClassifier).fit(X, y, groups=np.linspace(0, 1, 8))


def test_axes_that_look_exchanged_are_reported() -> None:
    with (
        pytest.warns(UserWarning, match='X has 2 steps of 16 channels.* set layout="NCT"'),
        pytest.raises(InputError, match="^groups must hold"),  # ends the fit before its search
    ):
        small(ts.TCNClassifier).fit(np.ones((8, 2, 16)), np.arange(8) % 2, groups=np.ones(8) / 3)


def test_lists_in_the_order_of_aeon_need_its_layout() -> None:
    X, y = of_different_length()
    with pytest.raises(InputError, match=r"such as \(2, 16\)\. If they are .* set layout=\"NCT\""):
        small(ts.TCNClassifier).fit(X, y)
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        small(ts.TCNClassifier).fit([], [])


def test_a_column_of_classes_is_taken_with_the_warning_of_scikit_learn() -> None:
    X, y = table(8)
    with (
        pytest.warns(DataConversionWarning, match="A column-vector y was passed"),
        pytest.raises(InputError, match="^groups must hold"),
    ):
        small(ts.TCNClassifier).fit(X, y[:, None], groups=np.ones(8) / 3)


def test_a_fit_is_silent_and_leaves_global_random_states_alone(
    folder: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    X, y = table(4)  # the fewest: two sequences of each class
    np.random.seed(1)
    expected = np.random.RandomState(1).rand()
    with caplog.at_level(logging.INFO):
        classifier = small(ts.TCNClassifier, random_state=np.random.RandomState(0)).fit(
            X[:, :1], y == "low"
        )
    assert np.random.rand() == expected
    captured = capfd.readouterr()
    assert (captured.out, captured.err, caplog.text) == ("", "", "")
    assert classifier.predict(X[:, :1]).dtype == bool  # of one step each


@pytest.mark.slow
@pytest.mark.parametrize("labels", [[-3, 4], [True, False], ["", "b"], [1.0, 2.0]])
def test_labels_keep_their_type(folder: Path, labels: list[object]) -> None:
    X, y = table(12)
    y = np.where(y == "low", *labels)
    classifier = small(ts.TCNClassifier).fit(X, y)
    assert classifier.classes_.tolist() == sorted(labels)
    assert classifier.predict(X).dtype == y.dtype


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_cross_validation_in_a_pipeline_is_the_same_in_parallel(folder: Path, n_jobs: int) -> None:
    X, y = table(24)
    pipeline = make_pipeline(StandardScaler(), small(ts.TCNClassifier))
    scores = cross_val_score(pipeline, X, y, cv=2, n_jobs=n_jobs)
    assert scores.shape == (2,)
    np.testing.assert_allclose(scores, cross_val_score(pipeline, X, y, cv=2), atol=0.1)
    assert not list(folder.iterdir())


@pytest.mark.slow
def test_a_grid_over_spaces_is_searched(folder: Path) -> None:
    X, y = table(24)
    spaces = [small(ts.TCNClassifier).space, ts.SearchSpace(nb_filters=[2], levels=[1])]
    grid = GridSearchCV(small(ts.TCNClassifier), {"space": spaces}, cv=GroupKFold(2))
    grid.fit(X, y, groups=np.arange(24) // 4)
    assert grid.best_params_["space"] in spaces
    assert grid.predict(X).shape == (24,)


@pytest.mark.slow
def test_worker_processes_and_a_time_limit(folder: Path, tmp_path: Path) -> None:
    X, y = table(24)
    url = f"sqlite:///{tmp_path / 'own.db'}"
    classifier = small(ts.TCNClassifier, trials=2, n_jobs=2, time_limit=120, storage=url, verbose=1)
    classifier.fit(X, y)
    assert classifier.study_.finished == 2
    assert ts.list_studies(url) == [classifier.study_.name]
    assert classifier.study_.name.startswith("classifier-")


def test_sequences_of_one_channel_and_one_length_after_a_fit_on_several(folder: Path) -> None:
    X, y = table()
    rows = [row[: STEPS - number % 5] for number, row in enumerate(X)]
    classifier = small(ts.TCNClassifier).fit(rows, y)
    assert classifier.n_features_in_ == 1
    alone = classifier.predict(rows[:1])
    same_length = classifier.predict([rows[0], rows[5]])
    assert alone[0] == same_length[0] == classifier.predict(rows[:2])[0]
