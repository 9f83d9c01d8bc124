"""Comparison with recurrent networks: learning rates, stored runs, test evaluations."""

from __future__ import annotations

import html
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcn_search import SearchSpace, Study, Task, TrainingSettings
from tcn_search.baselines.contender_names import read_contenders
from tcn_search.cli.main import main
from tcn_search.errors import InputError
from tcn_search.evaluation import contender_runs
from tcn_search.evaluation.comparison import SEARCH_SEED, Comparison, Run
from tcn_search.evaluation.contenders import learning_rates
from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.evaluation.split_scores import SplitScore
from tcn_search.study import comparing
from tcn_search.tasks.task_spec import TaskSpec
from tcn_search.tasks.training_data import SplitData
from tcn_search.workers.executor import InProcessExecutor, Owner
from tests.cli.processes import unwrapped
from tests.conftest import waves
from tests.evaluation.forecast_tasks import noisy_waves, wide_task


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def comparison(*runs: Run) -> Comparison:
    return Comparison(
        trial=0,
        contenders=["tcn", "gru"],
        learning_rates=2,
        seeds=2,
        epochs=5,
        patience=0,
        objective="val_loss",
        direction="minimize",
        metric="accuracy",
        metric_direction="maximize",
        runs=list(runs),
    )


def run(contender: str, rate: float, seed: int, score: float, metric: float = 0.5) -> Run:
    return Run(
        contender=contender,
        learning_rate=rate,
        seed=seed,
        score=score,
        metric=metric,
        best_epoch=1,
        seconds_an_epoch=0.1,
        parameters=100,
        test=None if seed == SEARCH_SEED else 0.4,
    )


@given(
    st.integers(1, 9), st.floats(1e-6, 1e-3), st.floats(1.5, 1e4), st.none() | st.floats(1e-6, 1.0)
)
def test_learning_rates_ascend_and_hold_the_known_one(
    count: int, low: float, factor: float, known: float | None
) -> None:
    rates = learning_rates(count, low, low * factor, known)
    assert len(rates) == count
    assert known is None or known in rates
    if known is None and count > 1:
        assert rates[0] == low
        assert math.isclose(rates[-1], low * factor)


def test_the_learning_rate_is_chosen_by_validation_and_by_the_search_seed_alone() -> None:
    made = comparison(
        run("gru", 1e-3, SEARCH_SEED, math.nan),
        run("gru", 1e-2, SEARCH_SEED, 0.5),
        run("gru", 1e-4, SEARCH_SEED, 0.6),
        run("gru", 1e-4, 1, 0.1),
    )
    assert made.best_learning_rate("gru") == 1e-2


def test_more_seeds_and_contenders_continue_a_comparison() -> None:
    made = comparison(run("tcn", 1e-3, 1, 0.1), run("tcn", 1e-3, 2, 0.1), run("tcn", 1e-3, 3, 0.1))
    more = replace(made, seeds=3, contenders=["tcn", "lstm"])
    assert more.is_same_as(made)
    assert [len(each.final("tcn")) for each in (made, more)] == [2, 3]
    for other in (replace(made, made_with="other data"), replace(made, epochs=6)):
        assert not other.is_same_as(made)


@pytest.mark.parametrize(
    ("gru", "words"),
    [
        (
            (0.9, 0.92),
            "GRU is best on validation, before TCN: 0.11 apart, more than the 0.043 needed at 5% with 2 seeds.",
        ),
        (
            (0.79, 0.83),
            "GRU and TCN are level on validation: 0.01 apart, where 0.086 would be needed at 5% with 2 seeds.",
        ),
        (
            (0.1, 0.2),
            "TCN is best on validation, before GRU: 0.65 apart, more than the 0.22 needed at 5% with 2 seeds.",
        ),
    ],
)
def test_the_verdict_names_the_best_contender(gru: tuple[float, float], words: str) -> None:
    runs = [
        run("tcn", 1e-3, 1, 0.1, 0.8),
        run("tcn", 1e-3, 2, 0.1, 0.8),
        *(run("gru", 1e-3, seed, 0.1, value) for seed, value in enumerate(gru, start=1)),
    ]
    made = comparison(*(replace(each, test=None) for each in runs))
    assert made.verdict() == words
    assert comparison().verdict() == "Too few contenders have been trained to compare."


