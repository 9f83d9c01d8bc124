"""The one exception for bad input."""

from __future__ import annotations


class InputError(ValueError):
    """Something that the user gave cannot be used.

    Its text is for people: which argument, which rule, the value received, what to do. The command line
    prints it as one line and exits with 2; everything else that is raised is a fault of ours.
    """


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its type where it has none.

    >>> first_line(ValueError("no such file\\nand more")), first_line(EOFError())
    ('no such file', 'EOFError')
    """
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
