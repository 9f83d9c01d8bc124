"""An open study: storage, definition and task, for everything that reads or writes a study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import optuna

from tcn_search.errors import InputError, StudyDeleted
from tcn_search.search.definition import Definition
from tcn_search.search.trial_record import TrialRecord, read_records
from tcn_search.storage.connection import database_errors
from tcn_search.storage.lease import Lease
from tcn_search.study.changes import (
    model_now,
    record_changes,
    require_same,
    store_definition,
    store_versions,
    stored_versions,
    version_differences,
    versions_now,
)
from tcn_search.study.model_check import require_usable_model
from tcn_search.tasks.registry import load_task
from tcn_search.tasks.task import Task

if TYPE_CHECKING:
    from pathlib import Path

    import keras

    from tcn_search.tasks.training_data import TrainingData


@dataclass
class StudyHandle:
    """A study that has been created or loaded.

    Attributes:
        name: of the study in its storage.
        url: of the storage.
        storage, optuna_study: Optuna's objects.
        definition: of the study, with changes that were given and allowed.
        given_task: with its data, or None until it is read again.
        allow_changes: whether a run may go on with what differs from the stored definition.
        pending_changes: what differs and has not been recorded yet, a line each.
        folder: where trained models are written.
    """

    name: str
    url: str = field(repr=False)  # it may hold a password
    storage: optuna.storages.RDBStorage
    optuna_study: optuna.Study
    definition: Definition
    folder: Path
    given_task: Task | None = None
    allow_changes: bool = False
    pending_changes: list[str] = field(default_factory=list)
    _known: dict[int, TrialRecord] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        """The task with its data, read again from its source if need be.

        Raises:
            InputError: the study was made from arrays, or the data has changed.
        """
        if self.given_task is None:
            source = self.definition.source
            if source is None:
                raise InputError(
                    f"The study {self.name!r} was made from arrays. Give them again: "
                    f"Study({self.name!r}, task=...)"
                )
            task = load_task(source["name"], **source["options"])
            if task.fingerprint() != self.definition.fingerprint:
                raise InputError(
                    f"The data of {source['name']} is not what the study {self.name!r} "
                    "was made with."
                )
            self.given_task = task
        return self.given_task

    @property
    def training_data(self) -> TrainingData:
        """What trials are trained on and judged by: training and validation split, or the folds.

        The training sequences are the fraction that the search gives to trials.
        """
        search = self.definition.search
        data = self.task.cross_validated(search.folds)
        if search.fraction is None:
            return data
        return data.with_fraction(search.fraction, search.seed, self.task.kept_groups)

    def records(self) -> list[TrialRecord]:
        """Read the records of all trials."""
        with database_errors(self.url):
            return read_records(self.optuna_study, len(self.definition.objectives), self._known)

    @contextmanager
    def leased(self) -> Iterator[Lease]:
        """Hold the study's lease, so that no other process runs, evaluates or deletes the study."""
        try:
            with database_errors(self.url):
                lease = Lease(self.storage, self.name)
                try:
                    lease.take()
                    with lease.kept():
                        yield lease
                finally:
                    lease.let_go()
        except StudyDeleted:
            raise StudyDeleted(f"The study {self.name!r} was deleted while it ran.") from None

    def accept_changes(self) -> None:
        """Record what differs from when the study was made.

        Raises:
            InputError: something differs and `allow_changes` is not set.
        """
        versions = versions_now(self.definition.backend)
        definition = self.definition
        if definition.model is not None:
            definition = replace(definition, model=model_now(self.name, definition.model))
        differences = [
            *self.pending_changes,
            *self.definition.differences(definition),
            *version_differences(stored_versions(self.optuna_study), versions),
        ]
        if not differences:
            return
        if not self.allow_changes:
            require_same(self.name, differences)
        if any(line.startswith("model: ") for line in differences):
            require_usable_model(definition)
        # The record comes first: a kill from here on may repeat it, but cannot hide it.
        record_changes(self.optuna_study, differences)
        self.definition = definition
        store_definition(self.optuna_study, definition)
        store_versions(self.optuna_study, versions)
        self.pending_changes = []

    def load_model(self, file: str | Path) -> keras.Model:
        """Load a model of the study, with the layers of a custom model."""
        from tcn_search.models.build import load_model

        if self.definition.model is not None:
            self.definition.model.load()
        return load_model(file)
