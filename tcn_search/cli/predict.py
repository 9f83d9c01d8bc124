"""`tcn-search predict`: predictions of a saved winner on new data."""

from __future__ import annotations

import argparse
from pathlib import Path

from tcn_search.cli.quiet import import_keras_quietly
from tcn_search.errors import InputError
from tcn_search.workers.backends import resolve_backend, use_backend


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL.keras", help="a model saved by `tcn-search best`")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="an .npz with X or X_test (n, T, C), and lengths if they differ; or a .csv or .ts as for training; or "
        "a .txt for a model of words",
    )
    parser.add_argument(
        "--import",
        dest="code",
        metavar="FILE.py",
        help="import this first: the file with layers of your own that the model has",
    )
    parser.add_argument("--out", metavar="FILE.csv", help="where to write (default: standard output)")


def run(arguments: argparse.Namespace) -> int:
    from tcn_search.tasks.files import read_new_data
    from tcn_search.tasks.word_ptb import read_new_text

    if not Path(arguments.model).is_file():
        raise InputError(f"There is no model file {arguments.model}.")
    data = Path(arguments.data)
    X = None if data.name.endswith((".txt", ".txt.gz")) else read_new_data(data)
    use_backend(resolve_backend("auto"))
    import_keras_quietly()
    from tcn_search.models.build import load_model
    from tcn_search.models.predict import predict, vocabulary_of

    if arguments.code is not None:
        from tcn_search.models.model_function import import_file

        import_file(arguments.code)
    model = load_model(arguments.model)
    frame = predict(model, read_new_text(data, vocabulary_of(model)) if X is None else X)
    if arguments.out is None:
        print(frame.to_csv(index=False), end="")
        return 0
    try:
        frame.to_csv(arguments.out, index=False)
    except OSError as error:
        raise InputError(f"The predictions cannot be written to {arguments.out}: {error}") from error
    print(f"wrote {len(frame)} predictions to {arguments.out}")
    return 0
