"""The exceptions of the package: one class for each cause.

The command line prints the text of such an exception as one line and exits with 2. Every other
exception is a bug.
"""

from __future__ import annotations


class TcnSearchError(Exception):
    """Base class of all exceptions that the package raises on purpose.

    The text is for people: which argument, which rule, the value received, what to do.
    """


class InputError(TcnSearchError, ValueError):
    """An argument or a file cannot be used."""


class StorageError(TcnSearchError):
    """The database of studies, or a value stored in it, cannot be read or written."""


class StudyDeleted(StorageError):
    """The study was deleted from the storage while it was in use."""


class LeaseError(TcnSearchError):
    """Another process uses the study, or has taken it over."""


class LeaseLost(LeaseError):
    """The process had the lease of a study and has it no longer."""


class TrialsFailedError(TcnSearchError):
    """Too many trials in a row failed or ran into a limit."""


class ClusterError(TcnSearchError):
    """The cluster on which trials are trained cannot be reached, or was lost."""


class ExportError(TcnSearchError):
    """A model cannot be converted to a format, or the file computes something else."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type where it has none.

    >>> first_line(ValueError("no such file\\nand more")), first_line(EOFError())
    ('no such file', 'EOFError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
