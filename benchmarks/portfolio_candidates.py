"""Candidates for the portfolio: networks like published ones, and the best trials of the suite."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from tcn_search.search.portfolio import (
    COVERING,
    PortfolioEntry,
    RelativeArchitecture,
    covering_levels,
    powers_of_two,
)

# Name, filters, kernel size, levels, stacks, padding, norm, skip connections, readout; learning
# rate, dropout rate.
_LIKE_PUBLISHED: tuple[tuple[Any, ...], ...] = (
    ("FCN-like", 32, 8, 3, 1, "same", "batch", False, "average", 1e-3, 0.0),
    ("FCN-like, wide", 64, 8, 3, 1, "same", "batch", False, "average", 1e-3, 0.0),
    ("FCN-like, small field", 64, 5, 2, 1, "same", "batch", False, "average", 1e-3, 0.0),
    ("FCN-like, five levels", 32, 8, 5, 1, "same", "batch", False, "average", 1e-3, 0.0),
    ("FCN-like, large field", 32, 8, COVERING, 1, "same", "batch", False, "average", 1e-3, 0.0),
    ("FCN-like, fast", 32, 8, 3, 1, "same", "batch", False, "average", 5e-3, 0.1),
    ("FCN-like, skip connections", 32, 8, 3, 1, "same", "batch", True, "average", 1e-3, 0.0),
    ("FCN-like, causal", 32, 8, 3, 1, "causal", "batch", False, "average", 1e-3, 0.0),
    ("two stacks", 32, 5, 4, 2, "same", "batch", True, "average", 1e-3, 0.0),
    ("small field with layer norm", 64, 5, 3, 1, "same", "layer", False, "average", 2e-3, 0.1),
    (
        "large field with layer norm",
        32,
        5,
        COVERING,
        1,
        "same",
        "layer",
        True,
        "average",
        1e-3,
        0.1,
    ),
    ("no norm, average", 64, 8, 3, 1, "same", "none", True, "average", 1e-3, 0.0),
    ("maximum over time", 32, 5, 4, 1, "same", "batch", False, "max", 1e-3, 0.1),
    ("maximum, weight norm", 32, 8, 3, 1, "same", "weight", False, "max", 2e-3, 0.0),
    ("keras-tcn default", 64, 3, COVERING, 1, "causal", "none", True, "last", 1e-3, 0.0),
    ("weight norm", 32, 6, COVERING, 1, "causal", "weight", False, "last", 2e-3, 0.0),
    ("layer norm", 64, 4, COVERING, 1, "causal", "layer", True, "last", 1e-3, 0.1),
    ("batch norm, last step", 32, 6, COVERING, 1, "causal", "batch", False, "last", 1e-3, 0.0),
)


def like_published() -> list[PortfolioEntry]:
    """Return configurations like published networks."""
    return [
        PortfolioEntry(
            name=name,
            architecture=RelativeArchitecture(*architecture),
            settings={"learning_rate": learning_rate, "dropout_rate": dropout_rate},
        )
        for name, *architecture, learning_rate, dropout_rate in _LIKE_PUBLISHED
    ]


def best_of_suite(results: Iterable[Mapping[str, Any]], per_dataset: int) -> list[PortfolioEntry]:
    """Return the best complete trials of each result of the suite that a portfolio can hold."""
    entries: list[PortfolioEntry] = []
    for result in results:
        rows = [row for row in result["recorded"] if row["status"] == "complete"]
        rows.sort(key=lambda row: (-row["numbers"]["val_accuracy"], row["numbers"]["val_loss"]))
        found = [
            relative_entry(row, result["winner"]["seq_len"], result["dataset"]) for row in rows
        ]
        entries += [entry for entry in found if entry is not None][:per_dataset]
    return entries


def relative_entry(row: Mapping[str, Any], seq_len: int, dataset: str) -> PortfolioEntry | None:
    """Return a recorded trial as an entry; None if its architecture has no relative form."""
    architecture = row["architecture"]
    settings = row["settings"]
    levels = len(architecture["dilations"])
    is_usual = (
        isinstance(architecture["nb_filters"], int)
        and tuple(architecture["dilations"]) == powers_of_two(levels)
        and architecture["look_back"] is None
        and settings is not None
    )
    if not is_usual:
        return None
    covering = covering_levels(
        architecture["kernel_size"], architecture["nb_stacks"], architecture["padding"], seq_len
    )
    names = RelativeArchitecture.__dataclass_fields__
    values = {name: architecture[name] for name in names if name in architecture}
    return PortfolioEntry(
        name=f"{dataset} trial {row['trial']}",
        architecture=RelativeArchitecture(
            **values, levels=COVERING if levels >= covering else levels
        ),
        settings={
            "learning_rate": float(f"{settings['learning_rate']:.2g}"),
            "dropout_rate": round(settings["dropout_rate"], 2),
        },
    )


def key_of(entry: PortfolioEntry) -> str:
    """Return what makes two entries the same: all but the name."""
    return json.dumps([asdict(entry.architecture), entry.settings], sort_keys=True)


def each_once(entries: Iterable[PortfolioEntry]) -> list[PortfolioEntry]:
    """Return the entries, of equal ones the first."""
    kept: dict[str, PortfolioEntry] = {}
    for entry in entries:
        kept.setdefault(key_of(entry), entry)
    return list(kept.values())
