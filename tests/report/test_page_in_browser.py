"""The page of a report in a headless Chromium: what it loads, its table, names as text, its looks.

Needs the package playwright (`pip install -e '.[browser]'`) and an installed Chromium.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tcn_search import Range, SearchSettings, Study, Task, TrainingSettings, write_report
from tests.conftest import waves
from tests.study.synthetic import Synthetic, small_space

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: pip install -e '.[browser]'"
)
pytestmark = pytest.mark.slow

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NAME = "<script>alert(1)"  # a study's name has no slash
TASK = "</script><script>alert(2)</script>&amp;"
TRIALS = 130
# Walks all text that can be seen, and returns what stands out too little from its background.
LOW_CONTRAST = """
() => {
  const numbers = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = (color) => {
    const [r, g, b] = numbers(color).map((value) => value / 255)
      .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if ((numbers(color)[3] ?? 1) === 1) return color;
    }
    return getComputedStyle(document.documentElement).colorScheme.includes("dark") &&
      matchMedia("(prefers-color-scheme: dark)").matches ? "rgb(18, 18, 18)" : "rgb(255, 255, 255)";
  };
  const found = [];
  let seen = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    if (element.disabled) continue;
    seen += 1;
    const values = [light(getComputedStyle(element).color), light(behind(element))];
    const ratio = (Math.max(...values) + 0.05) / (Math.min(...values) + 0.05);
    if (ratio < 4.5) found.push([walker.currentNode.data.trim().slice(0, 40), ratio]);
  }
  return {seen, found};
}
"""


@dataclass
class Opened:
    """A page, and what it has said and asked for since it was opened."""

    page: Any
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def column(self, name: str) -> list[str]:
        """Return the texts of a column that are shown, from top to bottom."""
        return self.page.evaluate(
            """name => {
              const table = document.getElementById("trial-table");
              const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
              const column = names.indexOf(name);
              return [...table.tBodies[0].rows].map((row) => row.cells[column].textContent);
            }""",
            name,
        )

    def click_on(self, column: str) -> None:
        self.page.locator("#trial-table th button", has_text=column).first.click()

    def shown(self) -> str:
        return self.page.locator("#shown").text_content()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip(f"no browser is installed: none of {', '.join(BROWSERS)}")
    arguments = []
    if os.geteuid() == 0:  # Chromium's sandbox refuses root
        arguments.append("--no-sandbox")
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=path, args=arguments)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    study = Study(
        NAME,
        Task.from_arrays(*waves(24), name=TASK),
        small_space(learning_rate=Range(1e-4, 1e-2, log=True)),
        training=TrainingSettings(epochs=3),
        search=SearchSettings(warm_start=False, sampler="random"),
        storage=f"sqlite:///{folder}/studies.db",
    )
    failing = {3: "diverged", 7: "failed", 11: "out_of_memory"}
    study.run(TRIALS, executor=Synthetic(failing), on_progress=lambda progress: None)
    return write_report(study, folder / "report") / "report.html"


@pytest.fixture
def opened(browser: Any, report: Path, request: pytest.FixtureRequest) -> Iterator[Opened]:
    options = getattr(request, "param", {})
    context = browser.new_context(**options)
    found = Opened(context.new_page())
    found.page.on("console", lambda message: found.messages.append(message.text))
    found.page.on("pageerror", lambda error: found.messages.append(str(error)))
    found.page.on("dialog", lambda dialog: found.messages.append(dialog.message))
    found.page.on("request", lambda asked: found.requests.append(asked.url))
    found.page.goto(report.as_uri())
    yield found
    context.close()


def test_nothing_is_loaded_from_elsewhere_and_nothing_goes_wrong(
    opened: Opened, report: Path
) -> None:
    opened.click_on("score")
    opened.page.locator("#search").fill("complete")
    assert opened.messages == []
    others = [url for url in opened.requests if not url.startswith("data:image/png;base64,")]
    assert others == [report.as_uri()]


def test_names_are_text(opened: Opened) -> None:
    assert opened.page.locator("h1").text_content() == NAME
    assert NAME in opened.page.title()
    summary = opened.page.locator("#summary").text_content()
    assert TASK in summary
    assert TASK in opened.page.locator("#study-file pre").text_content()
    assert opened.page.locator("script").count() == 2
    assert opened.messages == []


def test_a_click_on_a_column_sorts_by_it(opened: Opened) -> None:
    best_first = opened.column("trial")
    opened.click_on("score")
    scores = [float(text) for text in opened.column("score")]
    assert scores == sorted(scores)
    opened.click_on("score")
    reversed_scores = [float(text) for text in opened.column("score") if text]
    assert reversed_scores == sorted(reversed_scores, reverse=True)
    assert reversed_scores[0] > scores[-1]  # all pages are sorted, not the first one
    assert opened.page.locator("th[aria-sort=descending]").text_content() == "score"
    opened.click_on("trial")
    numbers = [int(text.split()[0]) for text in opened.column("trial")]
    assert numbers == list(range(100))
    assert best_first != opened.column("trial")


def test_rows_without_a_value_come_last(opened: Opened) -> None:
    opened.page.locator("#search").fill("on purpose")
    for _ in range(2):
        opened.click_on("score")
        opened.page.locator("#search").fill("")
        assert "" not in opened.column("score")
        opened.page.locator("#next").click()
        assert opened.column("score")[-1] == ""


def test_the_table_is_searched_filtered_and_turned_over(opened: Opened, report: Path) -> None:
    data = json.loads(opened.page.locator("#trial-data").text_content())
    count = len(data["rows"])
    assert opened.shown() == f"1 to 100 of {count}"
    opened.page.locator("#next").click()
    assert opened.shown() == f"101 to {count} of {count}"
    assert opened.page.locator("#next").is_disabled()
    assert len(opened.column("trial")) == count - 100
    opened.page.locator("#previous").click()
    opened.page.locator("#status").select_option("complete")
    assert set(opened.column("ended")) == {"complete"}
    complete = sum(row[data["statusColumn"]] == "complete" for row in data["rows"])
    assert opened.shown().endswith(f" of {complete}")
    opened.page.locator("#status").select_option("failed")
    assert opened.column("reason") == ["failed on purpose"]
    opened.page.locator("#search").fill("no such text")
    assert opened.shown() == "0"
    opened.page.locator("#status").select_option("")
    opened.page.locator("#search").fill("OUT_OF_MEMORY")
    assert opened.column("ended") == ["out_of_memory"]


def test_the_rows_of_the_script_are_those_of_the_page(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    plain = page.locator("#trial-table tbody tr").all_inner_texts()
    assert len(plain) == 100
    assert page.locator(".without-script").is_visible()
    assert not page.locator("#controls").is_visible()
    context.close()
    scripted = browser.new_page()
    scripted.goto(report.as_uri())
    assert scripted.locator("#trial-table tbody tr").all_inner_texts() == plain
    assert not scripted.locator(".without-script").is_visible()
    scripted.close()


@pytest.mark.parametrize("opened", [{"viewport": {"width": 400, "height": 800}}], indirect=True)
def test_a_narrow_screen_scrolls_in_boxes_only(opened: Opened) -> None:
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 400
    box = opened.page.locator(".table").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    assert opened.page.evaluate("document.querySelector('.table').scrollWidth") > 400
    widths = opened.page.evaluate("[...document.images].map((image) => image.clientWidth)")
    assert widths
    assert min(widths) >= 500  # the picture scrolls too: shrunk, its text could not be read


@pytest.mark.parametrize(
    "opened", [{"color_scheme": "dark"}, {"color_scheme": "light"}], indirect=True
)
def test_all_text_stands_out_from_its_background(opened: Opened) -> None:
    result = opened.page.evaluate(LOW_CONTRAST)
    assert result["seen"] > 500
    assert result["found"] == []


@pytest.mark.parametrize("opened", [{"color_scheme": "dark"}], indirect=True)
def test_a_dark_screen_gets_a_dark_page_and_paper_a_white_one(opened: Opened) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    assert opened.page.evaluate(background) == "rgb(20, 24, 29)"
    opened.page.emulate_media(media="print")
    assert opened.page.evaluate(background) == "rgb(255, 255, 255)"
    assert not opened.page.locator("#controls").is_visible()
    assert not opened.page.locator("nav").is_visible()
    assert opened.page.evaluate("getComputedStyle(document.querySelector('.table')).overflow") == (
        "visible"
    )


def test_every_figure_has_a_description(opened: Opened) -> None:
    texts = opened.page.evaluate("[...document.images].map((image) => image.alt)")
    assert len(texts) >= 3
    assert all(len(text) > 40 for text in texts)
    assert opened.page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
