"""Write docs/results.md from the results of the suite and the published accuracies."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from suite_figure import draw_scatter
from suite_statistics import Accuracies, Pair, compare, mean_ranks
from suite_summary import farthest, limits, mean_accuracies, standing
from suite_tables import (
    HALVES,
    HERE,
    OPENED,
    Dataset,
    datasets,
    published_accuracies,
    published_sources,
    read_results,
)

from tcn_search.search.portfolio import portfolio
from tcn_search.settings import settings_for

PAGE = HERE.parent / "docs" / "results.md"
FIGURE = HERE.parent / "docs" / "images" / "suite.png"
ONE = "ours, one network"
ENSEMBLE = "ours, ensemble"
PLAIN_ONE = "keras-tcn, one network"
PLAIN_ENSEMBLE = "keras-tcn, ensemble"
MEASURED = "(measured)"  # ends the names of simple models
PUBLISHED = (
    "FCN",
    "ResNet",
    "InceptionTime",
    "LITETime",
    "ConvTran",
    "ROCKET",
    "MiniRocket",
    "Hydra",
    "1-NN ED",
    "1-NN DTW_D",
)
RANKED = ("FCN", "ResNet", "InceptionTime", "LITETime", "MiniRocket", "Hydra")
IN_PARTS = {
    "dev": "the half used in development",
    "held": f"the half held back, with {len(OPENED)} that were opened too early",
    "unopened": f"the half held back, without {len(OPENED)} that were opened too early",
    "all": "all",
}


def measured_accuracies(result: Mapping[str, Any]) -> dict[str, float]:
    """Return our accuracies, and those of simple models and the plain search, of a result."""
    found = {ONE: statistics.fmean(result["test"]["members"])}
    if result["test"].get("ensemble") is not None:
        found[ENSEMBLE] = result["test"]["ensemble"]
    for name, accuracy in result.get("simple_baselines", {}).items():
        found[f"{name} {MEASURED}"] = accuracy
    if "plain" in result:
        found[PLAIN_ONE] = statistics.fmean(result["plain"]["members"])
        found[PLAIN_ENSEMBLE] = result["plain"]["ensemble"]
    return found


def accuracy_in_words(result: Mapping[str, Any] | None, plain: bool = False) -> str:
    """Return the measured accuracies of one result in a line."""
    if result is None:
        return "no result"
    found = measured_accuracies(result)
    if plain:
        return f"{found[PLAIN_ONE]:.4f}, ensemble {found[PLAIN_ENSEMBLE]:.4f}"
    line = f"{found[ONE]:.4f}, mean of {len(result['test']['members'])} networks"
    if ENSEMBLE in found:
        line += f"; ensemble {found[ENSEMBLE]:.4f}"
    return line


def write_report(folder: Path, page: Path = PAGE, figure: Path = FIGURE) -> str:
    """Write the page and its figure; return what was written, in words."""
    known = datasets()
    results = read_results(folder, [dataset.name for dataset in known])
    published = published_accuracies()
    accuracies = {
        name: {**published[name], **measured_accuracies(result)} for name, result in results.items()
    }
    ours = ours_of(accuracies)
    figure.parent.mkdir(parents=True, exist_ok=True)
    draw_scatter(accuracies, ours, RANKED, figure)
    page.write_text(_page(known, results, accuracies, ours, figure), encoding="utf-8")
    return f"{page}: {len(results)} of {len(known)} datasets"


def ours_of(accuracies: Accuracies) -> str:
    """Return which of our accuracies is compared: the ensemble's, if every result has one."""
    if accuracies and all(ENSEMBLE in row for row in accuracies.values()):
        return ENSEMBLE
    return ONE


