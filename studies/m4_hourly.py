"""Write the hourly series of the M4 competition in long form, m4_hourly.csv.

python studies/m4_hourly.py [FOLDER]    # of Hourly-train.csv and Hourly-test.csv; default: studies
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd


def in_long_form(train: pd.DataFrame, test: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each value: id, time and y.

    Args:
        train, test: one row for each series, its id in the first column; its values follow from the
            left. Row i of `test` continues row i of `train`.

    Returns:
        Time 0 is the last value of the training table.
    """
    series = []
    for number, name in enumerate(train.iloc[:, 0]):
        known = train.iloc[number, 1:].dropna().astype(float).to_list()
        later = test.iloc[number, 1:].dropna().astype(float).to_list()
        times = range(1 - len(known), len(later) + 1)
        series.append(pd.DataFrame({"id": name, "time": times, "y": known + later}))
    return pd.concat(series, ignore_index=True)


def main() -> None:
    folder = Path(__file__).parent
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
    tables = [pd.read_csv(folder / f"Hourly-{part}.csv") for part in ("train", "test")]
    in_long_form(*tables).to_csv(folder / "m4_hourly.csv", index=False)


if __name__ == "__main__":
    main()
