"""Find out whether a configuration was trained already: only the noise would differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tcn_search.planning.architecture import Architecture
from tcn_search.search.trial_record import TrialRecord
from tcn_search.settings import TrainingSettings


class TrainedConfigurations:
    """The configurations that a study has trained, or trains now.

    Trials that ended by an error, or whose process died, say nothing about their configuration and
    are not among them. Settings that studies of early versions did not store are not known.

    Args:
        records: of the trials so far.
    """

    def __init__(self, records: Iterable[TrialRecord]) -> None:
        self._numbers: dict[tuple[Architecture, TrainingSettings], int] = {}
        for record in records:
            was_trained = record.status.is_success or record.status.is_limit
            if was_trained and record.architecture is not None and record.settings is not None:
                self.add(record.number, record.architecture, record.settings)

    def add(self, number: int, architecture: Architecture, settings: TrainingSettings) -> None:
        """Add the configuration of a trial."""
        self._numbers.setdefault((architecture, settings), number)

    def __iter__(self) -> Iterator[tuple[Architecture, TrainingSettings]]:
        return iter(self._numbers)

    def discard(self, number: int) -> None:
        """Forget a trial that ended by an error."""
        self._numbers = {key: other for key, other in self._numbers.items() if other != number}

    def find(self, architecture: Architecture, settings: TrainingSettings) -> int | None:
        """Return the number of the trial with this configuration, or None."""
        return self._numbers.get((architecture, settings))
