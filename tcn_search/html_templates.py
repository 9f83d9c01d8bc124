"""Render the HTML templates of the package, in which all text is escaped."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jinja2 import Environment
    from markupsafe import Markup


def render(template: str, **values: object) -> str:
    """Return a template of `tcn_search/templates` with its values filled in.

    Args:
        template: file name, such as "report.html".
        values: what the template names; a name without a value is an error.
    """
    return _environment().get_template(template).render(values)


def facts_html(title: str, facts: Iterable[tuple[str, str]]) -> str:
    """Return a title and a table of facts as HTML for a notebook, without style sheet or script.

    Commands stand between backquotes in a text.

    >>> "&lt;b&gt;" in facts_html("<b>", [("Receptive field", "211 steps")])
    True
    """
    return render("facts.html", title=title, facts=list(facts))


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tcn_search"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = _with_code
    return environment


def _with_code(text: str) -> Markup:
    """Escape a text, and set what stands between backquotes in the font of code."""
    from markupsafe import Markup, escape

    pieces = [escape(piece) for piece in text.split("`")]
    for number in range(1, len(pieces), 2):
        pieces[number] = Markup("<code>{}</code>").format(pieces[number])
    return Markup("").join(pieces)
