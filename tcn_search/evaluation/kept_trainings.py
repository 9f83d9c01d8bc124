"""Keep finished final trainings on disk until the winner's model is saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError
from tcn_search.evaluation.final_training import FinalTraining, SeedRun
from tcn_search.search.trial_record import Candidate
from tcn_search.storage.stored_values import STRICT


class _StoredTraining(BaseModel):
    """The numbers of a kept training, and whether there is a model beside them."""

    model_config = STRICT
    run: SeedRun
    has_model: bool


@dataclass(frozen=True)
class KeptTrainings:
    """The finished final trainings of one study.

    Args:
        folders: where they are kept; a training goes into the first that can be written.
        digest_of: hashes everything that decides the result of a candidate's training.
        load_model: reads a model's file.
    """

    folders: Sequence[Path]
    digest_of: Callable[[Candidate], str]
    load_model: Callable[[Path], Any]

    def find(self, candidate: Candidate, seed: int, refit_epochs: int = 0) -> FinalTraining | None:
        """Return a kept training, or None if there is none that can be read.

        Args:
            refit_epochs: epochs of a training on training and validation split together; 0: on the
                training split alone.
        """
        name = self._name(candidate, seed, refit_epochs)
        for folder in self.folders:
            with suppress(OSError, ValidationError, InputError):  # it is missing or damaged
                return self._read(folder, name)
        return None

    def _read(self, folder: Path, name: str) -> FinalTraining:
        text = _record_file(folder, name).read_text(encoding="utf-8")
        stored = _StoredTraining.model_validate_json(text)
        model = None
        if stored.has_model:
            model = self.load_model(_model_file(folder, name))
        return FinalTraining(stored.run, model)

    def keep(self, candidate: Candidate, training: FinalTraining, refit_epochs: int = 0) -> None:
        """Write a training into the first folder whose disk has room for it, if there is one."""
        name = self._name(candidate, training.run.seed, refit_epochs)
        stored = _StoredTraining(run=training.run, has_model=training.model is not None)
        for folder in self.folders:
            with suppress(OSError, InputError):
                folder.mkdir(parents=True, exist_ok=True)
                # A model without its record is ignored, so the record is written last.
                _record_file(folder, name).unlink(missing_ok=True)
                if training.model is not None:
                    with replacing(_model_file(folder, name)) as file:
                        training.model.save(file)
                with replacing(_record_file(folder, name)) as file:
                    file.write_text(json.dumps(stored.model_dump()), encoding="utf-8")
                return

    def describe(self) -> str:
        """Return how many trainings are kept, in words; "" if there are none."""
        count = sum(len(list(folder.glob("*.json"))) for folder in self.folders if folder.is_dir())
        if not count:
            return ""
        trainings = "training" if count == 1 else "trainings"
        return f"{count} finished {trainings} kept for the same command"

    def remove(self) -> None:
        """Remove all kept trainings, those of earlier candidates too."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _name(self, candidate: Candidate, seed: int, refit_epochs: int) -> str:
        """Name the files of a training."""
        refit = f"-refit-{refit_epochs}" if refit_epochs else ""
        return f"trial-{candidate.trial}-seed-{seed}{refit}-{self.digest_of(candidate)}"


def _record_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _model_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.keras"
