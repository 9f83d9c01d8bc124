"""`tcn-search status`: trials by state, the best so far, what runs now; without a study, all of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tcn_search.cli.find_study import add_storage_argument, find_study
from tcn_search.cli.steps import slow_steps

if TYPE_CHECKING:
    from tcn_search.study.results import StudyResults


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study",
        metavar="STUDY",
        nargs="?",
        help="a study file or a name; left out: list all studies",
    )
    add_storage_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.study is None:
        from tcn_search.storage.studies import list_studies

        names = list_studies(arguments.storage)
        print(
            "\n".join(names)
            if names
            else "No study in the storage yet. `tcn-search run STUDY.toml` makes one."
        )
        return 0
    found = find_study(arguments)
    with slow_steps() as begin:
        begin(f"reading the trials of {found.name}")
        study = found.snapshot()
    _print_status(study)
    return 0


def _print_status(study: StudyResults) -> None:
    definition = study.definition
    endings = study.status_counts()
    spec = definition.spec
    print(f"{study.name}: {spec.name}, {spec.kind}")
    print(
        f"required context {definition.required_context:,} of sequence length {spec.seq_len:,}"
        f"{definition.context_reason}"
    )
    print(definition.task_space().describe())
    if definition.model is not None:
        print(f"model {definition.model}")
    if not endings:
        print("no trial yet")
        return
    counts = ", ".join(f"{count} {ended}" for ended, count in endings.items())
    print(f"{study.finished} finished: {counts}")
    if study.best_trial is not None:
        score = f"{definition.score_name} {study.best_score:.4g}"
        print(f"best: {score}, trial {study.best_trial}, {study.best_architecture}")
    if len(definition.objectives) > 1:
        names = [objective.name for objective in definition.objectives]
        front = study.pareto()
        print(f"Pareto front, {len(front)} trials:")
        print(front[["trial", *names]].to_string(index=False))
    if study.test_evaluations:
        from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words

        print(f"{EVALUATIONS.lower()}: {evaluations_in_words(study.test_evaluations)}")
    for change in study.changes:
        print(f"changed {change['when']}: {'; '.join(change['what'])}")
    lease = study.holder()
    if lease is not None:
        print(f"run by {lease}")
    for number, epoch in study.running().items():
        print(
            f"running: trial {number}, epoch {epoch}"
            if lease is not None
            else f"lost: trial {number}, in epoch {epoch} when its run ended; the next run tries it again"
        )
