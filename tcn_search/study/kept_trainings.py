"""Keep finished final trainings on disk until the winner's model is saved, so that none is made twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from tcn_search.atomic_files import replacing
from tcn_search.errors import InputError
from tcn_search.study.stored_values import STRICT
from tcn_search.study.winners import SeedRun


class _Record(BaseModel):
    """What is kept beside a model; without one the training diverged."""

    model_config = STRICT
    run: SeedRun
    has_model: bool


@dataclass(frozen=True)
class KeptTrainings:
    """The final trainings of one study that have ended.

    Args:
        folder: where they are.
        digest_of: of all that decides what training a candidate gives.
        load_model: reads a model's file.
    """

    folder: Path
    digest_of: Callable[[Any], str]
    load_model: Callable[[Path], Any]

    def find(self, candidate: Any, seed: int, refit_epochs: int = 0) -> tuple[SeedRun, Any] | None:
        """A training that was made before, with its model (None if it diverged); None if there is none."""
        record_file, model_file = self._files(candidate, seed, refit_epochs)
        try:
            record = _Record.model_validate_json(record_file.read_text(encoding="utf-8"))
            return record.run, self.load_model(model_file) if record.has_model else None
        except (OSError, ValidationError, InputError):  # not there, or damaged
            return None

    def keep(self, candidate: Any, run: SeedRun, model: Any | None, refit_epochs: int = 0) -> None:
        """Write a training, if that is possible: where the disk is full, only the end of all needs it."""
        record_file, model_file = self._files(candidate, run.seed, refit_epochs)
        record = _Record(run=run, has_model=model is not None)
        with suppress(OSError, InputError):
            self.folder.mkdir(parents=True, exist_ok=True)
            record_file.unlink(missing_ok=True)
            if model is not None:
                with replacing(model_file) as part:
                    model.save(part)
            with replacing(record_file) as part:
                part.write_text(json.dumps(record.model_dump()), encoding="utf-8")

    def remove(self) -> None:
        """Remove them all, of earlier candidates too."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self, candidate: Any, seed: int, refit_epochs: int) -> tuple[Path, Path]:
        refit = f"-refit-{refit_epochs}" if refit_epochs else ""
        name = f"trial-{candidate.trial}-seed-{seed}{refit}-{self.digest_of(candidate)}"
        return self.folder / f"{name}.json", self.folder / f"{name}.keras"
