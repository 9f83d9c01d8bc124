"""`tcn-search run`: launch a study, or continue it."""

from __future__ import annotations

import argparse
import json
import math
import shlex
import time
from typing import TYPE_CHECKING

from tcn_search.cli.data_options import add_data_arguments, data_options
from tcn_search.cli.executor_options import add_executor_arguments, read_executor
from tcn_search.cli.output import print_text, printable, read_workers, require_option
from tcn_search.cli.process_setup import stop_on_sigterm
from tcn_search.cli.study_argument import add_storage_argument, study_name
from tcn_search.errors import InputError
from tcn_search.text import counted, minutes

if TYPE_CHECKING:
    from tcn_search.study.study import Study
    from tcn_search.study.study_file import StudyFile


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `run`."""
    parser.add_argument(
        "study",
        metavar="STUDY.toml|DATA",
        help="a study file; or data, for a study of defaults: an .npz with X_train and y_train, "
        "a .csv, a .tsv or a .ts",
    )
    add_data_arguments(parser)
    parser.add_argument(
        "--trials",
        type=int,
        metavar="N",
        help="number of finished trials at which the study ends",
    )
    parser.add_argument(
        "--timeout",
        metavar="TIME",
        help="end after this time: 90s, 30m, 2h; trials in training are pruned then",
    )
    parser.add_argument(
        "--patience",
        type=int,
        metavar="N",
        help="start no further trial after N finished trials without a better score",
    )
    parser.add_argument(
        "--from",
        dest="start_from",
        metavar="STUDY",
        help="begin a new study with the best trials of this study: a name, or its study file",
    )
    parser.add_argument(
        "--workers",
        default="auto",
        metavar="N",
        help="trials at the same time (default: auto, one per core up to 8, or one per GPU)",
    )
    parser.add_argument(
        "--workers-per-gpu",
        type=int,
        default=1,
        metavar="N",
        help="trials on each GPU at the same time (default: 1)",
    )
    add_executor_arguments(parser)
    parser.add_argument(
        "--backend",
        metavar="NAME",
        help="tensorflow, jax or torch (default: that of the study; "
        "for a new study, chosen for the machine)",
    )
    parser.add_argument(
        "--engine",
        choices=("optuna", "keras-tuner"),
        help="the library that proposes the trials (default: that of the study file's sampler)",
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
        help="train each trial K times, each time with another fold held out "
        "(default: that of the study file)",
    )
    parser.add_argument(
        "--trial-timeout",
        metavar="TIME",
        help="end a trial after this time, all folds together: 10m",
    )
    parser.add_argument(
        "--allow-changes",
        action="store_true",
        help="continue although the study file, the data or a version has changed since the study "
        "was created; the change is recorded",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="replace a value of the study file: training.epochs=5",
    )
    add_storage_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the study until it has enough finished trials; print progress and the best trial."""
    import optuna

    from tcn_search.cli.progress import show_progress
    from tcn_search.study.study_file import seconds

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if arguments.tuner and arguments.engine != "keras-tuner":
        raise InputError(
            f"--tuner goes with --engine keras-tuner. Received: --tuner {arguments.tuner}"
        )
    file = _read_study_file(arguments)
    timeout = seconds("--timeout", arguments.timeout)
    trial_timeout = seconds("--trial-timeout", arguments.trial_timeout) or file.trial_timeout
    trials = file.trials if arguments.trials is None else arguments.trials
    require_option("trials", trials)
    patience = file.patience if arguments.patience is None else arguments.patience
    if patience is not None:
        require_option("patience", patience)
    workers = read_workers(arguments.workers)
    require_option("workers_per_gpu", arguments.workers_per_gpu)
    executor = read_executor(arguments)
    if executor is not None and arguments.workers_per_gpu != 1:
        raise InputError(
            "--workers-per-gpu is for processes of this machine. With --executor ray, give "
            f"--gpus-per-trial {math.floor(10_000 / arguments.workers_per_gpu) / 10_000:g}"
        )
    study = _study_of(arguments, file)
    _print_beginning(study)
    slots = None
    if executor is None:
        slots = study.crew(workers, arguments.workers_per_gpu, trials)
    is_finished = study.finished >= trials
    if is_finished:
        print_text(
            f"{study.finished} trials are finished already. "
            f"--trials {study.finished + 10} would go on."
        )
    elif slots is not None:  # a cluster says what it has when it is connected
        print_text(str(slots))
    started = time.monotonic()
    stop_on_sigterm()
    try:
        with show_progress() as display:
            if not is_finished:
                display.step("starting the workers; the first trial takes some seconds longer")
            study.run(
                trials,
                timeout=timeout,
                workers=slots or "auto",
                executor=executor,
                trial_timeout=trial_timeout,
                patience=patience,
                on_progress=display.on_trial,
            )
    except KeyboardInterrupt:
        print(f"\nStopped after {study.finished} finished trials. The same command continues.")
        raise
    _print_end(study, arguments, time.monotonic() - started)
    return 0


