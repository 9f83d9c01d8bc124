"""The report of a study: its files, and what they contain."""

from __future__ import annotations

import errno
import os
import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from tcn_search import SearchSpace, Study, Task, TrainingSettings, study_figures, write_report
from tcn_search.errors import InputError
from tcn_search.report.trial_figures import PROGRESS
from tcn_search.search.receptive_field_text import context_text
from tests.conftest import waves
from tests.study.synthetic import Synthetic


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(tmp_path)
    task = Task.from_arrays(*waves(24), name="<waves>")
    return Study(
        "waves",
        task,
        SearchSpace(nb_filters=[4, 8], levels=[2, 3, 4]),
        training=TrainingSettings(epochs=9),
    )


@pytest.fixture
def one_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the report have the history alone: to draw all figures takes some seconds."""

    def history(study: Study, width: float = 6.0) -> dict[str, Figure]:
        return {"history": PROGRESS[0].draw(study, width)}

    monkeypatch.setattr("tcn_search.report.write.study_figures", history)


def test_table_figures_and_page_are_written(study: Study) -> None:
    study.run(6, executor=Synthetic({3: "diverged"}), on_progress=lambda progress: None)
    folder = write_report(study)
    assert folder == Path("runs/waves")
    written = pd.read_csv(folder / "trials.csv")
    assert len(written) == len(study.trials())
    assert written["score"].tolist() == pytest.approx(study.trials()["score"].tolist(), nan_ok=True)
    page = (folder / "report.html").read_text()
    figures = study_figures(study)
    assert page.count("data:image/png;base64,") == len(figures)
    assert not re.search(r'(src|href)="(?!data:|#)', page)  # self-contained
    assert (
        "&lt;waves&gt;: classification (one class for each sequence), outputs: 2, channels: 2"
        in page
    )
    assert "required context 16 of sequence length 16; none for readout max and average" in page
    assert "architectures fall short of 16 steps" in page
    assert page.count("<tr") == 1 + len(written)
    for title in ("Search", "Trials", "Result", "Receptive field", "Cost", "What to do next"):
        assert f"<h3>{title}</h3>" in page
    assert study.definition.fingerprint in page
    assert {"history", "receptive_field", "learning_curves", "timeline", "budget"} <= set(figures)
    for name in figures:
        assert (folder / f"{name}.png").stat().st_size > 5_000
        assert (folder / f"{name}.svg").read_text().startswith("<?xml")
        pdf = (folder / f"{name}.pdf").read_bytes()
        (width,) = re.findall(rb"/MediaBox \[ 0 0 ([\d.]+)", pdf)
        assert float(width) == pytest.approx(3.4 * 72, abs=0.1)  # a column of a paper
        assert b"/Type3" not in pdf


@pytest.mark.parametrize(
    ("readout", "words"),
    [
        (["last"], "required context 16 of sequence length 16"),
        (
            ["average", "max"],
            "no context required of one step (sequence length 16): the output sees all steps "
            "through readout average and max",
        ),
    ],
)
def test_the_required_context_in_words(study: Study, readout: list[str], words: str) -> None:
    definition = replace(study.definition, space=SearchSpace(readout=readout))
    assert context_text(definition) == words


@pytest.mark.usefixtures("one_figure")
def test_a_study_without_trials_or_a_folder_that_is_a_file_is_refused(
    study: Study, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="The study 'waves' has no trial yet. Run it first."):
        write_report(study)
    assert not (tmp_path / "runs/waves").exists()
    study.run(1, executor=Synthetic(), on_progress=lambda progress: None)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="The report cannot be written to file"):
        write_report(study, "file")


@pytest.mark.usefixtures("one_figure")
def test_on_a_full_disk_the_earlier_report_stays(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.run(2, executor=Synthetic(), on_progress=lambda progress: None)
    folder = write_report(study)
    earlier = {file: file.read_bytes() for file in folder.iterdir()}
    study.run(4, executor=Synthetic(), on_progress=lambda progress: None)

    def full(figure: Figure, file: Path, **options: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    monkeypatch.setattr(Figure, "savefig", full)
    with pytest.raises(InputError) as caught:
        write_report(study)
    assert str(caught.value) == (
        "The report cannot be written to runs/waves: history.png: No space left on device"
    )
    assert {file: file.read_bytes() for file in folder.iterdir()} == earlier


@pytest.mark.usefixtures("one_figure")
def test_without_script_a_page_of_many_trials_shows_the_best(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tcn_search.report.trial_table.ROWS_AT_ONCE", 3)
    study.run(
        24, executor=Synthetic({0: "diverged", 1: "failed"}), on_progress=lambda progress: None
    )
    folder = write_report(study)
    frame = study.trials()
    page = (folder / "report.html").read_text()
    assert f"The best 3 of {len(frame)} trials; all are in trials.csv." in page
    best = frame[frame["ended"] == "complete"].sort_values("score")["trial"].head(3)
    shown = re.findall(r'<tr[^>]*>\s*<td class="number">(\d+)', page)
    assert shown == list(map(str, best))
    assert len(pd.read_csv(folder / "trials.csv")) == len(frame)


@pytest.mark.usefixtures("one_figure")
def test_a_study_without_a_complete_trial_has_a_report(study: Study) -> None:
    study.run(
        2, executor=Synthetic({0: "diverged", 1: "diverged"}), on_progress=lambda progress: None
    )
    page = (write_report(study) / "report.html").read_text()
    assert "2 trials finished: 2 diverged." in page
    assert "No trial is complete yet, so that there is no result." in page
    assert "Configuration of" not in page
