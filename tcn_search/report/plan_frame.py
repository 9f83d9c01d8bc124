"""The plan as a data frame."""

from __future__ import annotations

from functools import wraps
from typing import Any

import pandas as pd

from tcn_search.planning.plan import PlannedRow, plan_rows


@wraps(plan_rows, assigned=("__module__",))
def plan(seq_len: int, **options: Any) -> pd.DataFrame:
    """The architectures that cover `seq_len` steps without blind spots, cheapest first: one row each.

    Columns are those of `PlannedRow`; an empty frame where nothing suffices. See `plan_rows` for the
    arguments.

    Raises:
        InputError: names the argument, the rule and the value received.

    >>> plan(784, kernel_size="6-8", levels="7-9").columns[:3].tolist()
    ['nb_filters', 'kernel_size', 'dilations']
    """
    return pd.DataFrame(plan_rows(seq_len, **options).rows, columns=list(PlannedRow._fields))
