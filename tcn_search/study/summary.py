"""A study in sentences: what was searched, how it went, what won, what that sees and costs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from statistics import median

from tcn_search.evaluation.simple_baselines import AGAINST_BASELINES, WARNING
from tcn_search.evaluation.spread import mean_and_spread
from tcn_search.evaluation.winner import Winner
from tcn_search.html_templates import facts_html
from tcn_search.planning.architecture import Architecture, pool_in_words
from tcn_search.search.ranking import VALIDATION_LOSS
from tcn_search.search.trial_record import TrialRecord
from tcn_search.search.trial_values import multiply_adds, parameter_count
from tcn_search.study.next_steps import next_steps
from tcn_search.study.results import StudyResults
from tcn_search.tasks.kinds import Metric
from tcn_search.text import counted, joined, minutes, sentence
from tcn_search.trial_status import TrialStatus

_WORDS = {TrialStatus.PRUNED: "stopped early"}


def summary(study: StudyResults) -> dict[str, str]:
    """Return paragraphs about a study by title, for people who have not seen it before.

    Titles: "Search", "Trials" and "Result"; "Receptive field" and "Cost" of the winner, or of the
    best trial before there is one.
    """
    paragraphs = {
        "Search": _search(study),
        "Trials": _trials(study.records()),
        "Result": _result(study),
    }
    trial = trial_of_interest(study)
    if trial is not None:
        paragraphs["Receptive field"] = _receptive_field(study, study.architecture_of(trial))
        paragraphs["Cost"] = _cost(study, trial)
    return paragraphs


def summary_html(study: StudyResults) -> str:
    """Return the summary, with warnings and what to do next, as HTML for a notebook."""
    notes = {"Warnings": warnings(study), "Next": next_steps(study)}
    listed = {title: "\n".join(lines) for title, lines in notes.items() if lines}
    return facts_html(repr(study), [*summary(study).items(), *listed.items()])


def trial_of_interest(study: StudyResults) -> int | None:
    """Return the number of the winner, or else of the best trial; None where none is complete."""
    winner = study.winner
    if winner is not None:
        return winner.trial
    return study.best_trial


def warnings(study: StudyResults) -> list[str]:
    """Return what makes a study's result less than it seems, as sentences."""
    found = []
    warning = study.baseline_facts().get(WARNING)
    if warning is not None:
        found.append(sentence(warning))
    errors = [record for record in study.records() if record.status is TrialStatus.FAILED]
    if errors:
        text = f"{counted(len(errors), 'trial')} ended in an error"
        reasons = [record.reason for record in errors if record.reason]
        if reasons:
            text += f", the last with: {reasons[-1]}"
        found.append(sentence(text))
    found += [
        sentence(f"The study was changed on {change['when']}: {'; '.join(change['what'])}")
        for change in study.changes
    ]
    return found


def _search(study: StudyResults) -> str:
    definition = study.definition
    spec = definition.spec
    search = definition.search
    kind = spec.task_kind
    data = f"{counted(spec.seq_len, 'step')} and {counted(spec.input_channels, 'channel')}"
    if spec.vocabulary:
        data = f"{counted(spec.seq_len, 'step')}, each one of {spec.vocabulary:,} tokens"
    length = "up to " if spec.ragged else ""
    sequences = "Windows" if spec.kind == "forecast" else "Sequences"
    outputs = counted(spec.outputs, "output")
    if kind.has_classes and not spec.vocabulary:
        outputs = f"{spec.outputs:,} classes"
    networks = "temporal convolutional networks"
    if definition.model is not None:
        networks += f" inside the model {definition.model}"
    sentences = [
        f"The study {study.name} searches {networks} for the task {spec.name}: {kind.name}, "
        f"{kind.description}, with {outputs}.",
        f"{sequences} have {length}{data}.",
        _goal(definition.objectives),
    ]
    if search.folds > 1:
        sentences.append(
            f"Each trial is trained {search.folds} times, with another fold held out each time, "
            "and its score is the mean."
        )
    if search.fraction is not None and search.fraction < 1:
        sentences.append(f"Trials are trained on {search.fraction:.0%} of the training sequences.")
    return " ".join(sentences)


