"""`tcn-search run`: launches a study, or continues it."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import time
from typing import TYPE_CHECKING

from tcn_search.cli.data_options import add_data_arguments, data_options
from tcn_search.cli.find_study import add_storage_argument, name_of
from tcn_search.cli.output import printable, require_option, shortened
from tcn_search.cli.quiet import import_keras_quietly
from tcn_search.errors import InputError
from tcn_search.limits import most

if TYPE_CHECKING:
    from tcn_search.study.study import Study


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "study",
        metavar="STUDY.toml",
        help="a study file; or, for a study of defaults, data: an .npz with X_train and y_train, a .csv, a .tsv "
        "or a .ts",
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="finished trials that the study shall have in the end",
    )
    parser.add_argument(
        "--timeout", metavar="TIME", help="start no further trial after this time: 90s, 30m, 2h"
    )
    parser.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="start no further trial after N finished ones without a better score",
    )
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="STUDY",
        help="a new study begins with the best trials of this one: a name, or its study file",
    )
    parser.add_argument(
        "--workers",
        default="auto",
        metavar="N",
        help="trials at the same time (default: auto, one a core up to 8, or one a GPU)",
    )
    parser.add_argument(
        "--workers-per-gpu",
        type=int,
        default=1,
        metavar="N",
        help="trials on each GPU at the same time (default: 1)",
    )
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="tensorflow, jax or torch (default: the study's own; of a new one what suits the machine)",
    )
    parser.add_argument(
        "--engine",
        choices=("optuna", "keras-tuner"),
        help="who proposes the trials (default: as the study file's sampler says)",
    )
    parser.add_argument(
        "--tuner",
        choices=("random", "bayesian", "hyperband"),
        help="KerasTuner's search, with --engine keras-tuner (default: hyperband)",
    )
    parser.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="train each trial K times, each time with another part held out (default: as the study file says)",
    )
    parser.add_argument(
        "--trial-timeout",
        metavar="TIME",
        help="end a trial after this time, all folds together: 10m",
    )
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="go on though the study file, the data or a version is not what the study was made with; recorded",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value in place of the file's: training.epochs=5",
    )
    parser.add_argument(
        "--data-dir",
        metavar="DIR",
        help="where downloaded data is, or is put (default: $TCN_SEARCH_DATA, else the user's cache directory)",
    )
    add_storage_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    import optuna

    from tcn_search.cli.progress import show_progress
    from tcn_search.study.study import Study
    from tcn_search.study.study_file import parse_change, read_study_file, seconds
    from tcn_search.workers.backends import use_backend

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if arguments.tuner and arguments.engine != "keras-tuner":
        raise InputError(
            f"--tuner goes with --engine keras-tuner. Received: --tuner {arguments.tuner}"
        )
    changes = dict(map(parse_change, arguments.set))
    if arguments.folds is not None:
        changes["search.folds"] = arguments.folds
    changes |= {f"task.{name}": value for name, value in data_options(arguments).items()}
    file = read_study_file(arguments.study, changes)
    sampler = _sampler_of_engine(arguments, file.search.sampler)
    if sampler != file.search.sampler:
        file = read_study_file(arguments.study, {**changes, "search.sampler": sampler})
    timeout = seconds("--timeout", arguments.timeout)
    trial_timeout = seconds("--trial-timeout", arguments.trial_timeout) or file.trial_timeout
    trials = file.trials if arguments.trials is None else arguments.trials
    require_option("trials", trials)
    patience = file.patience if arguments.patience is None else arguments.patience
    if patience is not None:
        require_option("patience", patience)
    workers = _workers(arguments.workers)
    require_option("workers_per_gpu", arguments.workers_per_gpu)
    task = file.load_task()
    study = Study(
        file.name,
        task,
        file.space,
        file.constraints,
        file.training_settings(task),
        file.search,
        backend=arguments.backend,
        allow_changes=arguments.allow_changes,
        storage=arguments.storage,
        start_from=None if arguments.start_from is None else name_of(arguments.start_from),
        model_fn=file.model_fn,
    )
    print(
        f"{study.name}: {printable(task.inferred)}; {len(task.train)} training, "
        f"{len(task.validation)} validation sequences"
    )
    print(task.shape)
    for note in task.notes:
        print(printable(note))
    print(study.definition.task_space().describe())
    for line in study.results.notes:
        print(line, flush=True)
    crew = study.crew(workers, arguments.workers_per_gpu, trials)
    if study.finished >= trials:
        print(
            f"{study.finished} trials are finished already. --trials {study.finished + 10} would go on."
        )
    else:
        print(crew, flush=True)
    if (
        study.definition.search.is_keras_tuner
    ):  # which imports Keras here too; the device is the workers'
        use_backend(study.definition.backend)
        import_keras_quietly(make_tensor=False)
    started = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a cluster's "stop" is a Ctrl-C
    try:
        with show_progress() as on_progress:
            study.run(
                trials,
                timeout=timeout,
                workers=crew,
                trial_timeout=trial_timeout,
                patience=patience,
                on_progress=on_progress,
            )
    except KeyboardInterrupt:
        print(f"\nStopped after {study.finished} finished trials. The same command continues.")
        raise
    _print_end(study, arguments, time.monotonic() - started)
    return 0


def _sampler_of_engine(arguments: argparse.Namespace, sampler: str) -> str:
    """The sampler that --engine and --tuner ask for; the study file's own where it belongs to that engine."""
    from tcn_search.search.samplers import KERAS_TUNER

    if arguments.tuner:
        return f"keras-tuner:{arguments.tuner}"
    if arguments.engine is None or (arguments.engine == "keras-tuner") == (sampler in KERAS_TUNER):
        return sampler
    return "keras-tuner:hyperband" if arguments.engine == "keras-tuner" else "tpe"


