"""`tcn-search predict`: predict new data with a saved winner."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tcn_search.cli.data_options import add_model_arguments, add_model_data_arguments
from tcn_search.cli.files import load_saved_model, require_model_file, write_frame
from tcn_search.cli.output import printable
from tcn_search.errors import InputError
from tcn_search.formats.file_names import file_format

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from tcn_search.tasks.new_data import NewData


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `predict`."""
    add_model_arguments(parser)
    parser.add_argument(
        "data",
        metavar="DATA",
        help="an .npz with X or X_test (n, T, C), and lengths if they differ; "
        "or a .csv, .tsv or .ts as for training; or a .txt for a model of words; "
        "or a .wav, or a folder of them, for a model of recordings",
    )
    add_model_data_arguments(
        parser,
        "column of a table that is not an input, for a model without stored column names",
    )
    parser.add_argument(
        "--out", metavar="FILE.csv", help="where to write (default: standard output)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the predictions, or write them to a file."""
    from tcn_search.tasks.new_data import read_new_data

    require_model_file(arguments.model)
    data = Path(arguments.data)
    are_recordings = os.path.isdir(data) or data.suffix.lower() == ".wav"
    is_text = data.name.lower().endswith((".txt", ".txt.gz"))
    # How a text, a table or recordings are read depends on the model, which takes seconds to load.
    # Arrays do not, so errors in them are reported before that.
    X = None
    if not (are_recordings or is_text or file_format(data) in ("table", "parquet")):
        X = read_new_data(data, axes=arguments.axes).X
    elif not os.path.exists(data):
        raise InputError(f"There is no file {data}.")
    model = load_saved_model(arguments.model, arguments.code)
    from tcn_search.models.predict import predict

    note = ""
    if are_recordings:
        frame, note = _predict_recordings(model, data)
    else:
        new = None
        if X is None:
            new, note = _read_text_or_table(model, data, arguments)
            X = new.X
        frame = predict(model, X)
        if new is not None and new.windows is not None:
            frame = new.windows.table_in_units(frame)
    for line in note.splitlines():
        print(printable(line), file=sys.stderr)
    write_frame(frame, arguments.out, "The predictions", "predictions")
    return 0


def _predict_recordings(model: keras.Model, data: Path) -> tuple[pd.DataFrame, str]:
    """Predict a .wav file or each one in a folder.

    Returns:
        One row for each file, with its name in the column file; and a note on the files left out.
    """
    from tcn_search.models.predict import predict, recordings_of, standardize_layer
    from tcn_search.tasks.builtin.wav_folder import read_new_recordings

    recordings = read_new_recordings(
        data,
        recordings_of(model),
        steps=model.input_shape[1],
        ragged=standardize_layer(model).ragged,
    )
    frame = predict(model, recordings.X).drop(columns="sequence")
    frame.insert(0, "file", recordings.names)
    return frame, recordings.note


def _read_text_or_table(
    model: keras.Model, data: Path, arguments: argparse.Namespace
) -> tuple[NewData, str]:
    """Read a text or a table as the model's training data was read.

    Returns:
        The sequences, and notes on what was ignored or converted.
    """
    from tcn_search.models.predict import table_of, vocabulary_of
    from tcn_search.tasks.builtin.word_ptb import read_new_text
    from tcn_search.tasks.new_data import NewData, read_new_data
    from tcn_search.tasks.tables import ignored_note

    if file_format(data) not in ("table", "parquet"):
        return NewData(read_new_text(data, vocabulary_of(model))), ""
    table = read_new_data(
        data,
        table_of(model),
        arguments.target,
        arguments.time,
        look_back=model.input_shape[1],
    )
    notes = [ignored_note(data, table.ignored)]
    if table.windows is not None:
        notes += table.windows.notes
    return table, "\n".join(note for note in notes if note)
