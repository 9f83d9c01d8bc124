"""Tables of trials and comparisons as files, and in LaTeX."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from tcn_search.atomic_files import replacing
from tcn_search.baselines.contender_names import title
from tcn_search.errors import InputError
from tcn_search.settings import SEARCHABLE

TABLE_FORMATS = {".csv": "csv", ".parquet": "parquet", ".tex": "latex"}
# Columns of a table of trials in a paper, where the study has them, and their headings.
_OF_TRIALS = {
    "trial": "trial",
    "score": "score",
    "receptive_field": "receptive field",
    "parameters": "parameters",
    "nb_filters": "filters",
    "kernel_size": "kernel size",
    "dilations": "dilations",
    "nb_stacks": "stacks",
    "norm": "norm",
    "readout": "readout",
}
_DIGITS = 4


def write_trials(trials: pd.DataFrame, path: str | Path, caption: str) -> None:
    """Write a table of trials, in the format of the file's ending: .csv, .parquet or .tex.

    Args:
        trials: `Study.trials()`.
        caption: of a LaTeX table.

    Raises:
        InputError: another ending, pyarrow is not installed, or the file cannot be written.
    """
    path = Path(path)
    name = TABLE_FORMATS.get(path.suffix.lower())
    if name is None:
        raise InputError(f"A table must end in .csv, .parquet or .tex. Received: {path}")
    if name == "parquet" and find_spec("pyarrow") is None:
        raise InputError("A .parquet needs pyarrow. pip install 'tcn-search[parquet]'")
    with replacing(path) as part:
        if name == "csv":
            trials.to_csv(part, index=False)
        elif name == "parquet":
            _of_one_type(trials).to_parquet(part, index=False)
        else:
            part.write_text(latex_of_trials(trials, caption), encoding="utf-8")


def _of_one_type(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose columns of several types, such as lists beside numbers, are text."""
    frame = frame.copy()
    for name in frame.columns:
        column = frame[name]
        if column.dtype == object and len({type(value) for value in column.dropna()}) > 1:
            frame[name] = column.map(str, na_action="ignore")
    return frame


def latex_of_trials(trials: pd.DataFrame, caption: str) -> str:
    r"""Return a LaTeX table of trials, for a document with \usepackage{booktabs}.

    Args:
        trials: `Study.trials()`, or some of its rows.
        caption: of the table.
    """
    columns = [*_OF_TRIALS, *SEARCHABLE]
    known = [name for name in columns if name in trials]
    chosen = trials[known].convert_dtypes()  # numbers of steps stay whole beside missing ones
    chosen = chosen.rename(columns=lambda name: _OF_TRIALS.get(name, name))
    return _latex(chosen.rename(columns=lambda name: name.replace("_", " ")), caption)


def latex_of_comparison(frame: pd.DataFrame, metric: str, caption: str) -> str:
    r"""Return a LaTeX table of a comparison, for a document with \usepackage{booktabs}.

    Args:
        frame: `Comparison.frame()`.
        metric: of its values.
        caption: of the table.
    """
    table = pd.DataFrame({"contender": frame["contender"].map(title)})
    for split in ("validation", "test"):
        if frame[split].notna().any():
            table[f"{split} {metric}".replace("_", " ")] = [
                _with_spread(value, spread)
                for value, spread in zip(frame[split], frame[f"{split}_spread"], strict=True)
            ]
    table["seeds"] = frame["seeds"].astype("Int64")
    table["parameters"] = frame["parameters"]
    if "against_tcn" in frame:
        table["against TCN"] = frame["against_tcn"].fillna("")
    return _latex(table, caption)


def _with_spread(value: float, spread: float) -> str:
    """Return a mean with its standard deviation, which has two significant digits; "" for NaN.

    >>> _with_spread(0.91234, 0.0123), _with_spread(0.5, float("nan"))
    ('0.912 ± 0.012', '0.5')
    >>> _with_spread(2.13e-4, 3.1e-5), _with_spread(1234.5, 67.8), _with_spread(0.75, 0.0)
    ('0.000213 ± 0.000031', '1234 ± 68', '0.75 ± 0')
    """
    if pd.isna(value):
        return ""
    if pd.isna(spread):
        return f"{value:.{_DIGITS}g}"
    if not spread:
        return f"{value:.{_DIGITS}g} ± 0"
    exponent = int(f"{spread:.1e}".partition("e")[2])
    decimals = max(0, 1 - exponent)
    return f"{value:.{decimals}f} ± {spread:.{decimals}f}"


def _latex(frame: pd.DataFrame, caption: str) -> str:
    text: str = frame.to_latex(
        index=False,
        escape=True,
        na_rep="",
        float_format=lambda value: f"{value:.{_DIGITS}g}",
        caption=_escaped(caption),
        position="tb",
    )
    return text.replace("±", r"$\pm$")


def _escaped(text: str) -> str:
    r"""Return text with LaTeX's own characters escaped, as pandas escapes cells.

    >>> print(_escaped("my_data & 50%"))
    my\_data \& 50\%
    """
    return "".join(f"\\{character}" if character in "&%$#_{}" else character for character in text)
