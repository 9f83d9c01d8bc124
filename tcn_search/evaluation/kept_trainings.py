"""Keep finished final trainings on disk until the winner's model is saved."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from tcn_search.atomic_files import reason_of, replacing
from tcn_search.baselines.contender_names import TCN
from tcn_search.errors import InputError
from tcn_search.evaluation.final_training import FinalTraining, SeedRun, WantedTraining
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
        digest_of: hashes everything else that decides the result of a training.
    """

    folders: Sequence[Path]
    digest_of: Callable[[WantedTraining], str]

    def find(self, wanted: WantedTraining) -> FinalTraining | None:
        """Return a kept training, or None if there is none that can be read."""
        for folder in self.folders:
            with suppress(OSError, ValidationError):  # it is missing or damaged
                training = _read(folder, self._name(wanted))
                has_all = training.model_file is not None or training.run.diverged
                if has_all or not wanted.keeps_model:
                    return training
        return None

    def model_files(self, wanted: WantedTraining) -> tuple[Path, ...]:
        """Return the files that a worker may save the training's model to, the first if it can.

        What an earlier try has left is removed, so that a file that is there is the new one.

        Raises:
            InputError: no folder can be written.
        """
        files = []
        reasons = []
        for folder in self.folders:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                file = _model_file(folder, self._name(wanted))
                _record_file(folder, self._name(wanted)).unlink(missing_ok=True)
                file.unlink(missing_ok=True)
                with tempfile.TemporaryFile(dir=folder):
                    files.append(file.absolute())
            except OSError as error:
                reasons.append(f"{folder}: {reason_of(error)}")
        if not files:
            raise InputError(f"Trained models can be kept nowhere. {'; '.join(reasons)}")
        return tuple(files)

    def keep(self, wanted: WantedTraining, run: SeedRun) -> FinalTraining:
        """Record a finished training, beside its model if a worker has saved it.

        A model without its record is ignored, so the record is written last.
        """
        name = self._name(wanted)
        saved = [folder for folder in self.folders if _model_file(folder, name).exists()]
        stored = _StoredTraining(run=run, has_model=bool(saved))
        for folder in saved or self.folders:
            with suppress(OSError, InputError):
                folder.mkdir(parents=True, exist_ok=True)
                with replacing(_record_file(folder, name)) as file:
                    file.write_text(json.dumps(stored.model_dump()), encoding="utf-8")
                break
        if saved:
            return FinalTraining(run, _model_file(saved[0], name))
        return FinalTraining(run, None)

    def describe(self) -> str:
        """Return how many trainings are kept, in words; "" if there are none."""
        count = sum(len(list(folder.glob("*.json"))) for folder in self.folders if folder.is_dir())
        if not count:
            return ""
        trainings = "training" if count == 1 else "trainings"
        return f"{count} finished {trainings} kept for the same command"

    def remove_models(self) -> None:
        """Remove all kept models, those of earlier candidates too.

        The numbers of trainings without a model stay: the next call of `best` needs no re-runs.
        """
        for folder in self.folders:
            with suppress(OSError):
                for model in folder.glob("*.keras"):
                    model.with_suffix(".json").unlink(missing_ok=True)
                    model.unlink()
                folder.rmdir()  # if it is empty

    def remove(self) -> None:
        """Remove everything that is kept."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _name(self, wanted: WantedTraining) -> str:
        """Name the files of a training."""
        candidate = wanted.candidate
        digest = self.digest_of(wanted)
        name = f"trial-{candidate.trial}-seed-{wanted.seed}-{wanted.data.value}-{digest}"
        if wanted.contender == TCN:
            return name
        return f"{wanted.contender.replace(':', '-')}-{name}"


def _read(folder: Path, name: str) -> FinalTraining:
    text = _record_file(folder, name).read_text(encoding="utf-8")
    stored = _StoredTraining.model_validate_json(text)
    if not stored.has_model:
        return FinalTraining(stored.run, None)
    file = _model_file(folder, name)
    if not zipfile.is_zipfile(file):
        raise OSError(f"{file} is damaged")
    return FinalTraining(stored.run, file)


def _record_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _model_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.keras"
