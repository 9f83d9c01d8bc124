"""Measure tcn-search on the 43 UCR and UEA classification problems, beside published accuracies.

    python benchmarks/suite.py --data-dir DIR --minutes 5 [--only NAME,...] [--half dev] [--plain]
    python benchmarks/suite.py --report

One study a dataset with nothing tuned by hand, MINUTES for search and final trainings together.
Each result is a JSON file in the folder; a dataset that has one is not measured again, so a stopped
run continues. Data that is absent is left out, and said to be. `--report` writes docs/results.md
from the results that there are. Run it on 2 otherwise idle cores.

While something is developed, look at `--half dev` only; the other half shows what it is worth.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from suite_report import accuracy_in_words, write_report
from suite_tables import HERE, RESULTS, Dataset, datasets, read_result, result_file

from tcn_search.text import minutes

STUDY = HERE / "suite_study.py"
PLAIN = HERE / "suite_plain.py"
MOST_TIMES_THE_SECONDS = 4  # a measurement that takes longer is stopped


def chosen(half: str, only: str) -> list[Dataset]:
    """Return the datasets of a half, or of these names."""
    known = datasets()
    if only:
        names = only.split(",")
        unknown = sorted(set(names) - {dataset.name for dataset in known})
        if unknown:
            sys.exit(f"The suite has no dataset {', '.join(unknown)}.")
        known = [dataset for dataset in known if dataset.name in names]
    return [dataset for dataset in known if half in ("all", dataset.half)]


def run(
    wanted: Sequence[Dataset], arguments: argparse.Namespace, measure: Callable[..., str]
) -> list[str]:
    """Measure the datasets one after another; return the names of those that failed.

    Args:
        measure: runs a script for a dataset, and returns why it failed, or "".
    """
    present = [name for name in wanted if (arguments.data_dir / f"{name.name}.npz").exists()]
    absent = [dataset.name for dataset in wanted if dataset not in present]
    if absent:
        print(f"left out, not in {arguments.data_dir}: {', '.join(absent)}")
    jobs = jobs_left(present, arguments.folder, arguments.plain)
    print(f"{len(present)} datasets, {len(jobs)} measurements of {arguments.minutes:g} min left")
    failed = []
    started = time.monotonic()
    for number, (script, dataset) in enumerate(jobs):
        if dataset.name in failed:
            continue
        left = (len(jobs) - number) * 60 * arguments.minutes
        if number:
            left = (time.monotonic() - started) / number * (len(jobs) - number)
        what = f"[{number + 1}/{len(jobs)}] {dataset.name} ({script.stem})"
        print(f"{what}, about {minutes(left)} left", flush=True)
        reason = measure(script, dataset, arguments)
        if reason:
            failed.append(dataset.name)
            print(f"    failed: {reason}", flush=True)
        else:
            result = read_result(arguments.folder, dataset.name)
            print(f"    {accuracy_in_words(result, script == PLAIN)}", flush=True)
    return failed


def jobs_left(present: Sequence[Dataset], folder: Path, plain: bool) -> list[tuple[Path, Dataset]]:
    """Return the scripts that have not given a result yet, with their datasets, in order."""
    jobs = []
    for dataset in present:
        result = read_result(folder, dataset.name)
        if result is None:
            jobs.append((STUDY, dataset))
        if plain and dataset.plain and "plain" not in (result or {}):
            jobs.append((PLAIN, dataset))
    return jobs


def measure_in_a_process(script: Path, dataset: Dataset, arguments: argparse.Namespace) -> str:
    """Run a script in a process of its own; return the end of its errors if it fails."""
    seconds = 60 * arguments.minutes
    arguments.folder.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        str(script),
        str((arguments.data_dir / f"{dataset.name}.npz").resolve()),
        str(result_file(arguments.folder.resolve(), dataset.name)),
        str(seconds),
    ]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60 + MOST_TIMES_THE_SECONDS * seconds,
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {MOST_TIMES_THE_SECONDS} times its minutes"
    if done.returncode:
        return "\n".join(done.stderr.strip().splitlines()[-3:]) or "no message"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="folder with the .npz files")
    parser.add_argument("--minutes", type=float, default=5, help="for each dataset")
    parser.add_argument("--only", default="", metavar="NAMES", help="datasets, with commas between")
    parser.add_argument("--half", choices=("dev", "held", "all"), default="all")
    parser.add_argument("--folder", type=Path, default=RESULTS, help="of the results")
    parser.add_argument(
        "--plain", action="store_true", help="measure Optuna around keras-tcn too, for six of them"
    )
    parser.add_argument("--report", action="store_true", help="write docs/results.md and end")
    arguments = parser.parse_args()
    if arguments.report:
        print(write_report(arguments.folder))
        return
    if arguments.data_dir is None:
        parser.error("--data-dir is needed, or --report")
    wanted = chosen(arguments.half, arguments.only)
    failed = run(wanted, arguments, measure_in_a_process)
    if failed:
        sys.exit(
            f"{len(failed)} failed: {', '.join(failed)}. Repeat the command to try them again."
        )


if __name__ == "__main__":
    main()