def _workers(text: str) -> int | str:
    if text == "auto":
        return text
    if not text.isdecimal() or not text.strip("0"):
        raise InputError(f"--workers must be auto or at least 1. Received: {shortened(text)}")
    if len(text) > 4300:  # more digits than Python reads
        raise InputError(
            f"--workers must be at most {most('workers'):,}. Received: {len(text):,} digits"
        )
    require_option("workers", int(text))
    return int(text)


def _print_end(study: Study, arguments: argparse.Namespace, spent: float) -> None:
    from tcn_search.search.progress import minutes

    if study.ended_early:
        print(f"\nended early: {study.ended_early}")
    if study.best_trial is None:
        print(f"{study.finished} trials in {minutes(spent)}, none of them complete.")
        return
    architecture = study.best_architecture
    print(f"\n{study.finished} trials finished, {minutes(spent)}")
    print(f"best: {study.definition.score_name} {study.best_score:.4g}, trial {study.best_trial}")
    print(f"      {architecture}")
    print(
        f"      receptive field {architecture.receptive_field:,}, required context "
        f"{architecture.steps_of(study.definition.required_context):,}, sequence length "
        f"{architecture.steps_of(study.definition.spec.seq_len):,}"
    )
    _print_ties(study)
    best, report = (_command(name, study.name, arguments.storage) for name in ("best", "report"))
    print(f"next: {best}     trains it again over seeds and scores it on the test split")
    print(f"      {report}   writes table and figures")


def _command(name: str, study: str, storage: str | None) -> str:
    """A command as a shell takes it, whatever the study is called; with the storage if it was given."""
    from tcn_search.storage.urls import HIDDEN, shown_url

    words = shlex.join(["tcn-search", name, study])
    if not storage:
        return words
    shown = shown_url(storage)
    rest = shown.replace(HIDDEN, "")  # the user fills in the password and the options
    return f"{words} --storage {shown if shlex.quote(rest) == rest else shlex.quote(shown)}"


def _print_ties(study: Study) -> None:
    """That the best score is shared, and what would tell those trials apart."""
    trials = study.trials()
    best = trials[(trials["ended"] == "complete") & (trials["score"] == study.best_score)]
    split = study.task.split
    if (
        len(best) > 1
        and study.definition.search.folds == 1
        and split is not None
        and split.how != "time"
    ):
        change = shlex.join(["--folds", "5", "--set", f"name={_as_toml(f'{study.name}_5')}"])
        print(
            f"      {len(best)} trials have this score: {len(study.task.validation)} validation sequences cannot rank "
            f"them. A study with {change} could."
        )


def _as_toml(text: str) -> str:
    """A text as --set reads it: in quotes where it would be read as something else, such as 1_5."""
    from tcn_search.study.study_file import parse_change

    bare = parse_change(f"name={text}")[1] == text
    return text if bare else json.dumps(text, ensure_ascii=False)