def _goal(objectives: Iterable[Metric]) -> str:
    """Return what the search looks for, such as "It looks for the lowest val_loss."."""
    words = {"minimize": "lowest", "maximize": "highest"}
    goals = [f"the {words[metric.direction]} {metric.name}" for metric in objectives]
    return f"It looks for {joined(goals)}."


def _trials(records: list[TrialRecord]) -> str:
    if not records:
        return "No trial has been started."
    finished = Counter(record.status for record in records if record.is_finished)
    others = Counter(record.status for record in records if not record.is_finished)
    active = {
        status: others.pop(status)
        for status in (TrialStatus.RUNNING, TrialStatus.WAITING)
        if status in others
    }
    sentences = []
    trained = counted(finished.total(), "trial")
    if finished:
        sentences.append(f"{trained} finished: {_counts(finished)}.")
    else:
        sentences.append("No trial has finished.")
    if others:
        sentences.append(f"{others.total():,} came to no result: {_counts(others)}.")
    if active:
        sentences.append(sentence(_counts(active)))
    seconds = sum(_seconds(record) for record in records)
    if seconds:
        sentences.append(f"Their training took {minutes(seconds)} in all{_period(records)}.")
    return " ".join(sentences)


def _counts(counts: Counter[TrialStatus] | dict[TrialStatus, int]) -> str:
    ordered = [(status, counts[status]) for status in TrialStatus if status in counts]
    return joined([f"{count:,} {_WORDS.get(status, status.in_words)}" for status, count in ordered])


def _seconds(record: TrialRecord) -> float:
    if record.outcome is None:
        return 0.0
    return record.outcome.seconds.get("total", 0.0)


def _period(records: Iterable[TrialRecord]) -> str:
    """Return when the first trial began and the last one ended, as a part of a sentence."""
    ended = [record for record in records if record.outcome is not None]
    begins = [record.started for record in ended if record.started is not None]
    ends = [record.completed for record in ended if record.completed is not None]
    if not begins or not ends:
        return ""
    first = _clock(min(begins))
    last = _clock(max(ends))
    if first == last:
        return f", on {first}"
    return f", between {first} and {last}"


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M}"


def _result(study: StudyResults) -> str:
    winner = study.winner
    if winner is not None:
        return _winner(study, winner)
    trial = study.best_trial
    if trial is None:
        return "No trial is complete yet, so that there is no result."
    row = study.trials().set_index("trial").loc[trial]
    definition = study.definition
    loss = ""
    if definition.objective.name != VALIDATION_LOSS and not math.isnan(row[VALIDATION_LOSS]):
        loss = f" (validation loss {row[VALIDATION_LOSS]:.4g})"
    sentences = [
        f"Trial {trial} is the best so far, with {definition.score_name} {row['score']:.4g}{loss}."
    ]
    if len(definition.objectives) > 1:
        front = counted(len(study.pareto()), "trial")
        sentences.append(
            f"The Pareto front has {front}: no other trial is better in every objective."
        )
    sentences.append("It has been trained once: only final trainings tell its score from luck.")
    return " ".join(sentences)


def _winner(study: StudyResults, winner: Winner) -> str:
    sentences = []
    if winner.was_rerun:
        sentences.append(
            f"Trial {winner.trial} won among the {len(winner.ranked)} best, "
            "which were trained again before the choice."
        )
    else:
        sentences.append(f"Trial {winner.trial} won.")
    if winner.preferred:
        sentences.append(f"It is a known configuration, preferred because {winner.why_preferred}.")
    sentences.append(_score(winner))
    against = study.baseline_facts()
    if AGAINST_BASELINES in against:
        sentences.append(sentence(against[AGAINST_BASELINES]))
    comparison = study.comparison
    if comparison is not None:
        sentences.append(sentence(comparison.verdict_beside(winner.trial)))
    return " ".join(sentences)


