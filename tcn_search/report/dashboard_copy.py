"""A copy of the studies of a storage in memory, with figures and notes, for Optuna's dashboard.

The dashboard may change what it shows, and a study may run meanwhile. The copy keeps both apart:
the storage is read only, so that no lease is needed and no result can change.
"""

from __future__ import annotations

import copy
import io
import tempfile
import threading
import warnings
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.trial import FrozenTrial

from tcn_search.errors import TcnSearchError
from tcn_search.logs import LOGGER
from tcn_search.report.figures import study_figures
from tcn_search.search.receptive_field_text import context_text, receptive_field_text
from tcn_search.search.trial_record import ARCHITECTURE, QUEUED, RESULT, TrialRecord
from tcn_search.search.trial_values import parameter_count
from tcn_search.storage.connection import open_storage, quiet_optuna, storage_errors
from tcn_search.storage.studies import list_studies
from tcn_search.storage.urls import storage_url
from tcn_search.study.open_study import load_study
from tcn_search.study.results import StudyResults
from tcn_search.study.study_values import (
    best_record,
    configuration_of,
    score_of,
    winner_configuration,
)

SECONDS_BETWEEN_COPIES = 10.0
_SECONDS_TO_END = 5.0
_REPLACED = (ARCHITECTURE, RESULT, QUEUED)  # user attributes that hold long JSON
_CONSTRAINTS = "constraints"  # the dashboard reads the constraints of a trial here