def _read_study_file(arguments: argparse.Namespace) -> StudyFile:
    """Read the study file with the values that the options replace."""
    from tcn_search.study.study_file import parse_change, read_study_file

    changes = dict(map(parse_change, arguments.set))
    if arguments.folds is not None:
        changes["search.folds"] = arguments.folds
    for name, value in data_options(arguments).items():
        changes[f"task.{name}"] = value
    file = read_study_file(arguments.study, changes)
    sampler = _sampler_of_engine(arguments, file.search.sampler)
    if sampler != file.search.sampler:
        file = read_study_file(arguments.study, {**changes, "search.sampler": sampler})
    return file


def _study_of(arguments: argparse.Namespace, file: StudyFile) -> Study:
    """Create the study of a study file, or find the one that is to be continued."""
    from tcn_search.study.creation import definition_in
    from tcn_search.study.study import Study

    start_from = arguments.start_from
    if start_from is not None:
        start_from = study_name(start_from)
    task = file.load_task()
    stored = definition_in(arguments.storage, file.name)
    return Study(
        file.name,
        task,
        space=file.space,
        constraints=file.constraints,
        training=file.training_settings(task, stored),
        search=file.search,
        backend=arguments.backend,
        allow_changes=arguments.allow_changes,
        storage=arguments.storage,
        start_from=start_from,
        model_fn=file.model_fn,
        final=file.final_settings(stored),
    )


def _sampler_of_engine(arguments: argparse.Namespace, sampler: str) -> str:
    """Return the sampler that --engine and --tuner ask for.

    Args:
        arguments: of the command line.
        sampler: that of the study file, which is kept if it belongs to the engine.
    """
    from tcn_search.search.samplers import KERAS_TUNER

    if arguments.tuner:
        return f"keras-tuner:{arguments.tuner}"
    if arguments.engine is None or (arguments.engine == "keras-tuner") == (sampler in KERAS_TUNER):
        return sampler
    return "keras-tuner:hyperband" if arguments.engine == "keras-tuner" else "tpe"


def _print_beginning(study: Study) -> None:
    """Print the task, the space and the notes of the study."""
    task = study.task
    print_text(
        f"{study.name}: {printable(task.inferred)}; {len(task.train)} training, "
        f"{len(task.validation)} validation sequences"
    )
    print_text(task.shape)
    for note in task.notes:
        print_text(printable(note))
    print_text(study.definition.task_space().describe())
    for note in study.results.notes:
        print_text(note)


def _print_end(study: Study, arguments: argparse.Namespace, spent: float) -> None:
    """Print the best trial and the commands that come next.

    Args:
        study: after its run.
        arguments: of the command line.
        spent: duration of the run, in seconds.
    """
    from tcn_search.search.receptive_field_text import receptive_field_text
    from tcn_search.study.study_values import best_record, configuration_of, score_of

    results = study.snapshot()
    if study.ended_early:
        print_text(f"\nended early: {study.ended_early}")
    best = best_record(results)
    if best is None:
        count = counted(results.finished, "trial")
        print(f"{count} in {minutes(spent)}, none of them complete.")
        return
    print(f"\n{counted(results.finished, 'trial')} finished, {minutes(spent)}")
    print_text(f"best: {score_of(results, best)}, trial {best.number}")
    print_text(configuration_of(results, best), indent=4)
    print_text(receptive_field_text(study.definition, best.built), indent=4)
    _print_ties(study)
    if results.best_trial_note:
        print_text(results.best_trial_note, indent=4)
    what = "train the best trials again and save a model"
    if study.task.test is not None:
        what += ", scored on the test split"
    print(f"next: {_command('best', study.name, arguments.storage)}")
    print_text(what, indent=10)
    print(f"      {_command('report', study.name, arguments.storage)}")
    print_text("write table, figures and a page", indent=10)


def _command(name: str, study: str, storage: str | None) -> str:
    """Return a command on a study, quoted for a shell, with the storage if it was given."""
    from tcn_search.storage.urls import HIDDEN, shown_url

    words = shlex.join(["tcn-search", name, study])
    if not storage:
        return words
    shown = shown_url(storage)
    rest = shown.replace(HIDDEN, "")  # the user fills in the password and the options
    if shlex.quote(rest) != rest:
        shown = shlex.quote(shown)
    return f"{words} --storage {shown}"


def _print_ties(study: Study) -> None:
    """Print how many trials share the best score, and a study that could rank them."""
    from tcn_search.search.ranking import VALIDATION_LOSS

    trials = study.trials()
    best = trials[(trials["ended"] == "complete") & (trials["score"] == study.best_score)]
    split = study.task.split
    can_have_folds = split is not None and split.how != "time"
    if len(best) > 1 and study.definition.search.folds == 1 and can_have_folds:
        new_name = f"name={_as_toml(f'{study.name}_5')}"
        options = shlex.join(["--folds", "5", "--set", new_name])
        text = (
            f"{len(best)} trials have this score: {len(study.task.validation)} validation "
            f"sequences cannot rank them. A study with {options} could."
        )
        if study.definition.objective.name != VALIDATION_LOSS:
            text += " The best of them is the one with the lowest validation loss."
        print_text(text, indent=4)


def _as_toml(text: str) -> str:
    """Return a text as --set reads it: quoted if it would be read as another type, such as 1_5."""
    from tcn_search.study.study_file import parse_change

    is_read_as_text = parse_change(f"name={text}")[1] == text
    return text if is_read_as_text else json.dumps(text, ensure_ascii=False)
