"""Time the final trainings of a study, one after the other and in parallel, for the same seeds.

    python benchmarks/final_trainings.py studies/osuleaf.toml --trials 6 --repeats 3

It searches the study in a folder of its own, and then trains the same final trainings with one
worker, which has all cores, and with as many workers as the machine suits. The two are interleaved,
and each line of the table is a median of the repeats. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from tcn_search.evaluation.final_progress import FinalProgress
from tcn_search.study.study import Study
from tcn_search.study.study_file import read_study_file
from tcn_search.workers.keras_import import import_keras_quietly


def main() -> None:
    """Search once, then time the final trainings both ways."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("study", nargs="?", default="studies/osuleaf.toml")
    parser.add_argument("--trials", type=int, default=6)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--top", type=int, default=3, help="trials that are trained again; 1: none")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    file = read_study_file(arguments.study)
    task = file.load_task()
    with tempfile.TemporaryDirectory() as folder:
        study = Study(
            "timed",
            task,
            space=file.space,
            constraints=file.constraints,
            training=file.training_settings(task),
            search=file.search,
            final=file.final_settings(),
            storage=f"sqlite:///{folder}/studies.db",
        )
        study.run(arguments.trials, on_progress=lambda progress: None)
        import_keras_quietly()  # takes seconds, which would count for the first call only
        seconds: dict[int | str, list[float]] = {1: [], "auto": []}
        scores: dict[int | str, list[float]] = {}
        for _ in range(arguments.repeats):
            for workers, times in seconds.items():
                shutil.rmtree(Path("runs") / "timed", ignore_errors=True)
                started = time.perf_counter()
                winner = study.best(
                    arguments.top,
                    arguments.seeds,
                    out=f"{folder}/best-{time.monotonic_ns()}.keras",  # so that it is made anew
                    workers=workers,
                    on_progress=_ignore,
                )
                times.append(time.perf_counter() - started)
                scores[workers] = winner.test_scores
        shutil.rmtree(Path("runs") / "timed", ignore_errors=True)
    print("| workers | seconds, median | test scores of the members |")
    print("| --- | --- | --- |")
    for workers, times in seconds.items():
        print(f"| {workers} | {statistics.median(times):.1f} | {scores[workers]} |")
    ratio = statistics.median(seconds[1]) / statistics.median(seconds["auto"])
    print(f"\nIn parallel it is {ratio:.2f} times as fast.")


def _ignore(progress: FinalProgress) -> None:
    """Show nothing."""


if __name__ == "__main__":
    main()
