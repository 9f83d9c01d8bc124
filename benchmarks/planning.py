"""Measure how long planning takes. Run: python benchmarks/planning.py

Prints a table: the cold start of `tcn-search check` compared with that of a bare interpreter, the
planning of 100,000 candidate architectures for 10,000 steps on one core, coverage included, and
`check` at a million steps.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from tcn_search.planning.architecture import Architecture
from tcn_search.planning.check import check
from tcn_search.planning.plan import plan_rows

CHECK = [
    "-m",
    "tcn_search",
    "check",
    "--seq-len",
    "600",
    "--kernel-size",
    "8",
    "--dilations",
    "1,2,4,8,16,32",
]
POWERS = tuple(2**level for level in range(19))
MANY_SHAPES = {
    "kernel_size": "2-50",
    "dilation_base": "2-10",
    "levels": "1-19",  # 10 ** 18 is the longest dilation that is allowed
    "nb_stacks": "1-13",
}
# With padding "same" `plan` takes fewer candidates at this length.
SHAPES_OF_SAME = {**MANY_SHAPES, "kernel_size": "2-6"}
MANY_FILTERS = {
    "kernel_size": "2-8",
    "dilation_base": "2,3",
    "levels": "1-12",
    "nb_stacks": "1-3",
    "nb_filters": "1-210",
}


def cold_start(rounds: int = 15) -> tuple[float, float]:
    """Return the median seconds of a bare interpreter and of `check`, run in turn."""
    seconds: dict[int, list[float]] = {0: [], 1: []}
    for _ in range(rounds):
        for which, arguments in enumerate((["-c", "pass"], CHECK)):
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
            seconds[which].append(time.perf_counter() - started)
    return median(seconds[0]), median(seconds[1])


def planning(**options: Any) -> str:
    started = time.process_time()
    found = plan_rows(10_000, **options)
    took = time.process_time() - started
    return (
        f"{took:.2f} s of processor time, {found.candidates:,} candidates, "
        f"{len(found.rows):,} cover"
    )


def checking(architecture: Architecture) -> str:
    started = time.process_time()
    text = str(check(architecture, seq_len=1_000_000))
    return f"{time.process_time() - started:.2f} s of processor time: {text.split(':')[0]}"


def main() -> None:
    parser = argparse.ArgumentParser(description="How long does planning take?")
    parser.add_argument(
        "--append", type=Path, metavar="FILE", help="append the table to this markdown file too"
    )
    file = parser.parse_args().append
    bare, cold = cold_start()
    rows = [
        ("bare interpreter", f"{bare * 1e3:.1f} ms"),
        ("tcn-search check, cold", f"{cold * 1e3:.1f} ms, {cold / bare:.2f} bare interpreters"),
        ("plan, shapes all different", planning(**MANY_SHAPES)),
        ("plan, many filters", planning(**MANY_FILTERS)),
        ("plan, shapes, padding same", planning(**SHAPES_OF_SAME, padding="same")),
        ("check, a million steps", checking(Architecture(8, 4, (*POWERS, 3, 100_000)))),
        (
            "check, with blind spots",
            checking(Architecture(8, 2, (*[2] * 20, 1000, 5000, 30_000, 600_000))),
        ),
        (
            "check, padding same",
            checking(Architecture(8, 4, (*POWERS, 3, 100_000), padding="same")),
        ),
    ]
    width = max(len(name) for name, _ in rows)
    table = "\n".join(f"{name:<{width}}  {text}" for name, text in rows)
    print(table)
    if file is not None:
        with file.open("a") as opened:
            opened.write(
                "\n## Planning\n\nWritten by `python benchmarks/planning.py`.\n\n"
                f"```\n{table}\n```\n"
            )


if __name__ == "__main__":
    main()
