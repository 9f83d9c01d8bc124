"""Every plot of trials and results: on no, one, and 5,000 trials, in both widths."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from itertools import pairwise

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

import tcn_search as ts
from tcn_search.plots.style import COLUMN_WIDTH, SCREEN_WIDTH, axes_without_window

Draw = Callable[[pd.DataFrame, Axes], Axes]


def trials(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    ended = rng.choice(["complete", "pruned", "infeasible", "diverged", "timed_out"], count)
    ended[:1] = "complete"
    frame = pd.DataFrame(
        {
            "trial": np.arange(count),
            "ended": ended,
            "score": rng.gamma(2, 0.1, count),
            "receptive_field": 2 ** rng.integers(4, 11, count) - 1,
            "learning_rate": 10 ** rng.uniform(-4, -2, count),
            "norm": rng.choice(["none", "layer", "weight"], count),
            "use_skip_connections": rng.choice([True, False], count),
            "levels": rng.integers(2, 10, count),
            "seconds": rng.gamma(3, 20, count),
            "machine": "here",
            "started": pd.Timestamp("2026-01-01")
            + pd.to_timedelta(16 * np.arange(count), unit="s"),
        }
    )
    frame.loc[~frame["ended"].isin(["complete", "pruned"]), "score"] = np.nan
    return frame


def without_scores(count: int) -> pd.DataFrame:
    return trials(count).assign(ended="diverged", score=np.nan)


CASES = {
    "none": trials(0),
    "one": trials(1),
    "without scores": without_scores(3),
    "many": trials(5_000),
}
OF_TRIALS: dict[str, Draw] = {
    "history": lambda frame, ax: ts.plots.history(frame, "val_loss", ax=ax),
    "receptive_field_score": lambda frame, ax: ts.plots.receptive_field_score(
        frame, "val_loss", 50, 60, [3, 63], ax=ax
    ),
    "slices": lambda frame, ax: ts.plots.slices(frame, "val_loss", ax=ax),
    "parallel_coordinates": lambda frame, ax: ts.plots.parallel_coordinates(
        frame, "val_loss", ax=ax
    ),
    "contour": lambda frame, ax: ts.plots.contour(
        frame, "learning_rate", "norm", "val_loss", ax=ax
    ),
    "timeline": lambda frame, ax: ts.plots.timeline(frame, ax=ax),
    "budget": lambda frame, ax: ts.plots.budget(frame, ax=ax),
}

CURVES = pd.DataFrame({"trial": [0, 0], "epoch": [1, 2], "val_loss": [2.0, 1.0], "loss": [1, 0.5]})
VALUES = pd.DataFrame(
    {"trial": [0, 1], "val_loss": [1.0, 2], "params": [9, 4], "on_front": [True, True]}
)
IMPORTANCES = pd.DataFrame({"name": ["norm", "levels"], "importance": [0.75, 0.25]})
SEEDS = pd.DataFrame(
    {
        "split": ["validation", "test", "test", "test"],
        "seed": [1, 1, 2, None],
        "score": [0.8, 0.7, 0.9, 0.95],
    }
)
CANDIDATES = pd.DataFrame({"trial": [4, 4, 1, 1], "seed": [0, 1, 0, 1], "score": [1.0, 2, 3, 4]})
CONFUSION = pd.DataFrame([[8, 2], [1, 9]], index=["up", "down"], columns=["up", "down"])
CLASS_SCORES = pd.DataFrame(
    {
        "class": ["up", "down"],
        "precision": [0.5, 1],
        "recall": [1, 0.5],
        "f1": [0.8, 0.6],
        "examples": [4, 1_000],
    }
)
PREDICTIONS = pd.DataFrame({"truth": [1.0, 2, 3], "prediction": [1.5, 2, 2]})
SCORES = pd.DataFrame({"TCN": [0.9, 0.8, 0.7], "GRU": [0.8, 0.7, 0.6], "FCN": [0.85, 0.81, 0.5]})
ATTRIBUTIONS = pd.DataFrame(
    {
        "sequence": np.repeat([0, 1], 20),
        "class": np.repeat(["up", "down"], 20),
        "step": np.tile(range(20), 2),
        "value": np.sin(range(40)),
        "attribution": np.linspace(-1, 1, 40),
    }
)
OF_RESULTS: dict[str, tuple[pd.DataFrame, Draw]] = {
    "learning_curves": (CURVES, lambda f, ax: ts.plots.learning_curves(f, "val_loss", 0, ax=ax)),
    "pareto": (VALUES, lambda f, ax: ts.plots.pareto(f, "params", "val_loss", ax=ax)),
    "importances": (IMPORTANCES, lambda f, ax: ts.plots.importances(f, "val_loss", ax=ax)),
    "seeds": (SEEDS, lambda f, ax: ts.plots.seeds(f, "accuracy", ax=ax)),
    "candidates": (CANDIDATES, lambda f, ax: ts.plots.candidates(f, "val_loss", ax=ax)),
    "confusion_matrix": (CONFUSION, lambda f, ax: ts.plots.confusion_matrix(f, ax=ax)),
    "class_scores": (CLASS_SCORES, lambda f, ax: ts.plots.class_scores(f, ax=ax)),
    "true_against_predicted": (
        PREDICTIONS,
        lambda f, ax: ts.plots.true_against_predicted(f, ax=ax),
    ),
    "studies": (SCORES, lambda f, ax: ts.plots.studies(f, "accuracy", ax=ax)),
    "critical_difference": (SCORES, lambda f, ax: ts.plots.critical_difference(f, ax=ax)),
    "attribution": (ATTRIBUTIONS, lambda f, ax: ts.plots.attribution(f, 1, 8, ax=ax)),
    "class_attribution": (ATTRIBUTIONS, lambda f, ax: ts.plots.class_attribution(f, 8, ax=ax)),
}
ELSEWHERE = {  # in test_planning_plots.py and test_forecasts.py; comparison in test_report.py
    "comparison",
    "coverage",
    "effective_receptive_field",
    "error_by_step",
    "forecasts",
    "plan_frontier",
    "receptive_field_tree",
    "residuals",
}


def test_every_plot_is_tested() -> None:
    assert {*OF_TRIALS, *OF_RESULTS} | ELSEWHERE == set(ts.plots.__all__)


def words(ax: Axes) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in ax.texts)


def save(ax: Axes, width: float) -> None:
    """Save as PNG or PDF; a layout that has no room for its axes is a warning, and so an error."""
    assert ax.figure.get_figwidth() == width
    name = "png" if width == SCREEN_WIDTH else "pdf"
    ax.figure.savefig(io.BytesIO(), format=name)


@pytest.mark.parametrize(
    ("case", "width"),
    [
        ("none", COLUMN_WIDTH),
        ("one", COLUMN_WIDTH),
        ("one", SCREEN_WIDTH),
        ("without scores", SCREEN_WIDTH),
        ("many", SCREEN_WIDTH),
    ],
)
@pytest.mark.parametrize("name", OF_TRIALS)
def test_plots_of_trials(name: str, case: str, width: float) -> None:
    before = dict(matplotlib.rcParams)
    given = axes_without_window(width)
    ax = OF_TRIALS[name](CASES[case], given)
    assert ax is given
    assert ax.get_title(loc="left")
    has_words = bool(words(ax)) and not ax.get_xticks().size
    if case == "none":
        assert has_words  # why there is nothing to see
    if case == "many":
        assert not has_words
    save(ax, width)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize(
    ("is_empty", "width"), [(False, COLUMN_WIDTH), (False, SCREEN_WIDTH), (True, COLUMN_WIDTH)]
)
@pytest.mark.parametrize("name", OF_RESULTS)
def test_plots_of_results(name: str, is_empty: bool, width: float) -> None:
    frame, draw = OF_RESULTS[name]
    given = axes_without_window(width)
    ax = draw(frame[:0] if is_empty else frame, given)
    assert ax is given
    assert ax.get_title(loc="left")
    assert (len(ax.texts) == 1 and not ax.get_xticks().size) == is_empty
    save(ax, width)


def test_a_new_figure_is_as_wide_as_a_screen_shows() -> None:
    from matplotlib import pyplot

    ax = ts.plots.budget(CASES["one"])
    assert ax.figure.get_figwidth() == SCREEN_WIDTH
    pyplot.close("all")


def test_text_of_a_screen_can_be_read_at_400_pixels() -> None:
    ax = ts.plots.history(CASES["one"], "val_loss", ax=axes_without_window(SCREEN_WIDTH))
    sizes = [ax.xaxis.label.get_size(), ax.get_xticklabels()[0].get_size()]
    assert min(sizes) * 400 / (72 * SCREEN_WIDTH) >= 8  # pixels


def test_slices_count_the_trials_of_each_value() -> None:
    frame = pd.DataFrame(
        {
            "trial": range(8),
            "ended": ["complete"] * 6 + ["pruned", "failed"],
            "score": [*np.arange(7.0), np.nan],
            "norm": ["layer"] * 3 + ["none"] * 5,
            "learning_rate": [1e-4, 2e-4, 3e-4, 4e-4, 5e-4, 6e-4, 7e-4, 8e-4],
            "kernel_size": 3,
        }
    )
    ax = ts.plots.slices(frame, "val_loss", ax=axes_without_window())
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels[:3] == ["norm", "layer (3)", "none (4)"]
    assert labels[3] == "learning_rate"
    assert sum(int(label.split("(")[1][:-1]) for label in labels[4:]) == 7
    assert "kernel_size" not in labels  # it did not vary
    medians = [line.get_xdata()[0] for line in ax.lines]
    assert medians[:2] == [1, 4]  # of the complete trials
    with pytest.raises(ValueError, match="must be columns of the trials. Received: 'nothing'"):
        ts.plots.slices(frame, "val_loss", ["nothing"])


def test_the_timeline_has_a_row_for_each_trial_at_the_same_time() -> None:
    start = pd.Timestamp("2026-01-01")
    frame = pd.DataFrame(
        {
            "ended": ["complete", "pruned", "complete", "infeasible"],
            "started": [start, start, start + pd.Timedelta(seconds=70), start],
            "seconds": [60.0, 200.0, 60.0, np.nan],
            "machine": "here",
        }
    )
    ax = ts.plots.timeline(frame, ax=axes_without_window())
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1", "2"]
    assert ax.get_xlabel() == "minutes since the first trial started"
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["complete (2)", "pruned (1)"]


def test_the_budget_adds_up_by_status() -> None:
    frame = pd.DataFrame({"ended": ["complete", "complete", "pruned"], "seconds": [40.0, 50, 10]})
    ax = ts.plots.budget(frame, ax=axes_without_window())
    assert [bar.get_width() for bar in ax.patches] == [10, 90]
    assert [text.get_text() for text in ax.texts] == ["10%", "90%"]
    assert [bar.get_hatch() for bar in ax.patches] == ["///", ""]


def test_a_confusion_matrix_says_how_many_are_right() -> None:
    ax = ts.plots.confusion_matrix(CONFUSION, ax=axes_without_window())
    assert ax.get_title(loc="left") == "Confusion matrix: 17 of 20 right"
    assert [text.get_text() for text in ax.texts] == ["8", "2", "1", "9"]


def test_the_critical_difference_is_that_of_demsar() -> None:
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(rng.normal(size=(14, 4)), columns=["a", "b", "c", "d"])
    title = ts.plots.critical_difference(scores, ax=axes_without_window()).get_title(loc="left")
    assert "14 datasets" in title
    assert title.replace("\n", " ").endswith("difference of 1.25")  # his example: 2.569·√(20/84)


def test_mean_ranks_join_what_is_not_clearly_different() -> None:
    rng = np.random.default_rng(0)
    scores = pd.DataFrame({"best": 2.0, "a": rng.normal(0, 0.1, 40), "b": rng.normal(0, 0.1, 40)})
    ax = ts.plots.critical_difference(scores, ax=axes_without_window())
    (joined,) = [line for line in ax.lines if line.get_linewidth() == 3]
    assert min(joined.get_xdata()) > 2  # "best" has rank 1


def test_dots_at_the_ends_of_a_contour_are_drawn_in_full() -> None:
    frame = pd.DataFrame(
        {
            "levels": [1, 1, 6, 6],
            "patch": [8, 16, 8, 16],
            "score": [1.0, 2, 3, 4],
            "trial": range(4),
        }
    )
    given = axes_without_window(COLUMN_WIDTH)
    ax = ts.plots.contour(frame, "levels", "patch", "val_loss", ax=given)
    assert all(tick == int(tick) for tick in ax.get_xticks())
    assert ax.get_xlim()[0] < 1 < 6 < ax.get_xlim()[1]
    assert ax.get_ylim()[0] < 8 < 16 < ax.get_ylim()[1]


@pytest.mark.parametrize("width", [COLUMN_WIDTH, SCREEN_WIDTH])
def test_ticks_of_wide_receptive_fields_do_not_run_into_each_other(width: float) -> None:
    frame = trials(40).assign(receptive_field=np.geomspace(50, 30_000, 40).astype(int))
    given = axes_without_window(width)
    ax = ts.plots.receptive_field_score(frame, "val_loss", 1_460, 1_460, ax=given)
    ax.figure.draw_without_rendering()
    low, high = ax.get_xlim()
    ticks = zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    boxes = [label.get_window_extent() for tick, label in ticks if low <= tick <= high]
    assert len(boxes) >= 3
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_classes_of_shorter_sequences_are_drawn() -> None:
    is_shown = (ATTRIBUTIONS["class"] == "up") | (ATTRIBUTIONS["step"] < 12)
    ax = ts.plots.class_attribution(ATTRIBUTIONS[is_shown], ax=axes_without_window())
    (shades,) = ax.collections
    assert (~np.isnan(shades.get_array().filled(np.nan))).sum(axis=1).tolist() == [12, 20]


def test_no_plot_warns_about_a_single_value() -> None:
    same = trials(12).assign(ended="complete", score=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw in OF_TRIALS.values():
            save(draw(same, axes_without_window()), SCREEN_WIDTH)