def _page(
    known: Sequence[Dataset],
    results: Mapping[str, Mapping[str, Any]],
    accuracies: Accuracies,
    ours: str,
    figure: Path,
) -> str:
    halves = {half: {dataset.name for dataset in known if dataset.half == half} for half in HALVES}
    unopened = halves["held"].difference(OPENED)
    lines = [
        "# Results on UCR and UEA classification problems",
        "",
        *_wrapped(
            "Written by `python benchmarks/suite.py --report` from the JSON files of "
            f"`benchmarks/suite_results`: {len(results)} of {len(known)} datasets. "
            + _about(results.values())
        ),
        "",
        *_is_it_good(results, accuracies, ours, unopened),
        f"![Test accuracies of {ours} against published models](images/{figure.name})",
        "",
        "## How it was measured",
        "",
        *_wrapped(
            "Each dataset is one study with the defaults: search and final trainings in the same "
            f"minutes, on 2 cores, and the test split scored once. {_took(results.values())}"
            "*One network* is the mean over the final trainings; the *ensemble* is the mean of "
            "their predictions. While the package was developed, the half *dev* was looked at, its "
            "test scores too: they have decided which configuration a study tries first. In "
            "alphabetical order (capitals before small letters), it is the first dataset, the "
            f"third, and so on. Of the other half, {len(OPENED)} datasets were measured before the "
            f"defaults were settled, and have influenced them: {', '.join(OPENED)}."
        ),
        "",
        *_wrapped(
            "A comparison of two models takes the datasets for which both have an accuracy; a tie "
            "is the same accuracy in three digits; p is that of Wilcoxon's signed-rank test, "
            "two-sided, for six datasets without a tie or more. It is not corrected for the number "
            "of models."
        ),
        "",
        *_wrapped(
            "DodgerLoopDay has missing values, which are interpolated linearly; the published FCN, "
            "ResNet and InceptionTime of its usual tables were trained on NaN and are at chance, "
            "so they are left out or taken from another source."
        ),
        "",
    ]
    missing = [dataset.name for dataset in known if dataset.name not in results]
    if missing:
        lines += [*_wrapped(f"Not measured yet: {', '.join(missing)}."), ""]
    parts = {**halves, "unopened": unopened, "all": set(accuracies)}
    of_halves = [halves[half] & set(accuracies) for half in HALVES]
    for name, names in parts.items():
        measured = names & set(accuracies)
        if name not in HALVES and (not measured or measured in of_halves):
            continue  # nothing, or the table of a half again
        part = {dataset: accuracies[dataset] for dataset in accuracies if dataset in measured}
        lines += [f"## Against published models: {IN_PARTS[name]}", ""]
        lines += _comparison(part, ours)
        lines += _ranks(part, ours)
    lines += ["## Each dataset", "", *_each(known, accuracies), ""]
    lines += _plain(results, accuracies)
    lines += ["## Sources", "", *_sources()]
    return "\n".join(lines) + "\n"


def _is_it_good(
    results: Mapping[str, Mapping[str, Any]],
    accuracies: Accuracies,
    ours: str,
    unopened: Collection[str],
) -> list[str]:
    """Return the sections on where our accuracies stand and on what limits them."""
    if not results:
        return []
    lines = ["## In short", "", *_wrapped(mean_accuracies(accuracies, ours, ONE)), ""]
    for item in standing(accuracies, ours, PUBLISHED):
        lines += _item(item)
    lines += ["", *_wrapped(farthest(accuracies, ours, PUBLISHED)), ""]
    lines += ["## What limits these results", ""]
    for item in limits(results, unopened):
        lines += _item(item)
    return [
        *lines,
        "",
        *_wrapped(
            "The studies in [studies/results](../studies/results/README.md) have settings that "
            "people chose, some of them with test scores of earlier attempts in mind (OSULeaf, for "
            "one). The page of each study says what limits its result. Those accuracies are not "
            "part of the tables here."
        ),
        "",
    ]


def _about(results: Collection[Mapping[str, Any]]) -> str:
    """Return minutes, machine and versions of the results."""
    if not results:
        return "Nothing is measured yet."
    budgets = sorted({f"{result['minutes']:g}" for result in results})
    cores = sorted({str(result["machine"]["cores"]) for result in results})
    processors = sorted({result["machine"]["processor"] for result in results})
    versions = {
        f"{name} {number}" for result in results for name, number in result["versions"].items()
    }
    about = (
        f"{' or '.join(budgets)} minutes a dataset on {' or '.join(cores)} cores "
        f"({', '.join(processors)}); {', '.join(sorted(versions))}."
    )
    unknown = sum("load" not in result["machine"] for result in results)
    if unknown:
        about += (
            f" {unknown} of them were measured while tests ran on the same cores, which can only "
            "have cost accuracy."
        )
    earlier = sum(not _has_present_defaults(result) for result in results)
    if earlier:
        about += (
            f" {earlier} of them were measured with earlier defaults: other configurations that a "
            "study tries first, or shorter trainings."
        )
    return about


def _took(results: Collection[Mapping[str, Any]]) -> str:
    """Return how long the studies took, and a space; nothing if none is measured."""
    seconds = [sum(result["seconds"].values()) for result in results]
    if not seconds:
        return ""
    return (
        f"A study took {statistics.median(seconds):.0f} s (median), the longest one "
        f"{max(seconds):.0f} s. "
    )


def _has_present_defaults(result: Mapping[str, Any]) -> bool:
    """Whether a study would begin with the same configurations, and train as long, today."""
    if result.get("portfolio") != portfolio().source:
        return False
    present = settings_for(result["sequences"]["training"], seq_len=result["winner"]["seq_len"])
    return all(row["settings"]["epochs"] == present.epochs for row in result["recorded"])


