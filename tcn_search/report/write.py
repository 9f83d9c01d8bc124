"""Writes a study's report to a folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tcn_search.atomic_files import reason_of, replacing
from tcn_search.errors import InputError
from tcn_search.report.figures import study_figures
from tcn_search.report.page import page
from tcn_search.study.study import Study


def write_report(
    study: Study,
    folder: str | Path | None = None,
    *,
    on_step: Callable[[str], None] = lambda step: None,
) -> Path:
    """Write trials.csv, figures as PNG and SVG, and one self-contained report.html.

    All of them show the trials as they were at one moment, whatever runs meanwhile.

    Args:
        folder: default `runs/NAME`, relative to the working directory.
        on_step: called with what is done next, in words.

    Returns:
        the folder.

    Raises:
        InputError: no trial has been made yet, or a file cannot be written.
    """
    on_step(f"reading the trials of {study.name}")
    record = study.snapshot()
    if record.trials().empty:
        raise InputError(f"The study {study.name!r} has no trial yet. Run it first.")
    folder = Path(folder) if folder is not None else Path("runs") / study.name
    on_step("drawing the figures")
    figures = study_figures(record)
    failure = f"The report cannot be written to {folder}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{failure}: {reason_of(error)}") from error
    with ExitStack() as files:  # they take their places when all are written

        def beside(name: str) -> Path:
            return files.enter_context(replacing(folder / name, f"{failure}: {name}"))

        record.trials().to_csv(beside("trials.csv"), index=False)
        for name, figure in figures.items():
            on_step(f"writing {name}.png and {name}.svg")
            figure.savefig(beside(f"{name}.png"), dpi=150)
            figure.savefig(beside(f"{name}.svg"))
        on_step("writing report.html")
        beside("report.html").write_text(page(record, figures), encoding="utf-8")
    return folder
