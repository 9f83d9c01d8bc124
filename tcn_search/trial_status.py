"""The status of a trial: how it ended, or whether it is running or waiting."""

from __future__ import annotations

from enum import StrEnum


class TrialStatus(StrEnum):
    """Status of a trial, as stored with it and shown in tables.

    Attributes:
        COMPLETE: trained to its end.
        PRUNED: stopped by the pruner between two epochs.
        INFEASIBLE: broke a constraint; nothing was built.
        DUPLICATE: the sampler proposed what another trial has trained; nothing was built.
        DIVERGED: NaN or infinite loss.
        OUT_OF_MEMORY: the machine or the GPU had too little memory.
        TIMED_OUT: took longer than the trial timeout.
        UNBUILDABLE: Keras refused the shapes or settings.
        TOO_LARGE: a custom model has more parameters than `max_params`.
        FAILED: an error in the code.
        STALE: its process died, or the run was stopped.
        RUNNING: in training.
        WAITING: enqueued.
    """

    COMPLETE = "complete"
    PRUNED = "pruned"
    INFEASIBLE = "infeasible"
    DUPLICATE = "duplicate"
    DIVERGED = "diverged"
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    UNBUILDABLE = "unbuildable"
    TOO_LARGE = "too_large"
    FAILED = "failed"
    STALE = "stale"
    RUNNING = "running"
    WAITING = "waiting"

    @classmethod
    def from_stored(cls, word: str) -> TrialStatus:
        """Read a status that this version, or an earlier one with other words, has stored.

        Raises:
            ValueError: the word is no status.

        >>> TrialStatus.from_stored("over_time"), TrialStatus.from_stored("complete")
        (<TrialStatus.TIMED_OUT: 'timed_out'>, <TrialStatus.COMPLETE: 'complete'>)
        """
        return cls(_FORMER_WORDS.get(word, word))

    @property
    def counts_as_finished(self) -> bool:
        """Whether the trial was trained, and so counts against the number of trials asked for."""
        return self in _FINISHED

    @property
    def is_success(self) -> bool:
        """Whether nothing went wrong: complete, or stopped by the pruner."""
        return self in (TrialStatus.COMPLETE, TrialStatus.PRUNED)

    @property
    def is_limit(self) -> bool:
        """Whether the configuration ran into a limit, from which a sampler can learn."""
        return self in _LIMITS

    @property
    def is_error(self) -> bool:
        """Whether the end says nothing about the configuration: a bug, or a process that died."""
        return self in (TrialStatus.FAILED, TrialStatus.STALE)

    @property
    def in_words(self) -> str:
        """The status as text for people: "out of memory"."""
        return self.value.replace("_", " ")


_FORMER_WORDS = {"stopped": "pruned", "over_time": "timed_out", "lost": "stale"}
_LIMITS = (
    TrialStatus.DIVERGED,
    TrialStatus.OUT_OF_MEMORY,
    TrialStatus.TIMED_OUT,
    TrialStatus.UNBUILDABLE,
    TrialStatus.TOO_LARGE,
)
_FINISHED = (
    TrialStatus.COMPLETE,
    TrialStatus.PRUNED,
    TrialStatus.DIVERGED,
    TrialStatus.OUT_OF_MEMORY,
    TrialStatus.TIMED_OUT,
)
