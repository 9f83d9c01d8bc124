"""Run a shipped study and write its results to studies/results/NAME/; nothing there is typed in.

python studies/results.py adding-600 --run "--trials 8 --set task.train_size=20000"
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pandas as pd

from tcn_search import load_study
from tcn_search.atomic_files import replacing
from tcn_search.evaluation.spread import mean_and_spread, with_spread
from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words
from tcn_search.report.figures import study_figures
from tcn_search.study.forecast_errors import forecast_errors
from tcn_search.study.study import Study
from tcn_search.tasks.registry import published_for

STUDIES = Path(__file__).parent
RESULTS = STUDIES / "results"
STORAGE = "sqlite:///runs/results.db"
# What we want on a test split, by study: the metric's least or most.
AIMS = {
    "adding-600": ("mse", "at most", 2.0e-4),
    "copy_memory": ("accuracy_last_10", "at least", 1.0),
    "seq_mnist": ("accuracy", "at least", 0.988),
    "permuted_mnist": ("accuracy", "at least", 0.972),
    "osuleaf": ("accuracy", "at least", 0.95),
    "japanese_vowels": ("accuracy", "at least", 0.975),
    "spoken_digits": ("accuracy", "at least", 0.985),
    "etth1": ("standardised_mse", "at most", 0.385),
    "ettm1": ("standardised_mse", "at most", 0.305),
}
ERRORS = ("mse", "mae", "mase", "smape", "wql", "coverage_80")  # of a forecast, on its page


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", help="of a study file in studies/, without .toml")
    parser.add_argument(
        "--run", default="", help="further arguments of `tcn-search run`, in one text"
    )
    parser.add_argument("--best", default="", help="further arguments of `tcn-search best`")
    arguments = parser.parse_args()
    commands = [
        f"tcn-search run studies/{arguments.name}.toml {arguments.run}".strip(),
        f"tcn-search best {arguments.name} {arguments.best}".strip(),
    ]
    folder = RESULTS / arguments.name
    final = [_timed(command) for command in commands][1]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _write(folder, load_study(arguments.name, STORAGE), commands, final)
    with replacing(RESULTS / "README.md") as part:
        part.write_text(summary(), encoding="utf-8")


def _timed(command: str) -> float:
    """Run a command with our storage; its wall time in seconds."""
    started = time.perf_counter()
    program = [sys.executable, "-m", "tcn_search", *shlex.split(command)[1:], "--storage", STORAGE]
    subprocess.run(program, check=True, cwd=STUDIES.parent)
    return time.perf_counter() - started


def _write(folder: Path, study: Study, commands: list[str], final: float) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    frame = study.trials()
    where = frame["machine"].dropna().str.partition(", ")[2]  # without the host's name
    frame["machine"] = where
    ends = frame["started"] + pd.to_timedelta(frame["seconds"].fillna(0), unit="s")
    search = (ends.max() - frame["started"].min()).total_seconds()  # it may have been continued
    winner, definition = study.winner, study.definition
    assert winner is not None
    architecture = study.results.architecture_of(winner.trial)
    row = frame.set_index("trial").loc[winner.trial]
    context, seq_len = definition.required_context, definition.spec.seq_len
    needs = f"{architecture.steps_of(context):,} of {architecture.steps_of(seq_len):,} steps"
    if definition.required_context_of(architecture) is None:
        needs += f" for readouts of one step; none for {architecture.readout}"
    if architecture.look_back is not None:
        needs += f" of look-back, chosen out of up to {seq_len:,}"
    result: dict[str, Any] = {
        "commands": commands,
        "seconds": [round(search), round(final)],
        "machine": f"{_cores()}, {'; '.join(sorted(filter(None, set(where.dropna()))))}",
        "trials": {
            str(ended): int(count) for ended, count in frame["ended"].value_counts().items()
        },
        "required_context": f"{needs}{definition.context_reason}",
        "architecture": str(architecture),
        "receptive_field": architecture.receptive_field,
        "output_receptive_field": architecture.output_receptive_field(seq_len),
        "parameters": int(row["parameters"]),
        "settings": study.results.candidate(winner.trial).settings.to_dict(),
        "metric": winner.metric,
        "validation": []
        if winner.refit_epochs and winner.member_files
        else [run.metric for run in winner.winning_runs],
        "refit_epochs": winner.refit_epochs,
        "test": winner.test_scores,
        "ensemble": winner.score if winner.ensemble else None,
        "left_out": len(winner.spoiling_seeds),
        "simple": _simple_models(study),
        "errors": _errors(study),
        "test_readings": study.test_evaluations,
        "published": [
            {
                "model": known.model,
                "metric": known.metric,
                "score": known.score,
                "source": known.source,
            }
            for known in published_for(definition.source)
        ],
        "changes": study.changes,
    }
    names = ("trials.csv", "receptive_field.png", "result.json", "README.md")
    figures = study_figures(study.snapshot())
    with ExitStack() as files:  # they take their places when all are written
        table, figure, facts, text = (
            files.enter_context(replacing(folder / name)) for name in names
        )
        frame.to_csv(table, index=False)
        figures["receptive_field"].savefig(figure, dpi=80)
        if "forecasts" in figures:
            drawn = files.enter_context(replacing(folder / "forecasts.png"))
            figures["forecasts"].savefig(drawn, dpi=100)
        facts.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        text.write_text(page(folder.name, result), encoding="utf-8")


def _simple_models(study: Study) -> list[dict[str, Any]]:
    """Return the test scores of the simple models that `best` fitted; [] without a test split."""
    baselines = study.results.simple_baselines
    if baselines is None:
        return []
    frame = baselines.frame().dropna(subset="test")
    frame["direction"] = baselines.direction
    return frame[["name", "detail", "test", "direction"]].to_dict("records")


def _errors(study: Study) -> list[dict[str, Any]]:
    """Return all errors of a forecast and of simple models on the test split; else []."""
    errors = forecast_errors(study.results)
    if errors is None:
        return []
    shown = [name for name in ("model", *ERRORS) if name in errors]
    return json.loads(errors[shown].to_json(orient="records"))


def _receptive_field(result: dict[str, Any]) -> str:
    """Receptive field of a step, and of the output where a result of today has it."""
    of_a_step = f"{result['receptive_field']:,}"
    if "output_receptive_field" not in result:
        return f"{of_a_step} steps"
    return f"{of_a_step} of a step, {result['output_receptive_field']:,} of the output"


def page(name: str, result: dict[str, Any]) -> str:
    """What a result's README.md says."""
    search, final = (_minutes(value) for value in result["seconds"])
    trials = ", ".join(f"{count} {ended}" for ended, count in result["trials"].items())
    rows = [
        ("Commands", "<br>".join(f"`{command}`" for command in result["commands"])),
        ("Took", f"search {search}, winner over seeds {final}; {result['machine']}"),
        ("Trials", f"{trials}: [trials.csv](trials.csv)"),
        ("Required context", result["required_context"]),
        ("Winner", f"`{result['architecture']}`"),
        ("Receptive field", _receptive_field(result)),
        ("Parameters", f"{result['parameters']:,}"),
        ("Validation", _validation(result)),
        ("Test, ensemble", _ensemble(result)),
        ("Test", f"{result['metric']} {with_spread(result['test'])}"),
        ("Simple models, test", _simple_in_words(result)),
        (EVALUATIONS, evaluations_in_words(result["test_readings"])),
        ("Aim", aim(name, result)),
    ]
    rows += [
        (
            f"Published, {known['model']}",
            f"{known['metric']} {known['score']:.4g} ({known['source']})",
        )
        for known in result["published"]
    ]
    table = "\n".join(f"| {key} | {value} |" for key, value in rows if value)
    return (
        f"# {name}\n\nWritten by `python studies/results.py {name}`. The full study is "
        f"[{name}.toml](../../{name}.toml); what the command sets differs from it.\n\n"
        f"| | |\n| --- | --- |\n{table}\n\n"
        f"{_error_table(result)}"
        f"![score and receptive field of every trial](receptive_field.png)\n{_notes(name)}"
    )