def _score(winner: Winner) -> str:
    """Return what the saved model reaches, as a sentence."""
    trainings = counted(len(winner.winning_runs), "final training")
    saved = "its final training"
    if winner.ensemble and 1 < winner.averaged < len(winner.winning_runs):
        saved = f"the ensemble of {winner.averaged} of its {trainings}"
    elif winner.ensemble and winner.averaged > 1:
        saved = f"the ensemble of {trainings}"
    elif len(winner.winning_runs) > 1:
        saved = f"the best of {trainings}"
    if winner.score is not None:
        text = f"On the test split {saved} reaches {winner.metric} {winner.score:.4g}"
        return text + _each_alone(winner.test_scores) + "."
    reached, _ = mean_and_spread(winner.judged_on_validation)
    if math.isnan(reached):
        return "The task has no test split, and none of its trainings has a validation score."
    text = f"On the validation split {saved} reaches {winner.metric}"
    if winner.refit_epochs and winner.reruns:  # the final trainings have trained on that split
        runs = "trial and re-runs" if winner.was_rerun else "trial"
        text = f"On the validation split its {runs} reached {winner.metric}"
    elif not winner.ensemble:
        saved_runs = [run for run in winner.winning_runs if run.seed == winner.saved_seed]
        reached = saved_runs[0].metric
    return (
        f"{text} {reached:.4g}"
        + _each_alone(winner.validation_metrics)
        + "; the task has no test split, so that its score on new data is not known."
    )


def _each_alone(scores: list[float]) -> str:
    mean, deviation = mean_and_spread(scores)
    if math.isnan(deviation):
        return ""
    return f" ({mean:.4g} ± {deviation:.2g} each alone)"


def _receptive_field(study: StudyResults, architecture: Architecture) -> str:
    definition = study.definition
    seq_len = architecture.steps_of(definition.spec.seq_len)
    output = architecture.output_receptive_field(seq_len)
    text = (
        "The receptive field of one step of the network is "
        f"{counted(architecture.receptive_field, 'step')}, that of its output {output:,}"
    )
    if architecture.is_pooled:
        text += f", through {pool_in_words(architecture.readout)}"
    length = "up to " if definition.spec.ragged else ""
    text += f"; a sequence has {length}{seq_len:,}."
    context = definition.required_context_of(architecture)
    if context is None:
        return f"{text} Nothing is required of one step, as the output sees the whole sequence."
    return f"{text} The study requires {counted(context, 'step')}{definition.context_reason}."


def _cost(study: StudyResults, trial: int) -> str:
    definition = study.definition
    record = study.records()[trial]
    parts = []
    parameters = parameter_count(record.built, definition, record.outcome)
    if parameters is not None:
        parts.append(f"has {counted(parameters, 'parameter')}")
    if definition.model is None:
        operations = _in_millions(multiply_adds(record.built, definition.spec))
        parts.append(f"needs {operations} multiply-adds for one sequence")
    sentences = []
    if parts:
        sentences.append(f"The network {joined(parts)}.")
    winner = study.winner
    if winner is not None:
        each = [run.seconds_an_epoch for run in winner.winning_runs if run.seconds_an_epoch > 0]
        if each:
            sentences.append(f"An epoch of a final training took {_duration(median(each))}.")
    elif record.outcome is not None:
        each = [row["seconds"] for row in record.outcome.curve if "seconds" in row]
        if each:
            sentences.append(f"An epoch of the trial took {_duration(median(each[1:] or each))}.")
    return " ".join(sentences)


def _in_millions(count: int) -> str:
    """Return a large number for people.

    >>> _in_millions(12_345_678), _in_millions(12_345)
    ('12.3 million', '12,345')
    """
    if count < 1_000_000:
        return f"{count:,}"
    if count < 1_000_000_000:
        return f"{count / 1e6:.3g} million"
    return f"{count / 1e9:,.3g} thousand million"


def _duration(seconds: float) -> str:
    """Return a time for people: "40 ms", "1.2 s", "3 min".

    >>> _duration(0.0123), _duration(1.234), _duration(200)
    ('12 ms', '1.2 s', '3 min')
    """
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return minutes(seconds)
