"""Files of an ensemble's members: written beside their place, and put there at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tcn_search.atomic_files import reason_of
from tcn_search.errors import InputError
from tcn_search.evaluation.final_training import FinalTraining


@dataclass(frozen=True)
class MemberFiles:
    """The models of a winner's final trainings, `seed-N.keras` in one folder.

    Args:
        folder: in which they are.
    """

    folder: Path

    def stage(self, trainings: Sequence[FinalTraining]) -> None:
        """Write the models of these trainings beside the folder.

        Raises:
            InputError: a file cannot be written.
        """
        try:
            shutil.rmtree(self._staged, ignore_errors=True)
            self._staged.mkdir(parents=True)
            for training in trainings:
                assert training.model_file is not None
                _copy(training.model_file, self._staged / _name(training))
        except OSError as error:
            shutil.rmtree(self._staged, ignore_errors=True)
            raise InputError(
                f"The members cannot be saved in {self.folder}: {reason_of(error)}"
            ) from error

    def publish(self) -> None:
        """Put the staged models in place of those of an earlier winner."""
        with suppress(OSError):  # the winner's own model is in place already
            shutil.rmtree(self.folder, ignore_errors=True)
            self._staged.rename(self.folder)

    def names(self, trainings: Sequence[FinalTraining]) -> list[str]:
        """Return the files of these trainings, as they are published."""
        return [str(self.folder / _name(training)) for training in trainings]

    @property
    def _staged(self) -> Path:
        return self.folder.with_name(f".{self.folder.name}-new")


def _name(training: FinalTraining) -> str:
    return f"seed-{training.run.seed}.keras"


def _copy(source: Path, target: Path) -> None:
    """Copy a file, without a second copy of its data where the file system allows it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
