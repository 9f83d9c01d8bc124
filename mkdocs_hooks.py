"""Hooks of MkDocs: the repository's files become a site without a second version of any page.

README.md is the start page. A link that leaves docs/ works on a code host; the site gets a copy of
the file that it leads to: Markdown and notebooks as pages, everything else as it is.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent
DOCS = ROOT / "docs"
START = ROOT / "README.md"
LINK = re.compile(r"(?<=\]\()[^)#\s]+")
DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the start page, and every file outside docs/ that a page links to."""
    files.append(_added(START, config))
    waiting = [START, *DOCS.rglob("*.md")]
    while waiting:
        for file in _linked_files(waiting.pop()):
            if files.get_file_from_path(_site_path(file)) is None:
                files.append(_added(file, config))
                if file.suffix in (".md", ".ipynb"):
                    waiting.append(file)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let the links of a page lead to the same files on the site."""
    path = page.file.src_uri
    source = ROOT / path
    if page.file.abs_src_path is not None:  # None: a notebook
        source = Path(page.file.abs_src_path)

    def on_site(link: re.Match[str]) -> str:
        file = (source.parent / link.group()).resolve()
        if not file.is_file():
            return link.group()
        return posixpath.relpath(_site_path(file), posixpath.dirname(path))

    return LINK.sub(on_site, markdown)


def _added(file: Path, config: MkDocsConfig) -> File:
    if file.suffix == ".ipynb":
        return File.generated(config, _site_path(file), content=_notebook_page(file))
    return File.generated(config, _site_path(file), abs_src_path=str(file))


def _linked_files(page: Path) -> Iterator[Path]:
    for target in LINK.findall(page.read_text()):
        file = (page.parent / target).resolve()
        if file.is_file():
            yield file


def _site_path(file: Path) -> str:
    """Return the path of a file below the site's root."""
    if file == START:
        return "index.md"
    if file.is_relative_to(DOCS):
        return file.relative_to(DOCS).as_posix()
    if file.suffix == ".ipynb":
        file = file.with_suffix(".md")
    return file.relative_to(ROOT).as_posix()


def _notebook_page(file: Path) -> str:
    """Return the cells of a notebook and their stored outputs as Markdown."""
    parts = []
    for cell in json.loads(file.read_text())["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(text)
        elif text:
            parts.append(_fenced(text, "python"))
            parts.extend(map(_output, cell["outputs"]))
    return "\n\n".join(parts)


def _output(output: dict[str, Any]) -> str:
    """Return the richest form of an output that the site can show."""
    data = output.get("data", {})
    if "text/html" in data:
        return f'<div class="output">{"".join(data["text/html"])}</div>'
    if "image/png" in data:
        return (
            f'<img alt="Output" src="data:image/png;base64,{"".join(data["image/png"]).strip()}">'
        )
    return _fenced("".join(data.get("text/plain", output.get("text", ""))), "text")


def _fenced(text: str, language: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


class Doctests(griffe.Extension):
    """Show the doctests of a docstring as code, although no "Examples:" stands before them."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put a fence around each doctest."""
        if obj.docstring is not None:
            obj.docstring.value = DOCTEST.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
