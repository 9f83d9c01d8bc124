"""One self-contained HTML page about a study."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping

from matplotlib.figure import Figure

from tcn_search.evaluation.winner import EVALUATIONS, evaluations_in_words
from tcn_search.settings import SEARCHABLE
from tcn_search.study.results import StudyResults

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #333; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
img { width: 100%; height: auto; } code { background: #f3f3f3; padding: .1rem .3rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .8rem; white-space: nowrap; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #ddd; }
th { text-align: right; background: #f6f6f6; } dt { font-weight: 600; } dd { margin: 0 0 .5rem 0; }
"""
_COLUMNS = (
    "trial",
    "ended",
    "score",
    "fold_std",
    "fold_scores",
    "best_epoch",
    "epochs",
    "receptive_field",
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
_MOST_ROWS = 500  # a browser takes long to lay out a table of thousands


def page(study: StudyResults, figures: Mapping[str, Figure]) -> str:
    """The report as HTML, its figures inside."""
    titles = {
        "history": "How the search went",
        "receptive_field": "Receptive field",
        "learning_curves": "Training",
        **{
            f"pareto_{name}": f"Score and {name}" for name in study.definition.search.objectives[1:]
        },
        "comparison": "Recurrent networks of the same size",
    }
    pictures = "".join(
        f'<h2>{titles.get(name, name)}</h2><img alt="{name}" src="data:image/png;base64,{_png(figure)}">'
        for name, figure in figures.items()
    )
    name = html.escape(study.name)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>'
        f"<h1>{name}</h1><dl>{_facts(study)}</dl>{pictures}"
        f"<h2>Trials</h2>{_table(study)}</html>"
    )


def _facts(study: StudyResults) -> str:
    spec = study.definition.spec
    definition = study.definition
    trials = study.trials()
    counts = ", ".join(f"{count} {ended}" for ended, count in study.status_counts().items())
    facts = {
        "Task": f"{spec.name}: {spec.task_kind.name} ({spec.task_kind.description}), outputs: {spec.outputs}, "
        f"channels: {spec.input_channels}",
        "Required context / sequence length": f"{definition.required_context:,} / {spec.seq_len:,} steps"
        + definition.context_reason,
        "Space": definition.task_space().describe(),
        "Trials": counts or "none yet",
        "Trained on": "; ".join(sorted(set(trials["machine"].dropna()))) or "nothing yet",
    }
    best = study.best_trial
    if best is not None:
        row = trials.set_index("trial").loc[best]
        facts["Best trial"] = (
            f"{best}, {definition.score_name} {row['score']:.4g}, receptive field {row['receptive_field']:,.0f} of "
            f"{row['required_context']:,.0f} required steps, "
            f"{row['parameters']:,.0f} parameters: {study.best_architecture}"
        )
    winner = study.winner
    comparison = study.comparison
    if winner is not None:
        facts |= winner.facts()
    if study.test_evaluations:
        facts[EVALUATIONS] = evaluations_in_words(study.test_evaluations)
    if comparison is not None:
        facts["Against recurrent networks"] = comparison.verdict()
    for change in study.changes:
        facts[f"Changed {change['when']}"] = "; ".join(change["what"])
    return "".join(
        f"<dt>{html.escape(key)}</dt><dd>{html.escape(value)}</dd>" for key, value in facts.items()
    )


def _table(study: StudyResults) -> str:
    """The trials, or the best of many with a line above that says so."""
    frame = study.trials()
    above = ""
    if len(frame) > _MOST_ROWS:
        above = f"<p>The best {_MOST_ROWS} of {len(frame):,}; all are in trials.csv.</p>"
        ascending = study.definition.objective.direction == "minimize"
        ranked = frame.sort_values("score", ascending=ascending, kind="stable")
        frame = ranked.sort_values(
            "ended", key=lambda ended: ended != "complete", kind="stable"
        ).head(_MOST_ROWS)
    shown = frame[[column for column in _COLUMNS if column in frame]].copy()
    for column in (
        "best_epoch",
        "epochs",
        "receptive_field",
        "parameters",
        "kernel_size",
        "nb_stacks",
    ):
        shown[column] = shown[column].astype("Int64")
    table = shown.to_html(
        index=False, border=0, na_rep="", float_format=lambda value: f"{value:.4g}"
    )
    return f"{above}<div class=scroll>{table}</div>"


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return base64.b64encode(buffer.getvalue()).decode()
