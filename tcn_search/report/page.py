"""Render the report of a study as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words
from tcn_search.html_templates import render
from tcn_search.report.figure_views import FigureView, figure_views
from tcn_search.report.figures import figures_of
from tcn_search.report.trial_table import TrialTable, trial_table
from tcn_search.search.receptive_field_text import context_text, receptive_field_text
from tcn_search.study.next_steps import next_steps
from tcn_search.study.results import StudyResults
from tcn_search.study.study_file_text import study_file_text
from tcn_search.study.study_values import winner_candidate
from tcn_search.study.summary import summary, trial_of_interest, warnings


@dataclass(frozen=True)
class Configuration:
    """Architecture and settings of the winner, or of the best trial, from which to rebuild it."""

    title: str
    values: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """Everything that the page of a study shows, in its order; the template computes nothing.

    Attributes:
        name: of the study.
        summary: paragraphs by title.
        next_steps: sentences with commands in them.
        warnings: sentences.
        figures: of the study.
        configuration: None where no trial is complete.
        trials: the table.
        details: facts by title.
        study_file: as TOML.
        versions: of packages.
        fingerprint: of the data.
    """

    name: str
    summary: tuple[tuple[str, str], ...]
    next_steps: tuple[str, ...]
    warnings: tuple[str, ...]
    figures: tuple[FigureView, ...]
    configuration: Configuration | None
    trials: TrialTable
    details: tuple[tuple[str, str], ...]
    study_file: str
    versions: tuple[tuple[str, str], ...]
    fingerprint: str


def page(study: StudyResults, figures: Mapping[str, Figure], pictures: Mapping[str, bytes]) -> str:
    """Return the report as HTML, with the figures inside.

    Args:
        study: at one moment; see `StudyResults.snapshot`.
        figures: of `study_figures`.
        pictures: PNG of each figure.
    """
    return render("report.html", page=page_of(study, figures, pictures))


def page_of(
    study: StudyResults, figures: Mapping[str, Figure], pictures: Mapping[str, bytes]
) -> Page:
    """Return what the page of a study shows; see `page` for the arguments."""
    return Page(
        name=study.name,
        summary=tuple(summary(study).items()),
        next_steps=tuple(next_steps(study)),
        warnings=tuple(warnings(study)),
        figures=figure_views(figures_of(study), figures, pictures),
        configuration=_configuration(study),
        trials=trial_table(study),
        details=tuple(_details(study).items()),
        study_file=study_file_text(study.name, study.definition),
        versions=tuple(study.versions.items()),
        fingerprint=study.definition.fingerprint,
    )


def _configuration(study: StudyResults) -> Configuration | None:
    trial = trial_of_interest(study)
    if trial is None:
        return None
    what = "winner"
    candidate = winner_candidate(study)
    if candidate is None:
        what = "best trial"
        candidate = study.candidate(trial)
    values = {**candidate.architecture.to_dict(), **candidate.settings.to_dict()}
    return Configuration(
        title=f"Configuration of the {what}, with the settings of its final trainings",
        values=tuple(
            (name, _plain(value)) for name, value in values.items() if value not in (None, [])
        ),
    )


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


def _details(study: StudyResults) -> dict[str, str]:
    """Return the facts about a study by title."""
    definition = study.definition
    spec = definition.spec
    trials = study.trials()
    counts = ", ".join(f"{count} {status}" for status, count in study.status_counts().items())
    facts = {
        "Task": f"{spec.name}: {spec.task_kind.name} ({spec.task_kind.description}), "
        f"outputs: {spec.outputs}, channels: {spec.input_channels}",
        "Required context": context_text(definition),
        "Space": definition.task_space().describe(),
        "Trials": counts or "none yet",
        "Machines": "; ".join(sorted(set(trials["machine"].dropna()) - {""})) or "none yet",
    }
    best = study.best_trial
    if best is not None:
        row = trials.set_index("trial").loc[best]
        facts["Best trial"] = (
            f"{best}, {definition.score_name} {row['score']:.4g}, "
            f"{receptive_field_text(definition, study.best_architecture)}, "
            f"{row['parameters']:,.0f} parameters: {study.best_architecture}"
        )
    winner = study.winner
    if winner is not None:
        architecture = study.architecture_of(winner.trial)
        facts["Winner"] = (
            f"trial {winner.trial}, {receptive_field_text(definition, architecture)}: "
            f"{architecture}"
        )
        facts |= winner.facts() | study.baseline_facts()
        facts["Model"] = f"{winner.model_file}, {winner.saved_in_words()}"
    if study.test_evaluations:
        facts[EVALUATIONS] = evaluations_in_words(study.test_evaluations)
    comparison = study.comparison
    if comparison is not None:
        facts["Comparison"] = comparison.verdict_beside(None if winner is None else winner.trial)
    for change in study.changes:
        facts[f"Changed {change['when']}"] = "; ".join(change["what"])
    outside = study.start.outside
    if outside:
        facts["Known configurations outside the space"] = ", ".join(outside)
    return facts
