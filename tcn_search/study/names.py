"""Names of new studies: each is a folder under runs/, and a word on the command line."""

from __future__ import annotations

from tcn_search.arguments import received
from tcn_search.errors import InputError

_MOST_BYTES = 255  # of a folder's name, on all usual file systems
_OF_FILES = (
    ".toml",
    ".npz",
    ".csv",
    ".tsv",
    ".gz",
    ".ts",
    ".keras",
    ".txt",
    ".db",
)  # on the command line


def require_new_name(name: str) -> None:
    """Raise an InputError if a new study cannot have this name. Studies that exist keep theirs.

    The folder must be there when the search has ended, and the commands that are shown must find it.
    """
    broken = _broken_rule(name)
    if broken:
        raise InputError(
            f"A study's name must {broken}. Received: {received(name)}. Give it another one: `name` in the study "
            "file, --set name=NAME, or the first argument of Study."
        )


def _broken_rule(name: str) -> str:
    if not name.isprintable():
        return "have no control characters, nor others that are not printed"
    if len(name.encode()) > _MOST_BYTES:
        return f"have at most {_MOST_BYTES} bytes in UTF-8"
    if name.startswith("-"):
        return "not begin with -, as options do"
    if name != name.strip():
        return "not begin or end with a space"
    if name.casefold().endswith(_OF_FILES):
        return f"not end as files do, in {', '.join(_OF_FILES)}"
    if name.casefold().startswith("studies.db"):
        return "not begin with studies.db, as the database beside it does"
    return ""
