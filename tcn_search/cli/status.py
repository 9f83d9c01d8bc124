"""`tcn-search status`: show a study's trials by status, its best score and running trials."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcn_search.cli.slow_steps import slow_steps
from tcn_search.cli.study_argument import add_storage_argument, find_study

if TYPE_CHECKING:
    from tcn_search.study.results import StudyResults


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `status`."""
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        help="a study file or a name (default: list all studies)",
    )
    add_storage_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the status of a study, or the names of all studies."""
    if arguments.study is None:
        _print_names(arguments.storage)
        return 0
    study = find_study(arguments)
    with slow_steps() as begin:
        begin(f"reading the trials of {study.name}")
        snapshot = study.snapshot()
    _print_status(snapshot)
    return 0


def _print_names(storage: str | None) -> None:
    from tcn_search.storage.studies import list_studies

    names = list_studies(storage)
    if names:
        print("\n".join(names))
    else:
        print("No study in the storage yet. `tcn-search run STUDY.toml` creates one.")


def _print_status(study: StudyResults) -> None:
    from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words
    from tcn_search.search.receptive_field_text import context_text, receptive_field_text

    definition = study.definition
    spec = definition.spec
    print(f"{study.name}: {spec.name}, {spec.kind}")
    print(context_text(definition))
    print(definition.task_space().describe())
    if definition.model is not None:
        print(f"model {definition.model}")
    if study.start.outside:
        print(f"known configurations outside the space: {', '.join(study.start.outside)}")
    counts = study.status_counts()
    if not counts:
        print("no trial yet")
        return
    counts_text = ", ".join(f"{count} {status}" for status, count in counts.items())
    print(f"{study.finished} finished: {counts_text}")
    if study.best_trial is not None:
        score = f"{definition.score_name} {study.best_score:.4g}"
        print(f"best: {score}, trial {study.best_trial}, {study.best_architecture}")
        print(f"      {receptive_field_text(definition, study.best_architecture)}")
        if study.best_trial_note:
            print(study.best_trial_note)
    if len(definition.objectives) > 1:
        names = [objective.name for objective in definition.objectives]
        front = study.pareto()
        print(f"Pareto front, {len(front)} trials:")
        print(front[["trial", *names]].to_string(index=False))
    winner = study.winner
    if winner is not None:
        architecture = study.architecture_of(winner.trial)
        print(f"winner: trial {winner.trial}, {architecture}")
        print(f"      {receptive_field_text(definition, architecture)}")
        for name, value in winner.facts().items():
            if name != EVALUATIONS and not name.startswith("Ranked by"):
                print(f"{name.lower()}: {value}")
    if study.test_evaluations:
        print(f"{EVALUATIONS.lower()}: {evaluations_in_words(study.test_evaluations)}")
    for name, text in study.baseline_facts().items():
        print(f"{name.lower()}: {text}")
    for change in study.changes:
        print(f"changed {change['when']}: {'; '.join(change['what'])}")
    _print_running(study)


def _print_running(study: StudyResults) -> None:
    """Print the process that runs the study, and its trials; without it they are stale."""
    holder = study.holder()
    if holder is not None:
        print(f"run by {holder}")
    for number, epoch in study.running().items():
        if holder is not None:
            print(f"running: trial {number}, epoch {epoch}")
        else:
            print(
                f"stale: trial {number}, in epoch {epoch} when its run ended; "
                "the next run tries it again"
            )