class DashboardCopy:
    """Copies studies, and goes on to copy what changes.

    Args:
        url: of the storage.
        folder: for the figures; the caller removes it.

    Attributes:
        storage: what the dashboard shows.
        artifacts: the figures.
    """

    def __init__(self, url: str | None, folder: Path) -> None:
        self.storage = optuna.storages.InMemoryStorage()
        self.artifacts = FileSystemArtifactStore(folder)
        self._url = url
        self._copies: dict[str, _CopiedStudy] = {}
        self._failed: set[str] = set()  # studies whose failure has been logged
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def page_of(self, name: str) -> str:
        """Return the path of the dashboard's page of a study, which is copied first."""
        self.update(name)
        number = self.storage.get_study_id_from_name(name)
        return f"/dashboard/studies/{number}"

    def update(self, name: str) -> StudyResults | None:
        """Copy what is new in a study, without its figures, and return its results.

        Those of a study that Optuna has made without this package are None.

        Raises:
            TcnSearchError: it cannot be read.
        """
        if name not in self._copies:
            self._copies[name] = _CopiedStudy(name, self._url, self.storage)
        return self._copies[name].update()

    def keep_current(self, first: str | None) -> None:
        """Copy all studies from now on, in a thread, until `close`.

        Args:
            first: the study whose figures are drawn first.
        """
        self._thread = threading.Thread(target=self._copy_until_closed, args=(first,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread of `keep_current`; a figure that is being drawn is waited for."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(_SECONDS_TO_END)

    def _copy_until_closed(self, first: str | None) -> None:
        while not self._closed.is_set():
            self.update_all(first)
            self._closed.wait(SECONDS_BETWEEN_COPIES)

    def update_all(self, first: str | None = None) -> None:
        """Copy every study of the storage with its figures; log which cannot be read, once."""
        try:
            names = list_studies(self._url)
        except TcnSearchError as error:  # the next round may find it again
            LOGGER.warning("%s", error)
            return
        for name in sorted(names, key=lambda name: name != first):
            if self._closed.is_set():
                return
            try:
                results = self.update(name)
                if results is not None:
                    self._copies[name].draw(results, self.artifacts)
            except Exception as error:
                # One study that cannot be shown must not end the others' copies.
                if name not in self._failed and not self._closed.is_set():
                    LOGGER.warning("The study %s is not shown in full: %s", name, error)
                self._failed.add(name)


class _CopiedStudy:
    """A study and its copy."""

    def __init__(self, name: str, url: str | None, target: optuna.storages.BaseStorage) -> None:
        self._url = storage_url(url)
        storage = open_storage(url)
        with storage_errors(self._url):
            self._source = optuna.load_study(study_name=name, storage=storage)
        self._results: StudyResults | None = None
        try:
            self._results = load_study(name, url).results
        except TcnSearchError as error:  # such as one that Optuna has made without this package
            LOGGER.warning("%s Its trials are shown without notes and figures.", error)
        with quiet_optuna():
            self._copy = optuna.create_study(
                study_name=name, storage=target, directions=self._source.directions
            )
        if self._results is not None:
            names = [metric.name for metric in self._results.definition.objectives]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                self._copy.set_metric_names(names)
        self._target = target
        self._trial_ids: list[int] = []  # of the copy, by number
        self._finished: set[int] = set()
        self._notes: dict[int | None, str] = {}  # by trial; None is the study's
        self._artifacts: dict[str, str] = {}  # ids by the name of the figure
        self._drawn = ""  # what the figures show

    def update(self) -> StudyResults | None:
        """Copy the trials that are new or have changed; return the results that the copy shows."""
        with storage_errors(self._url):
            trials = self._source.get_trials(deepcopy=False)
        snapshot = None
        records: list[TrialRecord] = []
        if self._results is not None:
            snapshot = self._results.snapshot()
            records = snapshot.records()
        for trial in trials:
            if trial.number in self._finished:
                continue
            shown = copy.copy(trial)
            if snapshot is not None and trial.number < len(records):
                shown.user_attrs = _attributes(trial, records[trial.number], snapshot)
            shown.system_attrs = {
                **trial.system_attrs,
                _CONSTRAINTS: list(trial.constraints.values()),
            }
            self._write(shown)
            if snapshot is not None and trial.number < len(records):
                self._note(trial.number, _trial_note(records[trial.number], snapshot))
            if trial.state.is_finished():
                self._finished.add(trial.number)
        if snapshot is not None:
            self._note(None, _study_note(snapshot))
        return snapshot

    def _write(self, trial: FrozenTrial) -> None:
        """Add a trial to the copy, or bring the copy of an unfinished one up to date."""
        if trial.number == len(self._trial_ids):
            number = self._copy_id()
            self._trial_ids.append(self._target.create_new_trial(number, template_trial=trial))
            return
        target = self._target
        trial_id = self._trial_ids[trial.number]
        before = target.get_trial(trial_id)
        if before.state is not trial.state and not trial.state.is_finished():
            target.set_trial_state_values(trial_id, trial.state)
        for name, value in trial.params.items():
            if name not in before.params:
                distribution = trial.distributions[name]
                inner = distribution.to_internal_repr(value)
                target.set_trial_param(trial_id, name, inner, distribution)
        for epoch, value in trial.intermediate_values.items():
            target.set_trial_intermediate_value(trial_id, epoch, value)
        for name, value in trial.user_attrs.items():
            target.set_trial_user_attr(trial_id, name, value)
        for name, value in trial.system_attrs.items():
            target.set_trial_system_attr(trial_id, name, value)
        if trial.state.is_finished():
            target.set_trial_state_values(trial_id, trial.state, trial.values)

    def _copy_id(self) -> int:
        return self._target.get_study_id_from_name(self._copy.study_name)

    def _note(self, number: int | None, text: str) -> None:
        """Write the note of a trial, or of the study, unless it is there already."""
        from optuna_dashboard import save_note

        if not text or self._notes.get(number) == text:
            return
        noted: optuna.Study | optuna.Trial = self._copy
        if number is not None:
            noted = optuna.Trial(self._copy, self._trial_ids[number])
        save_note(noted, text)
        self._notes[number] = text

    def draw(self, snapshot: StudyResults, artifacts: FileSystemArtifactStore) -> None:
        """Draw the figures of the study again if it has new results since."""
        results = (snapshot.winner, snapshot.simple_baselines, snapshot.comparison)
        state = repr((len(self._finished), results))  # as text, where NaN equals itself
        if state == self._drawn:
            return
        with tempfile.TemporaryDirectory() as folder:
            for name, figure in study_figures(snapshot).items():
                file = Path(folder) / f"{name}.png"
                figure.savefig(file, dpi=120)
                if name in self._artifacts:
                    artifacts.write(self._artifacts[name], io.BytesIO(file.read_bytes()))
                else:
                    self._artifacts[name] = upload_artifact(
                        artifact_store=artifacts, file_path=str(file), study_or_trial=self._copy
                    )
        self._drawn = state


def _attributes(trial: FrozenTrial, record: TrialRecord, study: StudyResults) -> dict[str, Any]:
    """Return the user attributes of a trial as people read them, its constraints among them."""
    attributes = {name: value for name, value in trial.user_attrs.items() if name not in _REPLACED}
    attributes["status"] = record.status.value
    attributes |= {f"constraint {name}": value for name, value in trial.constraints.items()}
    if record.reason:
        attributes["reason"] = record.reason
    architecture = record.architecture
    if architecture is not None:
        definition = study.definition
        seq_len = definition.spec.seq_len
        attributes["receptive field"] = architecture.receptive_field
        attributes["receptive field of the output"] = architecture.output_receptive_field(seq_len)
        parameters = parameter_count(architecture, definition, record.outcome)
        if parameters is not None:
            attributes["parameters"] = parameters
    return attributes


def _trial_note(record: TrialRecord, study: StudyResults) -> str:
    """Return a trial's architecture, settings and receptive fields as Markdown."""
    if record.architecture is None:
        return ""
    paragraphs = [
        f"`{configuration_of(study, record)}`",
        receptive_field_text(study.definition, record.architecture),
    ]
    if record.score is not None:
        paragraphs.insert(0, f"**{score_of(study, record)}**")
    return "\n\n".join(paragraphs)


def _study_note(study: StudyResults) -> str:
    """Return task, best trial and winner of a study as Markdown."""
    spec = study.definition.spec
    paragraphs = [f"**{spec.name}**, {spec.kind}; {context_text(study.definition)}"]
    best = best_record(study)
    if best is not None:
        paragraphs.append(
            f"Best: trial {best.number}, {score_of(study, best)}\n\n"
            f"`{configuration_of(study, best)}`"
        )
    winner = study.winner
    if winner is not None:
        text = f"Winner: trial {winner.trial}"
        if winner.score is not None:
            text += f", test {winner.metric} {winner.score:.4g}"
        paragraphs.append(f"{text}\n\n`{winner_configuration(study)}`")
    paragraphs.append("This is a copy. What is changed here does not change the study.")
    return "\n\n".join(paragraphs)