def _simple_in_words(result: dict[str, Any]) -> str:
    """Return the test scores of the simple models; "" for a result without them."""
    return ", ".join(f"{one['name']} {one['test']:.4g}" for one in result.get("simple", []))


def _best_simple(result: dict[str, Any]) -> dict[str, Any] | None:
    """Return the simple model that is best on the test split; None without one."""
    models = result.get("simple", [])
    if not models:
        return None
    if models[0]["direction"] == "maximize":
        return max(models, key=lambda model: model["test"])
    return min(models, key=lambda model: model["test"])


def _error_table(result: dict[str, Any]) -> str:
    """Return the errors of a forecast as a table, and its picture; "" for other studies."""
    errors = result.get("errors", [])
    if not errors:
        return ""
    names = list(errors[0])
    lines = [names, ["---"] * len(names)]
    for row in errors:
        lines.append([_number(row[name]) for name in names])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"Errors on every window of the test split ([docs/forecasts.md]"
        f"(../../../docs/forecasts.md#errors)):\n\n{table}\n\n"
        "![forecasts against the truth](forecasts.png)\n\n"
    )


def _number(value: Any) -> str:
    """Return a cell of a table."""
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value or "")


def _validation(result: dict[str, Any]) -> str:
    """The validation scores of the final trainings, or that there are none."""
    if result["validation"]:
        return f"{result['metric']} {with_spread(result['validation'])}"
    return f"trained on it too, for {result['refit_epochs']} epochs"


