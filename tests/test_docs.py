"""README and docs: links lead somewhere, an example shows what its command prints, names exist."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest

from tcn_search.cli.main import main
from tests.test_imports import ROWS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]*))?\)")
BASE, *PACKAGES = ROWS


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _without_code(page.read_text()), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in kept}


def _without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def _rows_of_the_diagram(page: Path) -> list[str]:
    """The first word of each line of the block that shows the dependency order."""
    blocks = re.findall(r"^```\n(cli\n.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1, page
    return [line.split()[0].rstrip(",") for line in blocks[0].splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in LINK.findall(_without_code(page.read_text())):
        if target.startswith("http"):
            continue
        file = page.parent / target if target else page
        assert file.exists(), target
        if anchor:
            assert anchor in _anchors(file), f"{target}#{anchor}"


def test_the_navigation_of_the_site_has_every_page() -> None:
    """MkDocs says the same, where it is installed."""
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:")[2]
    listed = set(re.findall(r"(\S+\.md)$", navigation, re.MULTILINE))
    docs = ROOT / "docs"
    pages = {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")}
    assert pages <= listed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_prose_has_at_most_100_columns(page: Path) -> None:
    if page.name == "benchmarks.md":
        pytest.skip("written by commands")
    for line in _without_code(page.read_text()).splitlines():
        assert len(line) <= 100 or line.startswith("|"), line


def test_the_check_of_the_readme_prints_what_is_shown() -> None:
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    command = next(block for block in blocks if block.startswith("tcn-search check"))
    shown = blocks[blocks.index(command) + 1]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(shlex.split(command)[1:]) == 1  # the network sees too little
    assert [line.rstrip() for line in printed.getvalue().splitlines()] == shown.splitlines()


@pytest.mark.parametrize("name", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_the_dependency_order_is_that_of_the_imports(name: str) -> None:
    *packages, base = _rows_of_the_diagram(ROOT / name)
    assert packages == [package for row in reversed(PACKAGES) for package in row]
    assert base == "errors"
    for module in BASE:
        assert module in (ROOT / name).read_text()


def test_every_module_that_docs_name_exists() -> None:
    for page in PAGES:
        if page.name == "CHANGELOG.md":
            continue  # tells of the past
        for path in re.findall(r"`((?:\w+/)+\w+\.py)`", page.read_text()):
            if "NAME" not in path:
                places = (ROOT / path, ROOT / "tcn_search" / path)
                assert any(place.exists() for place in places), f"{page.name}: {path}"
