"""What to do next with a study; the report and the command line say the same."""

from __future__ import annotations

import shlex

from tcn_search.study.results import StudyResults
from tcn_search.text import sentence


def next_steps(study: StudyResults) -> list[str]:
    """Return what to do next with a study, the most urgent first, as sentences."""
    if not study.records():
        return [f"`{command(study, 'run')}` starts the search; give it the study file."]
    if study.best_trial is None:
        return ["No trial is complete: the table of the trials says why. Run the study longer."]
    steps = []
    if study.best_trial_note:
        steps.append(study.best_trial_note)
    winner = study.winner
    if winner is None:
        steps.append(
            f"`{command(study, 'best')}` trains the best trials again, chooses one of them, "
            "and saves a model that is scored on the test split, where there is one."
        )
        return steps
    if study.lacks_baselines:
        steps.append(f"`{command(study, 'best')}` fits the simple baselines, which are missing.")
    time_limit = winner.facts().get("Time limit")
    if time_limit is not None:
        steps.append(sentence(f"The time limit left out: {time_limit}"))
    comparison = study.comparison
    if comparison is None or comparison.trial != winner.trial:
        steps.append(
            f"`{command(study, 'compare')}` compares the winner with recurrent networks of its "
            "size, trained in the same way."
        )
    steps.append(_use(study, winner.model_file))
    return steps


def command(study: StudyResults, verb: str) -> str:
    """Return a command on a study, quoted for a shell, with a storage that is not the default."""
    words = shlex.join(["tcn-search", verb, study.name])
    if study.storage is None:
        return words
    return f"{words} --storage {shlex.quote(study.storage)}"


def _use(study: StudyResults, model_file: str) -> str:
    if study.definition.spec.kind == "forecast":
        return f"`{command(study, 'forecast')}` predicts the steps after the last row."
    file = shlex.quote(model_file)
    return f"`tcn-search predict {file} NEW_DATA` predicts new sequences with the saved model."
