"""The figures of a study, drawn from small frames that are built by hand."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from tcn_search import plot_history, plot_learning_curves, plot_pareto, plot_receptive_field_score

TRIALS = pd.DataFrame(
    {
        "trial": range(6),
        "ended": ["complete", "pruned", "complete", "infeasible", "diverged", "complete"],
        "score": [0.5, 0.4, 0.7, np.nan, np.nan, 0.6],
        "receptive_field": [31, 61, 127, 7, 255, 61],
    }
)
CURVES = pd.DataFrame(
    {
        "trial": [0, 0, 0, 2, 2],
        "epoch": [1, 2, 3, 1, 2],
        "val_loss": [3.0, 2.0, 2.5, 4.0, 3.5],
        "loss": [2.0, 1.0, 0.5, 3, 2],
    }
)


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    pyplot.close("all")


def labels(ax: matplotlib.axes.Axes) -> set[str]:
    return {text.get_text() for text in ax.get_legend().get_texts()}


@pytest.mark.parametrize(
    ("direction", "best"), [("maximize", [0.5, 0.7, 0.7, 0.7]), ("minimize", [0.5, 0.5, 0.5, 0.5])]
)
def test_the_history_shows_the_best_so_far(direction: str, best: list[float]) -> None:
    ax = plot_history(TRIALS, "val_accuracy", direction)
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), best)
    np.testing.assert_allclose(line.get_xdata(), [0, 2, 5, 5])
    assert labels(ax) == {
        "complete",
        "pruned early",
        f"best so far, {best[-1]}",
        "infeasible, never built",
        "diverged",
    }
    assert ax.get_ylabel() == "val_accuracy (best epoch)"


def test_wide_losses_have_a_logarithmic_axis() -> None:
    wide = TRIALS.assign(score=[1e-4, 1.0, 1e-2, np.nan, np.nan, 0.5])
    assert plot_history(wide, "val_loss").get_yscale() == "log"
    assert plot_history(TRIALS, "val_loss").get_yscale() == "linear"


def test_receptive_fields_are_shown_with_required_context_and_excluded_trials() -> None:
    ax = plot_receptive_field_score(TRIALS, "val_loss", 50, 60, excluded=[7, 15, 63])
    assert labels(ax) == {
        "complete",
        "pruned early",
        "excluded, never sampled",
        "infeasible, never built",
        "diverged, failed or over a limit",
        "required context, 50",
        "sequence length, 60",
    }
    drawn = {
        tuple(collection.get_offsets().data[:, 0])
        for collection in ax.collections
        if len(collection.get_offsets())
    }
    assert {(31, 127, 61), (61,), (7, 15, 63), (7,)} <= drawn
    low, high = ax.get_xlim()
    assert low <= 7
    assert high >= 255


@pytest.mark.parametrize("word", ["timed_out", "over_time"])  # the latter in earlier trials.csv
def test_a_trial_that_timed_out_is_marked(word: str) -> None:
    trials = TRIALS.assign(ended=[*TRIALS["ended"][:-1], word])
    limits = "out of memory, timed out, unbuildable or too large"
    assert limits in labels(plot_history(trials, "val_loss"))
    ax = plot_receptive_field_score(trials, "val_loss", 50, 60)
    marked = {tuple(collection.get_offsets().data[:, 0]) for collection in ax.collections}
    assert (255, 61) in marked  # with the one that diverged


def test_fields_that_were_never_tried_do_not_stretch_the_axis() -> None:
    feasible = TRIALS[TRIALS["receptive_field"] > 50]
    ax = plot_receptive_field_score(feasible, "val_loss", 50, 60, excluded=[3, 7, 45])
    low, high = ax.get_xlim()
    assert 40 < low < 45
    assert 255 < high < 320
    assert "excluded, never sampled (2 of 3 lie beyond the axis, from 3)" in {
        label.replace("\n", " ") for label in labels(ax)
    }
    (shaded,) = ax.patches
    assert shaded.get_width() < 0.1 * (high - low)


def test_no_trial_is_left_out_of_the_figures() -> None:
    late = TRIALS.assign(score=[0.5, 0.4, 0.7, np.nan, 0.1, 0.6])  # diverged after a good epoch
    assert "diverged" in labels(plot_history(late, "val_loss"))
    assert "diverged, failed or over a limit" in labels(
        plot_receptive_field_score(late, "val_loss", 50, 60)
    )


def test_before_the_first_epoch_there_are_no_curves() -> None:
    assert not plot_learning_curves(CURVES[["trial", "epoch"]][:0], "val_loss").get_lines()


def test_required_context_and_equal_sequence_length_are_one_line() -> None:
    ax = plot_receptive_field_score(TRIALS, "val_loss", 60, 60)
    assert "required context = sequence length, 60" in labels(ax)


def test_outliers_do_not_flatten_the_learning_curves() -> None:
    epochs = np.tile(range(1, 51), 4)
    curves = pd.DataFrame(
        {"trial": np.repeat(range(4), 50), "epoch": epochs, "val_loss": 0.3 / epochs}
    )
    curves.loc[0, "val_loss"] = 100
    curves.loc[60, "val_loss"] = 0  # no logarithm
    ax = plot_learning_curves(curves, "val_loss", best_trial=1)
    assert ax.get_yscale() == "linear"
    assert ax.get_ylim()[1] < 0.5
    assert [text.get_text() for text in ax.texts] == ["4 of 200 values lie beyond this axis"]
    assert plot_learning_curves(curves.drop(60), "val_loss", 1).get_yscale() == "log"


def test_numbers_of_a_figure_stay_inside_its_frame() -> None:
    ax = plot_history(TRIALS, "val_loss")
    assert not ax.texts  # the best score stands in the legend


def test_learning_curves_put_the_best_trial_in_front() -> None:
    ax = plot_learning_curves(CURVES, "val_loss", best_trial=0)
    assert labels(ax) == {"trial 0, validation", "trial 0, training", "other trials, validation"}
    assert ax.get_ylabel() == "loss"  # of both splits
    best = next(line for line in ax.get_lines() if line.get_label() == "trial 0, validation")
    np.testing.assert_allclose(best.get_ydata(), [3.0, 2.0, 2.5])


def test_each_trial_in_training_has_a_colour_of_its_own() -> None:
    curves = pd.DataFrame(
        {"trial": np.repeat(range(9), 2), "epoch": [1, 2] * 9, "val_loss": np.linspace(2, 1, 18)}
    )
    ax = plot_learning_curves(curves, "val_loss", best_trial=0, running=[5, 6, 7, 99])
    assert labels(ax) == {
        "trial 0, validation",
        "other trials, validation",
        *(f"trial {number}, in training" for number in (5, 6, 7)),
    }
    lines = [line for line in ax.get_lines() if "in training" in str(line.get_label())]
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 3
    (others,) = ax.collections
    assert len(others.get_segments()) == 5
    both = plot_learning_curves(
        curves, "val_loss", best_trial=None, running=[5], ax=Figure().subplots()
    )
    assert "trial 5, in training" in labels(both)


def test_every_fifth_of_many_curves_is_drawn_as_the_legend_says() -> None:
    many = pd.DataFrame(
        {
            "trial": np.repeat(range(1001), 2),
            "epoch": [1, 2] * 1001,
            "val_loss": np.linspace(2, 1, 2002),
        }
    )
    ax = plot_learning_curves(many, "val_loss", best_trial=0, ax=Figure().subplots())
    assert labels(ax) == {"trial 0, validation", "other trials, validation (one in 5 of 1,000)"}
    (others,) = ax.collections
    assert [line[0][1] for line in others.get_segments()] == pytest.approx(
        many.loc[(many["epoch"] == 1) & many["trial"].isin(range(1, 1001, 5)), "val_loss"].tolist()
    )
    few = many[many["trial"] <= 200]
    ax = plot_learning_curves(few, "val_loss", best_trial=0, ax=Figure().subplots())
    assert labels(ax) == {"trial 0, validation", "other trials, validation"}


def test_markers_of_many_trials_are_smaller() -> None:
    many = pd.concat([TRIALS] * 400, ignore_index=True).assign(trial=range(2400))
    for plot, arguments in (
        (plot_history, ("val_loss",)),
        (plot_receptive_field_score, ("val_loss", 50, 60)),
    ):
        few_areas, many_areas = (
            plot(trials, *arguments, ax=Figure().subplots()).collections[1].get_sizes()
            for trials in (TRIALS, many)
        )
        assert many_areas == pytest.approx(few_areas * 300 / 1600)


def test_figures_are_drawn_on_given_axes_without_a_change_of_the_style() -> None:
    before = dict(matplotlib.rcParams)
    figure = Figure()
    axes = figure.subplots(1, 3)
    assert plot_history(TRIALS, "val_loss", ax=axes[0]) is axes[0]
    assert plot_receptive_field_score(TRIALS, "val_loss", 50, 60, ax=axes[1]) is axes[1]
    assert plot_learning_curves(CURVES, "val_loss", ax=axes[2]) is axes[2]
    assert dict(matplotlib.rcParams) == before


def test_the_pareto_front_of_two_objectives_is_joined() -> None:
    values = pd.DataFrame(
        {
            "trial": [0, 1, 2],
            "val_loss": [0.3, 0.2, 0.4],
            "params": [10, 90, 50],
            "on_front": [True, True, False],
        }
    )
    ax = plot_pareto(values, "params", "val_loss")
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_xydata(), [[10, 0.3], [90, 0.2]])
    assert labels(ax) == {"Pareto front", "beaten by another"}
    assert [text.get_text() for text in ax.texts] == ["0", "1"]
    assert not plot_pareto(values.assign(latency=1.0), "params", "val_loss").get_lines()
    scores = values.rename(columns={"params": "val_accuracy"})
    for direction, style in (("minimize", "steps-post"), ("maximize", "steps-pre")):
        ax = plot_pareto(scores, "val_accuracy", "val_loss", cost_direction=direction)
        assert ax.get_lines()[0].get_drawstyle() == style


def test_empty_frames_give_empty_figures() -> None:
    plot_history(TRIALS[:0], "val_loss")
    plot_receptive_field_score(TRIALS[:0], "val_loss", 50, 60)
    plot_learning_curves(CURVES[:0], "val_loss")


def test_with_several_look_backs_receptive_fields_are_multiples_of_the_required_context() -> None:
    trials = TRIALS.assign(required_context=[30, 60, *[60] * (len(TRIALS) - 2)])
    ax = plot_receptive_field_score(trials, "val_loss", 60, 60, excluded=[3, 7, 15])
    scored = trials.dropna(subset="score")
    shown = sorted(x for points in ax.collections[:2] for x, _ in points.get_offsets())
    assert shown == pytest.approx(sorted(scored["receptive_field"] / scored["required_context"]))
    assert [line.get_xdata()[0] for line in ax.lines] == [1]
    assert (
        ax.get_xlabel().replace("\n", " ")
        == "receptive field of one step as a multiple of the look-back that it must cover (logarithmic)"
    )


def test_trials_whose_output_pools_every_step_are_apart_from_the_required_context() -> None:
    trials = TRIALS.assign(
        required_context=[60, 60, np.nan, 60, 60, np.nan], output_receptive_field=60
    )
    ax = plot_receptive_field_score(trials, "val_loss", 60, 60, excluded=[15])
    assert labels(ax) == {
        "complete",
        "pruned early",
        "complete, the output sees all steps through its pool",
        "excluded, never sampled with readouts of one step",
        "infeasible, never built",
        "diverged, failed or over a limit",
        "required context of readouts of one step = sequence length, 60",
    }
    drawn = {
        collection.get_label(): list(collection.get_offsets().data[:, 0])
        for collection in ax.collections
    }
    assert drawn["complete"] == [31]
    assert drawn["complete, the output sees all steps through its pool"] == [127, 61]
    assert not ax.patches  # what is too small for some readouts only is not shaded
    assert ax.get_xlabel() == "receptive field of one step in steps (logarithmic)"
    flat = plot_receptive_field_score(trials.assign(readout="flatten"), "val_loss", 60, 60)
    assert "complete, the output sees all steps through its pool or head" in labels(flat)


def test_where_every_output_pools_every_step_no_required_context_is_drawn() -> None:
    trials = TRIALS.assign(required_context=np.nan, output_receptive_field=60)
    ax = plot_receptive_field_score(trials, "val_loss", 60, 60)
    assert "sequence length, 60" in labels(ax)
    assert not any("required context" in label for label in labels(ax))
    assert [line.get_xdata()[0] for line in ax.lines] == [60]
    assert not ax.patches
