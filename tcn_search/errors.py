"""The one exception for bad input."""

from __future__ import annotations


class InputError(ValueError):
    """Something that the user gave cannot be used.

    Its text is for people: which argument, which rule, the value received, what to do. The command line
    prints it as one line and exits with 2; everything else that is raised is a fault of ours.
    """
