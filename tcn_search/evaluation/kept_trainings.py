"""Keep finished final trainings on disk until the winner's model is saved, so that none is made twice."""

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
from tcn_search.evaluation.final_training import SeedRun
from tcn_search.storage.stored_values import STRICT


class _Record(BaseModel):
    """What is kept beside a model; without one the training diverged."""

    model_config = STRICT
    run: SeedRun
    has_model: bool


@dataclass(frozen=True)
class KeptTrainings:
    """The final trainings of one study that have ended.

    Args:
        folders: where they are; a training goes into the first that can be written.
        digest_of: of all that decides what training a candidate gives.
        load_model: reads a model's file.
    """

    folders: Sequence[Path]
    digest_of: Callable[[Any], str]
    load_model: Callable[[Path], Any]

    def find(self, candidate: Any, seed: int, refit_epochs: int = 0) -> tuple[SeedRun, Any] | None:
        """A training that was made before, with its model (None if it diverged); None if there is none."""
        name = self._name(candidate, seed, refit_epochs)
        for folder in self.folders:
            with suppress(OSError, ValidationError, InputError):  # not there, or damaged
                record = _Record.model_validate_json(
                    _record_file(folder, name).read_text(encoding="utf-8")
                )
                return record.run, self.load_model(
                    _model_file(folder, name)
                ) if record.has_model else None
        return None

    def keep(self, candidate: Any, run: SeedRun, model: Any | None, refit_epochs: int = 0) -> None:
        """Write a training, if some folder's disk has room for it."""
        name = self._name(candidate, run.seed, refit_epochs)
        record = _Record(run=run, has_model=model is not None)
        for folder in self.folders:
            with suppress(OSError, InputError):
                folder.mkdir(parents=True, exist_ok=True)
                _record_file(folder, name).unlink(missing_ok=True)
                if model is not None:
                    with replacing(_model_file(folder, name)) as part:
                        model.save(part)
                with replacing(_record_file(folder, name)) as part:
                    part.write_text(json.dumps(record.model_dump()), encoding="utf-8")
                return

    def describe(self) -> str:
        """Say how many there are, in words; "" if there are none."""
        count = sum(len(list(folder.glob("*.json"))) for folder in self.folders if folder.is_dir())
        return (
            f"{count} finished training{'' if count == 1 else 's'} kept for the same command"
            if count
            else ""
        )

    def remove(self) -> None:
        """Remove them all, of earlier candidates too."""
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)

    def _name(self, candidate: Any, seed: int, refit_epochs: int) -> str:
        refit = f"-refit-{refit_epochs}" if refit_epochs else ""
        return f"trial-{candidate.trial}-seed-{seed}{refit}-{self.digest_of(candidate)}"


def _record_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"


def _model_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.keras"
