"""`tcn-search status`: list all studies, or show one with its best trial and its winner."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tcn_search.cli.output import add_format, folded, print_json, print_text, table_lines
from tcn_search.cli.slow_steps import slow_steps
from tcn_search.cli.study_argument import add_storage_argument, find_study
from tcn_search.text import counted
from tcn_search.trial_status import TrialStatus

if TYPE_CHECKING:
    from tcn_search.study.results import StudyResults

_HEAD = ("study", "state", "trials", "best", "test", "last trial")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `status`."""
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        help="a study file or a name (default: list all studies)",
    )
    add_storage_argument(parser)
    add_format(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the status of a study, or a row for each study."""
    as_json = arguments.format == "json"
    with slow_steps() as begin:
        if arguments.study is None:
            from tcn_search.study.study_values import overview

            rows = overview(arguments.storage, lambda name: begin(f"reading the study {name}"))
        else:
            study = find_study(arguments)
            begin(f"reading the trials of {study.name}")
            snapshot = study.snapshot()
    if arguments.study is None:
        if as_json:
            print_json(rows)
        else:
            _print_overview(rows)
    elif as_json:
        from tcn_search.study.study_values import study_values

        print_json(study_values(snapshot))
    else:
        _print_status(snapshot)
    return 0


def _print_overview(rows: list[dict[str, Any]]) -> None:
    if not rows:
        print_text("No study in the storage yet. `tcn-search run STUDY.toml` creates one.")
        return
    print("\n".join(table_lines(_HEAD, [_cells(row) for row in rows], left=(0, 1, 3))))
    for row in rows:
        if row["reason"]:
            print_text(f"{row['study']}: {row['reason']}")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the texts of a row, in the order of `_HEAD`."""
    best = {}
    if row["score"] is not None:
        best = {row["objective"]: row["score"], **row["beside_score"]}
    numbers = [f"{name} {value:.4g}" for name, value in best.items() if value is not None]
    return (
        folded(row["study"], 20),
        row["state"],
        str(row["finished"]),
        "\n".join(folded(number, 21) for number in numbers),
        "" if row["test"] is None else f"{row['test']:.4g}",
        (row["updated"] or "")[:10],
    )


def _print_status(study: StudyResults) -> None:
    from tcn_search.search.receptive_field_text import context_text

    definition = study.definition
    spec = definition.spec
    print_text(f"{study.name}: {spec.name}, {spec.kind}")
    print_text(context_text(definition))
    print_text(definition.task_space().describe())
    if definition.model is not None:
        print_text(f"model {definition.model}")
    if study.start.outside:
        count = counted(len(study.start.outside), "known configuration")
        print_text(f"{count} outside the space")
    counts = study.status_counts()
    if not counts:
        print("no trial yet")
        return
    counts_text = ", ".join(f"{count} {status}" for status, count in counts.items())
    print_text(f"{study.finished} finished: {counts_text}")
    _print_best(study)
    _print_winner(study)
    for change in study.changes:
        print_text(f"changed {change['when']}: {'; '.join(change['what'])}")
    _print_running(study)


def _print_best(study: StudyResults) -> None:
    """Print the best trial and, of several objectives, the Pareto front."""
    from tcn_search.search.receptive_field_text import receptive_field_text
    from tcn_search.study.study_values import best_record, configuration_of, score_of

    definition = study.definition
    best = best_record(study)
    if best is not None:
        print_text(f"best: {score_of(study, best)}, trial {best.number}")
        print_text(configuration_of(study, best), indent=4)
        print_text(receptive_field_text(definition, best.built), indent=4)
        if study.best_trial_note:
            print_text(study.best_trial_note, indent=4)
    if len(definition.objectives) > 1:
        names = [objective.name for objective in definition.objectives]
        front = study.pareto()
        rows = [
            [str(row["trial"]), *(f"{row[name]:.5g}" for name in names)]
            for row in front.to_dict("records")
        ]
        print(f"Pareto front, {counted(len(front), 'trial')}:")
        print("\n".join(table_lines(["trial", *names], rows, left=())))


def _print_winner(study: StudyResults) -> None:
    """Print the result of `best`, with its score on the test split."""
    from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words
    from tcn_search.search.receptive_field_text import receptive_field_text
    from tcn_search.study.study_values import winner_configuration

    winner = study.winner
    if winner is not None:
        architecture = study.architecture_of(winner.trial)
        text = f"winner: trial {winner.trial}"
        if winner.score is not None:
            text += f", test {winner.metric} {winner.score:.4g}"
        print_text(text)
        print_text(winner_configuration(study), indent=4)
        print_text(receptive_field_text(study.definition, architecture), indent=4)
        for name, value in winner.facts().items():
            if name != EVALUATIONS and not name.startswith("Ranked by"):
                print_text(f"{name.lower()}: {value}")
        print_text(f"model: {winner.model_file}")
    if study.test_evaluations:
        print_text(f"{EVALUATIONS.lower()}: {evaluations_in_words(study.test_evaluations)}")
    for name, text in study.baseline_facts().items():
        print_text(f"{name.lower()}: {text}")


def _print_running(study: StudyResults) -> None:
    """Print the process that runs the study, and its trials; without it they are stale."""
    holder = study.holder()
    if holder is not None:
        print_text(f"run by {holder}")
    for record in study.records():
        if record.status is not TrialStatus.RUNNING:
            continue
        if holder is not None:
            text = f"running: trial {record.number}, epoch {record.last_epoch}"
            if record.last_value is not None:
                text += f", {study.definition.objective.name} {record.last_value:.4g}"
            print_text(text)
        else:
            print_text(
                f"stale: trial {record.number}, in epoch {record.last_epoch} when its run ended; "
                "the next run tries it again"
            )
