"""Write a study's report to a folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tcn_search.atomic_files import reason_of, replacing
from tcn_search.errors import InputError
from tcn_search.plots.style import COLUMN_WIDTH
from tcn_search.report.figures import study_figures
from tcn_search.report.page import page
from tcn_search.report.study_figure import save_figure
from tcn_search.study.study import Study


def write_report(
    study: Study,
    folder: str | Path | None = None,
    *,
    on_step: Callable[[str], None] = lambda step: None,
) -> Path:
    """Write trials.csv, figures as PNG, SVG and PDF, and one self-contained report.html.

    PNG and SVG are for a screen, and the PDF is as wide as a column of a paper (3.4 inches).

    All files show the trials at the same moment, even while the study runs. Files of an
    earlier report are replaced once all new files are complete.

    Args:
        study: the study to report on.
        folder: where to write; default: `runs/NAME`, relative to the working directory.
        on_step: called before each step with its description, such as "drawing the figures".

    Returns:
        The folder.

    Raises:
        InputError: the study has no trial yet, or a file cannot be written.
    """
    on_step(f"reading the trials of {study.name}")
    snapshot = study.snapshot()
    if snapshot.trials().empty:
        raise InputError(f"The study {study.name!r} has no trial yet. Run it first.")
    folder = Path("runs") / study.name if folder is None else Path(folder)
    on_step("drawing the figures")
    figures = study_figures(snapshot)
    narrow = study_figures(snapshot, COLUMN_WIDTH)
    failure = f"The report cannot be written to {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{failure}: {reason_of(error)}") from error
    with ExitStack() as replacements:

        def open_file(name: str) -> Path:
            return replacements.enter_context(replacing(folder / name, f"{failure}: {name}"))

        pictures = {}
        snapshot.trials().to_csv(open_file("trials.csv"), index=False)
        for name, figure in figures.items():
            on_step(f"writing {name}.png, {name}.svg and {name}.pdf")
            picture = open_file(f"{name}.png")
            save_figure(figure, [picture])
            pictures[name] = picture.read_bytes()
            save_figure(figure, [open_file(f"{name}.svg")])
            if name in narrow:
                save_figure(narrow[name], [open_file(f"{name}.pdf")])
        on_step("writing report.html")
        html = page(snapshot, figures, pictures)
        open_file("report.html").write_text(html, encoding="utf-8")
    return folder