def test_a_diverged_run_is_counted_and_left_out_of_the_means() -> None:
    made = comparison(
        run("tcn", 1e-3, 1, 0.1, 0.8),
        run("tcn", 1e-3, 2, 0.1, 0.9),
        replace(run("gru", 1e-3, 1, math.nan, math.nan), test=None),
        run("gru", 1e-3, 2, 0.1, 0.7),
    )
    rows = made.frame().set_index("contender")[["diverged", "validation", "test"]]
    assert rows.loc["gru"].tolist() == [1, 0.7, 0.4]
    assert rows.loc["tcn", "diverged"] == 0
    assert made.verdict() == (
        "TCN and GRU are level on validation: 0.15 apart, where 1.1 would be needed at 5% with 1 and 2 seeds. "
        "On test, TCN is level with GRU (0 apart, 0 needed); needed at 5% with 1 and 2 seeds."
    )


def test_final_runs_use_none_of_the_seeds_of_the_search() -> None:
    assert replace(comparison(), seeds=3, chosen_with=2).final_seeds == [1, 3, 4]
    assert replace(comparison(), seeds=3).final_seeds == [1, 2, 3]


@pytest.mark.parametrize("name", ["rwkv", "lstm:0", "lstm:two", "gru:-1", "fcn:2", "tcn"])
def test_an_unknown_contender_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_contenders(["gru", name])
    assert str(caught.value) == (
        "against must be some of simple_rnn, gru, lstm, fcn, resnet, mini_rocket, hydra, nn_dtw. "
        f"simple_rnn, gru, lstm may be followed by a number of layers, such as lstm:2. Received: {name!r}"
    )


class InterruptedExecutor:
    """An executor during whose first training Ctrl-C is pressed."""

    def run(self, owner: Owner) -> None:
        assert owner.next_job() is not None
        raise KeyboardInterrupt

    def close(self) -> None:
        """Do nothing: there is no process to end."""