def _comparison(accuracies: Accuracies, ours: str) -> list[str]:
    """Return a table with a row for each published model."""
    rows = []
    simple = {name for row in accuracies.values() for name in row if name.endswith(MEASURED)}
    for model in (*PUBLISHED, *sorted(simple), ONE, PLAIN_ONE, PLAIN_ENSEMBLE):
        pair = compare(accuracies, ours, model)
        if pair is not None and model != ours:
            rows.append(_comparison_row(model, pair))
    if not rows:
        return ["Nothing is measured yet.", ""]
    return [
        f"| model | datasets | its mean accuracy | {ours} | our wins / ties / losses | p |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
        "",
    ]


def _comparison_row(model: str, pair: Pair) -> str:
    p = "–"
    if pair.p is not None:
        p = f"{pair.p:.3f}" if pair.p >= 0.0005 else "below 0.001"
    return (
        f"| {model} | {pair.datasets} | {pair.theirs:.4f} | {pair.ours:.4f} "
        f"| {pair.wins} / {pair.ties} / {pair.losses} | {p} |"
    )


def _ranks(accuracies: Accuracies, ours: str) -> list[str]:
    """Return the mean ranks in a sentence."""
    count, ranks = mean_ranks(accuracies, (ours, *RANKED))
    if not count:
        return []
    ordered = sorted(ranks.items(), key=lambda item: item[1])
    listed = ", ".join(f"{model} {rank:.2f}" for model, rank in ordered)
    return [
        *_wrapped(f"Mean rank on the {count} datasets for which all have an accuracy: {listed}."),
        "",
    ]


def _each(known: Sequence[Dataset], accuracies: Accuracies) -> list[str]:
    """Return a table with a row for each measured dataset, its best accuracies in bold."""
    models = [
        model
        for model in (ONE, ENSEMBLE, *PUBLISHED)
        if any(model in row for row in accuracies.values())
    ]
    lines = [
        f"| dataset | half | {' | '.join(models)} |",
        "| --- | --- | " + " | ".join("---" for _ in models) + " |",
    ]
    for dataset in known:
        row = accuracies.get(dataset.name)
        if row is None:
            continue
        best = max(round(row[model], 3) for model in models if model in row)
        cells = []
        for model in models:
            cell = ""
            if model in row:
                cell = f"{row[model]:.3f}"
                if round(row[model], 3) == best:
                    cell = f"**{cell}**"
            cells.append(cell)
        lines.append(f"| {dataset.name} | {dataset.half} | {' | '.join(cells)} |")
    return lines


def _plain(results: Mapping[str, Mapping[str, Any]], accuracies: Accuracies) -> list[str]:
    """Return the section about Optuna around keras-tcn; nothing if it was not measured."""
    measured = [name for name, result in results.items() if "plain" in result]
    if not measured:
        return []
    lines = [
        "## What a user would write instead",
        "",
        *_wrapped(
            "Optuna around keras-tcn with its defaults, in as many minutes on as many cores, not "
            "always on the same day (`suite.py --plain`, "
            "`benchmarks/plain/optuna_keras_tcn_accuracy.py`): half of the time for the search, by "
            "the validation loss, then the best parameters over seeds, each network with the "
            "weights of its best epoch."
        ),
        "",
        f"| dataset | {ONE} | {ENSEMBLE} | {PLAIN_ONE} | {PLAIN_ENSEMBLE} | our trials "
        "| its trials |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in measured:
        row = accuracies[name]
        ensemble = "–"
        if ENSEMBLE in row:
            ensemble = f"{row[ENSEMBLE]:.3f}"
        lines.append(
            f"| {name} | {row[ONE]:.3f} | {ensemble} | {row[PLAIN_ONE]:.3f} "
            f"| {row[PLAIN_ENSEMBLE]:.3f} | {sum(results[name]['trials'].values())} "
            f"| {results[name]['plain']['trials']} |"
        )
    return [*lines, ""]


def _sources() -> list[str]:
    """Return where the published accuracies are from."""
    return [
        *_wrapped(
            "Published accuracies are on the same training and test splits. Where two sources "
            "give one, the higher is taken. FCN and ResNet of univariate problems are means of 5 "
            "runs, InceptionTime and LITETime ensembles of 5. All of them are in "
            "`benchmarks/published_accuracies.csv`, from:"
        ),
        "",
        *(f"- {source}" for source in published_sources()),
    ]


def _item(text: str) -> list[str]:
    """Return an item of a list in lines."""
    return textwrap.wrap(
        text,
        100,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)
