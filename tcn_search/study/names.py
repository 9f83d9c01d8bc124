"""Names of new studies: each must be usable as a folder under runs/ and on the command line."""

from __future__ import annotations

from tcn_search.arguments import received
from tcn_search.errors import InputError

_MOST_BYTES = 255  # of a folder's name, on all usual file systems
# A name with such a suffix would be taken for a file on the command line.
_FILE_SUFFIXES = (".toml", ".npz", ".csv", ".tsv", ".gz", ".ts", ".keras", ".txt", ".db")


def require_new_name(name: str) -> None:
    """Raise an InputError if a new study cannot have this name. Existing studies keep theirs.

    A bad name is refused before the search: its folder is needed when the search has ended, and the
    commands that are printed then must find the study.
    """
    rule = _broken_rule(name)
    if rule:
        raise InputError(
            f"A study's name must {rule}. Received: {received(name)}. Give it another one: `name` "
            "in the study file, --set name=NAME, or the first argument of Study."
        )


def _broken_rule(name: str) -> str:
    """Return the rule that a name breaks; "" if it breaks none."""
    if not name.isprintable():
        return "have no control characters, nor others that are not printed"
    if len(name.encode()) > _MOST_BYTES:
        return f"have at most {_MOST_BYTES} bytes in UTF-8"
    if name.startswith("-"):
        return "not begin with -, as options do"
    if name != name.strip():
        return "not begin or end with a space"
    if name.casefold().endswith(_FILE_SUFFIXES):
        return f"not end as files do, in {', '.join(_FILE_SUFFIXES)}"
    if name.casefold().startswith("studies.db"):
        return "not begin with studies.db, as the database beside it does"
    return ""