def test_a_comparison_trains_all_alike_continues_and_counts_test_evaluations(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    space = SearchSpace(nb_filters=[4], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"])
    study = Study("waves", task, space, training=TrainingSettings(epochs=2))
    here = InProcessExecutor(study.training_data)
    study.run(1, executor=here, on_progress=lambda progress: None)

    def stop_at_the_gru(run: Run) -> None:
        if run.contender == "gru":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study.compare(["gru"], 2, 2, executor=here, on_run=stop_at_the_gru)
    assert study.test_evaluations == 0  # learning rates were still searched
    made: list[Run] = []
    result = study.compare(["gru"], 2, 2, executor=here, on_run=made.append)
    pairs = [(run.contender, run.seed) for run in result.runs]
    assert pairs[:4] == [("tcn", 0), ("tcn", 0), ("gru", 0), ("gru", 0)]
    assert pairs[4:] == [("tcn", 1), ("tcn", 2), ("gru", 1), ("gru", 2)]
    assert made == result.runs[3:]
    assert all((run.test is None) == (run.seed == SEARCH_SEED) for run in result.runs)
    assert study.test_evaluations == 2
    study.compare(["gru"], 2, 2)
    assert study.test_evaluations == 2  # nothing was left to train
    assert not Path("runs/waves/comparison_trainings").exists()
    again = Study("waves", task)
    assert again.comparison is not None
    assert again.comparison.runs == result.runs
    parameters = result.frame().set_index("contender")["parameters"]
    assert abs(parameters["gru"] / parameters["tcn"] - 1) < 0.25

    from tcn_search.report.comparison import write_comparison

    folder = write_comparison(result, Path("out"))
    assert {file.name for file in folder.iterdir()} == {
        "comparison.csv",
        "comparison.png",
        "comparison.svg",
        "comparison.pdf",
    }
    Path("table.csv").touch()
    assert main(["compare", "waves", "--out", "table.csv"]) == 2  # before anything is trained
    assert "--out must be a folder. Received: table.csv, which is a file" in capsys.readouterr().err
    assert main(["compare", "nothing"]) == 2
    assert (
        "There is no study 'nothing' in the storage. Its studies: waves." in capsys.readouterr().err
    )

    def killed(model: object, split: SplitData, spec: TaskSpec) -> SplitScore:
        if split is task.test:
            raise KeyboardInterrupt
        return SplitScore(0.5, None)

    with monkeypatch.context() as patch:
        patch.setattr(contender_runs, "score_model", killed)
        with pytest.raises(KeyboardInterrupt):
            study.compare(["lstm"], 2, 2, executor=here)
    assert study.test_evaluations == 3  # the LSTM's was recorded before it happened
    nothing = InterruptedExecutor()
    study.compare(["lstm"], 2, 2, executor=nothing)  # all trainings were kept
    assert study.test_evaluations == 4
    study.best(seeds=1, executor=here)
    study.compare(["gru"], 2, 3, executor=here)
    assert study.test_evaluations == 7  # a further seed of both
    capsys.readouterr()
    words = "7 in this study, one each time that a configuration's final trainings were scored on the test split"
    line = f"est evaluations: {words}"
    arguments = ["waves", "--seeds", "1"]
    assert main(["best", *arguments]) == 0
    assert line in unwrapped(capsys.readouterr().out)
    assert main(["status", "waves"]) == 0
    assert line in unwrapped(capsys.readouterr().out)
    assert study.winner is not None
    assert (study.winner.readings, study.winner.facts()["Test evaluations"]) == (7, words)
    assert main(["report", "waves"]) == 0
    page = html.unescape(Path("runs/waves/report.html").read_text())
    assert page.count("Test evaluations") == 1
    assert f"<dt>Test evaluations</dt>\n<dd>{words}</dd>" in page


def test_workers_make_the_runs_that_one_process_makes() -> None:
    X, y = waves(24)
    task = Task.from_arrays(X, y, X_test=X, y_test=y)
    space = SearchSpace(nb_filters=[4], kernel_size=[2], levels=[4], nb_stacks=[1], norm=["none"])
    made: list[list[Run]] = []
    for name, executor in (("here", InProcessExecutor(task.training)), ("workers", None)):
        study = Study(name, task, space, training=TrainingSettings(epochs=2))
        here = InProcessExecutor(study.training_data)
        study.run(1, executor=here, on_progress=lambda progress: None)
        progress: list[FinalProgress] = []
        result = study.compare(["fcn"], 1, 1, executor=executor, on_progress=progress.append)
        made.append(sorted(result.runs, key=lambda run: (run.contender, run.seed)))
        assert str(progress[0]) == "0 of 2 learning rates done"
        assert (progress[-1].finished, progress[-1].seconds_left) == (2, 0.0)
    assert len(made[0]) == len(made[1]) == 4
    for one, other in zip(*made, strict=True):
        names = ("contender", "learning_rate", "seed", "best_epoch", "parameters", "test")
        assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
        assert one.score == pytest.approx(other.score, rel=1e-3)


def test_simple_forecasts_that_were_not_fitted_are_fitted_by_the_same_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    space = SearchSpace(nb_filters=[4], kernel_size=[3], levels=[3], nb_stacks=[1], norm=["none"])
    study = Study(
        "sales",
        wide_task(noisy_waves(120), (80, 100, 120)),
        space,
        training=TrainingSettings(epochs=1),
    )
    here = InProcessExecutor(study.training_data)
    study.run(1, executor=here, on_progress=lambda progress: None)

    def stopped(task: Task, joined: bool) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(comparing, "simple_baselines", stopped)
        with pytest.raises(KeyboardInterrupt):
            study.compare(["gru"], 1, 1, executor=here)
    assert study.test_evaluations == 2
    assert study.results.simple_baselines is None
    steps: list[str] = []
    study.compare(
        ["gru"],
        1,
        1,
        executor=InterruptedExecutor(),
        on_progress=lambda progress: steps.append(progress.step),
    )
    assert "fitting simple baselines" in steps
    assert study.test_evaluations == 2
    baselines = study.results.simple_baselines
    assert baselines is not None
    assert not baselines.joined