def _ensemble(result: dict[str, Any]) -> str:
    """The test score of the ensemble; "" where a single model was saved."""
    if result.get("ensemble") is None:
        return ""
    return f"{result['metric']} {result['ensemble']:.4g}{_members_in_words(result)}"


def _members_in_words(result: dict[str, Any]) -> str:
    """Return how many of the trainings are in the ensemble; "" where all of them are."""
    trainings, left_out = len(result["test"]), result.get("left_out", 0)
    return f" (of {trainings - left_out} of the {trainings} trainings)" if left_out else ""


def score_of(result: dict[str, Any]) -> float:
    """The test score of the ensemble, or the mean over seeds where a single model was saved."""
    if result.get("ensemble") is not None:
        return float(result["ensemble"])
    mean, _ = mean_and_spread(result["test"])
    return mean


def _score_in_words(result: dict[str, Any]) -> str:
    """The test score in a summary: of the ensemble if there is one, and over seeds."""
    over_seeds = with_spread(result["test"])
    if result.get("ensemble") is None:
        return over_seeds
    return f"{result['ensemble']:.4g} by the ensemble{_members_in_words(result)}, {over_seeds}"


def _notes(name: str) -> str:
    """Return the remarks of a person on a result (notes.md beside it), or ""."""
    file = RESULTS / name / "notes.md"
    if not file.exists():
        return ""
    return f"\n{file.read_text(encoding='utf-8')}"


def _cores() -> str:
    """The cores that this process, and with it the commands, may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{count} core{'s' * (count != 1)}"


def aim(name: str, result: dict[str, Any]) -> str:
    """Say whether the test score reaches the aim, or by how much it misses; "" without an aim.

    A forecast without an aim of its own is compared with the best simple model.
    """
    if name in AIMS:
        metric, side, wanted = AIMS[name]
        goal = f"{metric} {side} {wanted:.4g}"
    elif result.get("errors"):
        simple = _best_simple(result)
        assert simple is not None
        metric, side, wanted = result["metric"], "at most", simple["test"]
        goal = f"{metric} {side} {wanted:.4g}, that of the best simple model ({simple['name']})"
    else:
        return ""
    assert metric == result["metric"], (
        f"the aim of {name} is about {metric}, its test about {result['metric']}"
    )
    mean = score_of(result)
    is_reached = mean >= wanted
    missed = "less"
    if side == "at most":
        is_reached = mean <= wanted
        missed = "more"
    if is_reached:
        return f"{goal}: reached"
    return f"{goal}: missed: {abs(mean - wanted):.3g} {missed}"


def summary() -> str:
    """Return a table of all results, from their result.json."""
    lines = []
    for file in sorted(RESULTS.glob("*/result.json")):
        name, result = file.parent.name, json.loads(file.read_text(encoding="utf-8"))
        best = [known for known in result["published"] if known["model"] == "TCN"] or result[
            "published"
        ]
        published = ", ".join(
            f"{known['model']} {known['metric']} {known['score']:.4g}" for known in best[:2]
        )
        lines.append(
            f"| [{name}]({name}/README.md) | {result['metric']} {_score_in_words(result)} | "
            f"{_simple_in_summary(result)} | {published} | {aim(name, result)} | "
            f"{_minutes(sum(result['seconds']))} |"
        )
    return (
        "# Results of the shipped studies\n\n"
        "Each folder was written by `python studies/results.py NAME`, from the "
        "study; where it says what limits a result, a person wrote it. "
        "Test scores are over the seeds shown, on a split that the search never saw; "
        "the time is that of the search and of the winner's final trainings.\n\n"
        "| study | test | best simple model | published | aim | time |\n"
        "| --- | --- | --- | --- | --- | --- |\n" + "\n".join(lines) + "\n"
    )


def _simple_in_summary(result: dict[str, Any]) -> str:
    simple = _best_simple(result)
    if simple is None:
        return ""
    return f"{simple['name']} {simple['test']:.4g}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


if __name__ == "__main__":
    main()
