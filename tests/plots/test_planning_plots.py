"""The figures of planning, drawn from plain data on given or new axes."""

import matplotlib

matplotlib.use("Agg")

import ast
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

import tcn_search as ts

SHORT = ts.Architecture(kernel_size=2, dilations=(2, 4))
LONG = ts.Architecture(kernel_size=3, dilations=(1, 15, 90))


@pytest.fixture(autouse=True)
def _closed_figures() -> Iterator[None]:
    yield
    pyplot.close("all")


def legend_of(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_short_tree_has_a_line_for_each_tap_and_marks_blind_spots() -> None:
    tree = ts.receptive_field_rows(SHORT, seq_len=16)
    ax = ts.plot_receptive_field_tree(tree)
    lines = [drawn for drawn in ax.collections if isinstance(drawn, LineCollection)]
    inside = sum(source >= 0 for row in tree["rows"] for source, _ in row["edges"])
    assert len(lines[0].get_segments()) == inside
    red_crosses = ax.collections[-1].get_offsets()
    assert sorted(red_crosses[:, 0]) == tree["blind"] == [4, 6, 8, 10, 12, 14]
    title = ax.get_title(loc="left").replace("\n", " ")
    assert title == "7 of 16 steps reach the output at step 15, 6 blind spots"
    assert any("blind spots" in text for text in legend_of(ax))


def test_a_long_tree_is_drawn_as_strips() -> None:
    ax = ts.plot_receptive_field_tree(ts.receptive_field_rows(LONG, seq_len=784))
    assert not [drawn for drawn in ax.collections if isinstance(drawn, LineCollection)]
    assert len(ax.patches) < 8 * 240
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == [
        "blind spots",
        "input",
        *["dilation 1"] * 2,
        *["dilation 15"] * 2,
        "dilation 90",
        "dilation 90, output",
    ]


def test_padding_is_marked_only_where_taps_read_it() -> None:
    longer = ts.plot_receptive_field_tree(ts.receptive_field_rows(SHORT, seq_len=10))
    assert "padding, zeros" in legend_of(longer)
    shorter = ts.plot_receptive_field_tree(ts.receptive_field_rows(SHORT, seq_len=16))
    assert "padding, zeros" not in legend_of(shorter)


def test_a_single_step_of_padding_is_shaded() -> None:
    ax = ts.plot_receptive_field_tree(ts.receptive_field_rows(SHORT, seq_len=10))
    (shaded,) = ax.patches
    assert (shaded.get_x(), shaded.get_x() + shaded.get_width()) == (-1.5, -0.5)


@pytest.mark.parametrize("padding", ["causal", "same"])
@pytest.mark.parametrize("seq_len", [1, 2, 16, 48, 49, 784])
def test_coverage_bars_hold_every_lag_once(padding: str, seq_len: int) -> None:
    architecture = ts.Architecture(kernel_size=3, dilations=(2, 9), padding=padding)
    lags = ts.coverage_lags(architecture, seq_len, required_context=max(1, seq_len // 2))
    ax = ts.plot_coverage(lags)
    area = {}
    for container in ax.containers:
        area[container.get_label()] = sum(bar.get_width() * bar.get_height() for bar in container)
    newest, oldest = lags["wanted"]
    wanted_and_reached = [lag for lag in lags["reached"] if newest <= lag <= oldest]
    assert area["reached"] == pytest.approx(len(wanted_and_reached))
    blind = len(ts.check(architecture, seq_len, required_context=max(1, seq_len // 2)).blind_spots)
    assert area.get("blind spot", 0) == pytest.approx(blind)


def test_the_effective_field_is_drawn_with_nominal_field_and_sequence_length() -> None:
    report = ts.check(LONG, seq_len=784)
    curves = {"paths": ts.path_shares(report.effective.paths)}
    ax = ts.plot_effective_receptive_field(curves, 784, report.receptive_field)
    assert f"paths: 95% in {report.effective.steps} steps" in legend_of(ax)
    assert "nominal receptive field, 425" in legend_of(ax)
    assert "sequence length, 784" in legend_of(ax)


def test_with_padding_same_the_steps_are_those_around_the_output() -> None:
    network = ts.Architecture(nb_filters=4, kernel_size=3, dilations=(1, 2, 4, 8), padding="same")
    report = ts.check(network, seq_len=61)
    ax = ts.plot_effective_receptive_field(
        {"paths": ts.path_shares(report.effective.paths)}, 61, 61
    )
    assert f"paths: 95% in {report.effective.steps} steps" in legend_of(ax)
    assert ax.get_xlabel() == "steps around the output"


def test_a_measured_gradient_is_a_curve_too() -> None:
    gradient = np.array([0.0, 1.0, 3.0])  # oldest step first
    ax = ts.plot_effective_receptive_field(
        {"measured": (range(3), gradient[::-1])}, 3, 3, share=0.75
    )
    assert legend_of(ax)[0] == "measured: 75% in 1 steps"


@pytest.mark.parametrize("cost", ["parameters", "multiply_adds", "depth"])
def test_nothing_lies_below_the_frontier(cost: str) -> None:
    frame = ts.plan(784, nb_filters="16,24", dilation_base="2,3")
    ax = ts.plot_plan_frontier(frame, cost=cost)
    x, y = ax.lines[0].get_xdata()[1:], ax.lines[0].get_ydata()[1:]
    assert len(x) > 2
    for field, value in zip(frame["receptive_field"], frame[cost], strict=True):
        cheapest = min(height for position, height in zip(x, y, strict=True) if position >= field)
        assert value >= cheapest
    smallest = frame[frame["smallest"]]["receptive_field"].iloc[0]
    assert f"smallest that suffices, {smallest}" in legend_of(ax)


def test_the_title_of_an_empty_plan() -> None:
    ax = ts.plot_plan_frontier(ts.plan(784, levels=1))
    assert ax.get_title(loc="left") == "No architecture covers the required context"


def test_figures_are_drawn_on_given_axes() -> None:
    figure, axes = pyplot.subplots(2, 2)
    report = ts.check(LONG, seq_len=784)
    drawn = [
        ts.plot_receptive_field_tree(ts.receptive_field_rows(LONG, 784), ax=axes[0, 0]),
        ts.plot_coverage(ts.coverage_lags(LONG, 784), ax=axes[0, 1]),
        ts.plot_effective_receptive_field(
            {"paths": ts.path_shares(report.effective.paths)},
            784,
            report.receptive_field,
            ax=axes[1, 0],
        ),
        ts.plot_plan_frontier(ts.plan(784), ax=axes[1, 1]),
    ]
    assert drawn == list(axes.flat)
    assert pyplot.get_fignums() == [figure.number]


@pytest.mark.parametrize(
    "name", ["receptive_field_tree", "coverage", "effective_receptive_field", "plan_frontier"]
)
def test_plots_import_nothing_of_ours_but_their_style(name: str) -> None:
    file = Path(ts.__file__).parent / "plots" / f"{name}.py"
    imports = [
        node.module
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom)
    ]
    assert {module for module in imports if module.startswith("tcn_search")} == {
        "tcn_search.plots.style"
    }


def test_pictures_of_a_pooled_readout_tell_step_and_output_apart() -> None:
    tree = ts.receptive_field_rows(ts.Architecture(2, 2, (1, 2), readout="max"), seq_len=16)
    assert ts.plot_receptive_field_tree(tree).get_title(loc="left").replace("\n", " ") == (
        "7 of 16 steps reach step 15 of the TCN; through the max over time the output sees all"
    )
    ax = ts.plot_plan_frontier(ts.plan(784, readout="average"))
    assert (
        ax.get_title(loc="left")
        .replace("\n", " ")
        .endswith("through the pool the output sees 784 steps")
    )
    assert not any("required context" in text for text in legend_of(ax))
    assert "sequence length, 784" in legend_of(ax)


def test_pictures_count_what_the_check_counts() -> None:
    patches = ts.Architecture(kernel_size=3, dilations=(1, 2, 4), patch=16)
    assert ts.coverage_lags(patches, 336)["wanted"] == (0, 20)
    assert ts.receptive_field_rows(patches, 336)["seq_len"] == 21
    title = ts.plot_coverage(ts.coverage_lags(patches, 336)).get_title(loc="left")
    assert title.startswith("Required context 21 of 21 patches, ")
    tree = ts.plot_receptive_field_tree(ts.receptive_field_rows(patches, 336))
    assert tree.get_title(loc="left").startswith("21 of 21 patches reach the output at step 20")
    short = ts.Architecture(kernel_size=3, dilations=(1, 2, 4, 8, 16), look_back=100)
    assert ts.coverage_lags(short, 600)["wanted"] == (0, 99)
    for readout, pool in (
        ("average", "the average over time"),
        ("flatten", "a head over all steps"),
    ):
        gaps = ts.Architecture(kernel_size=2, dilations=(2, 4, 8), readout=readout)
        tree = ts.receptive_field_rows(gaps, 40)
        assert tree["blind"] == []
        title = ts.plot_receptive_field_tree(tree).get_title(loc="left").replace("\n", " ")
        assert (
            title == f"15 of 40 steps reach step 39 of the TCN; through {pool} the output sees all"
        )
        assert ts.coverage_lags(gaps, 40)["reached"] == list(range(40))
        bounded = ts.receptive_field_rows(gaps, 40, required_context=20)
        title = ts.plot_receptive_field_tree(bounded).get_title(loc="left").replace("\n", " ")
        assert title.startswith("15 of 40 steps reach step 39 of the TCN, ")


def test_a_network_that_reaches_no_step_is_drawn() -> None:
    lags = ts.coverage_lags(ts.Architecture(kernel_size=2, dilations=(4,), padding="same"), 2)
    assert lags["reached"] == []
    assert legend_of(ts.plot_coverage(lags)) == ["blind spot"]
