"""Return a plan as a data frame."""

from __future__ import annotations

from functools import wraps
from typing import Any

import pandas as pd

from tcn_search.planning.plan import PlannedRow, plan_rows


@wraps(plan_rows, assigned=())
def plan(seq_len: int, **options: Any) -> pd.DataFrame:
    """Return the architectures that cover `seq_len` steps without blind spots, cheapest first.

    With the readouts "average", "max" and "flatten" the output sees every step, so one step of the
    TCN may see any number of them unless `required_context` is given.

    Args:
        seq_len: steps of the sequences.
        options: keyword arguments of `plan_rows`.

    Returns:
        One row for each architecture, with the fields of `PlannedRow` as columns; an empty frame if
        no architecture in the ranges suffices.

    Raises:
        InputError: names the argument, the rule and the value received.

    >>> plan(784, kernel_size="6-8", levels="7-9").columns[:3].tolist()
    ['nb_filters', 'kernel_size', 'dilations']
    """
    return pd.DataFrame(plan_rows(seq_len, **options).rows, columns=list(PlannedRow._fields))
