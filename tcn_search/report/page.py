"""Render the report of a study as one self-contained HTML page."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping

from matplotlib.figure import Figure

from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words
from tcn_search.report.forecast_figures import TITLES
from tcn_search.search.receptive_field_text import context_text, receptive_field_text
from tcn_search.settings import SEARCHABLE
from tcn_search.study.results import StudyResults

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #333;
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
img { width: 100%; height: auto; } code { background: #f3f3f3; padding: .1rem .3rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8rem; white-space: nowrap; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th { text-align: right; background: #f6f6f6; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 0; white-space: pre-line; }
"""
_COLUMNS = (
    "trial",
    "ended",
    "score",
    "val_loss",
    "fold_std",
    "fold_scores",
    "best_epoch",
    "epochs",
    "receptive_field",
    "output_receptive_field",
    "parameters",
    "seconds",
    "seconds_build",
    "seconds_compile",
    "seconds_training",
    "seconds_validation",
    "outside_share",
    "nb_filters",
    "kernel_size",
    "dilations",
    "nb_stacks",
    "padding",
    "norm",
    "use_skip_connections",
    "readout",
    *SEARCHABLE,
    "reason",
)
_INTEGER_COLUMNS = (
    "best_epoch",
    "epochs",
    "receptive_field",
    "output_receptive_field",
    "parameters",
    "kernel_size",
    "nb_stacks",
)
_MOST_ROWS = 500  # browsers are slow with tables of thousands of rows


def page(study: StudyResults, figures: Mapping[str, Figure]) -> str:
    """Return the report as HTML, with the figures inside as PNG."""
    titles = {
        "history": "How the search went",
        "receptive_field": "Receptive field",
        "learning_curves": "Training",
        "comparison": "Other networks and classifiers",
        **TITLES,
    }
    for cost in study.definition.search.objectives[1:]:
        titles[f"pareto_{cost}"] = f"Score and {cost}"
    pictures = "".join(
        f"<h2>{titles.get(name, name)}</h2>"
        f'<img alt="{name}" src="data:image/png;base64,{_png(figure)}">'
        for name, figure in figures.items()
    )
    name = html.escape(study.name)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title>'
        f"<style>{_STYLE}</style>"
        f"<h1>{name}</h1><dl>{_definition_list(_facts(study))}</dl>{pictures}"
        f"<h2>Trials</h2>{_trials_table(study)}</html>"
    )


def _facts(study: StudyResults) -> dict[str, str]:
    """Return the statements about a study that stand above the figures, by title."""
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
        "Machines": "; ".join(sorted(set(trials["machine"].dropna()))) or "none yet",
    }
    best = study.best_trial
    if best is not None:
        row = trials.set_index("trial").loc[best]
        facts["Best trial"] = (
            f"{best}, {definition.score_name} {row['score']:.4g}, "
            f"{receptive_field_text(definition, study.best_architecture)}, "
            f"{row['parameters']:,.0f} parameters: {study.best_architecture}"
        )
    if study.best_trial_note:
        facts["Length of trainings"] = study.best_trial_note
    winner = study.winner
    if winner is not None:
        architecture = study.architecture_of(winner.trial)
        facts["Winner"] = (
            f"trial {winner.trial}, {receptive_field_text(definition, architecture)}: "
            f"{architecture}"
        )
        facts |= winner.facts() | study.baseline_facts()
    if study.test_evaluations:
        facts[EVALUATIONS] = evaluations_in_words(study.test_evaluations)
    comparison = study.comparison
    if comparison is not None:
        facts["Comparison"] = comparison.verdict()
    for change in study.changes:
        facts[f"Changed {change['when']}"] = "; ".join(change["what"])
    return facts


def _definition_list(facts: Mapping[str, str]) -> str:
    return "".join(
        f"<dt>{html.escape(title)}</dt><dd>{html.escape(text)}</dd>"
        for title, text in facts.items()
    )


def _trials_table(study: StudyResults) -> str:
    """Return the table of the trials; if there are too many, the best of them and a note."""
    frame = study.trials()
    note = ""
    if len(frame) > _MOST_ROWS:
        note = f"<p>The best {_MOST_ROWS} of {len(frame):,}; all are in trials.csv.</p>"
        ascending = study.definition.objective.direction == "minimize"
        ranked = frame.sort_values("score", ascending=ascending, kind="stable")
        complete_first = ranked.sort_values(
            "ended", key=lambda statuses: statuses != "complete", kind="stable"
        )
        frame = complete_first.head(_MOST_ROWS)
    shown = frame[[column for column in _COLUMNS if column in frame]].copy()
    for column in _INTEGER_COLUMNS:
        shown[column] = shown[column].astype("Int64")
    table = shown.to_html(
        index=False, border=0, na_rep="", float_format=lambda value: f"{value:.4g}"
    )
    return f"{note}<div class=scroll>{table}</div>"


def _png(figure: Figure) -> str:
    """Return a figure as base64 text."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return base64.b64encode(buffer.getvalue()).decode()
