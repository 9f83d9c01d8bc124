"""The step of time between rows, and the number of each row's step: fixed or by the calendar."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tcn_search.text import counted

_FEWEST_FOR_CALENDAR = 3  # times from which pandas infers a step
_BUSINESS_DAYS_SEEN = 10  # from which days without a weekend are no accident
_UNITS = (("D", 86_400, "day"), ("h", 3_600, "hour"), ("min", 60, "minute"), ("s", 1, "second"))
_CALENDAR_WORDS = {"MS": "month", "ME": "month", "QS": "quarter", "QE": "quarter", "YS": "year",
                   "YE": "year", "B": "business day", "M": "month", "Q": "quarter"}  # fmt: skip


@dataclass(frozen=True)
class TimeSteps:
    """A step of time, and the time at which steps are counted from.

    Attributes:
        origin: time of step 0: a time without zone, or a number.
        frequency: step in pandas' words, such as "h", "D" or "MS"; where times are numbers, the
            number as text.
        zone: time zone of the series; "" where there is none.
        is_local: whether times are those of clocks in `zone`, for steps of days and more; else they
            are in UTC where there is a zone.
        rounding: to which times that are numbers were written.
    """

    origin: pd.Timestamp | float
    frequency: str
    zone: str = ""
    is_local: bool = False
    rounding: float = 0.0

    @property
    def is_numeric(self) -> bool:
        """Whether times are numbers."""
        return not isinstance(self.origin, pd.Timestamp)

    def times(self, first: int, count: int) -> pd.Index:
        """Return the times of `count` steps from the step `first` on, 0 or later."""
        if self.is_numeric:
            step = float(self.frequency)
            numbers = self.origin + step * np.arange(first, first + count)
            if float(self.origin).is_integer() and step.is_integer():
                return pd.Index(numbers.astype("int64"))
            return pd.Index(numbers)
        fixed = fixed_step(self.frequency)
        if fixed is not None:
            start = self.origin + first * fixed
            return pd.date_range(start, periods=count, freq=fixed)
        return pd.date_range(self.origin, periods=first + count, freq=self.frequency)[first:]

    def on_grid(self, time: pd.Timestamp) -> pd.Timestamp:
        """Return a time as times of steps are: without a zone; without one, it is local."""
        if self.zone and time.tz is None:
            time = time.tz_localize(self.zone, ambiguous=True, nonexistent="shift_forward")
        if time.tz is None:
            return time
        in_zone = time.tz_convert(self.zone or "UTC")
        return (in_zone if self.is_local else in_zone.tz_convert("UTC")).tz_localize(None)

    def zoned(self, times: pd.Index) -> pd.Index:
        """Return times of steps with their time zone, if there is one."""
        if not self.zone or not isinstance(times, pd.DatetimeIndex):
            return times
        if self.is_local:
            ambiguous = np.ones(len(times), bool)
            return times.tz_localize(self.zone, ambiguous=ambiguous, nonexistent="shift_forward")
        return times.tz_localize("UTC").tz_convert(self.zone)

    def local(self, times: pd.Index) -> pd.DatetimeIndex:
        """Return times of steps as those of the clocks in the time zone."""
        assert isinstance(times, pd.DatetimeIndex)
        zoned = self.zoned(times)
        assert isinstance(zoned, pd.DatetimeIndex)
        return zoned.tz_localize(None)

    def positions(self, times: pd.Index) -> np.ndarray:
        """Return the step (n,) of each time; −1 for a time before step 0 or between two steps."""
        if self.is_numeric:
            steps = (times.to_numpy("float64") - self.origin) / float(self.frequency)
            rounded = np.round(steps)
            tolerance = 1e-3 + 2 * self.rounding / float(self.frequency)
            on_grid = np.abs(steps - rounded) <= tolerance
        else:
            fixed = fixed_step(self.frequency)
            if fixed is None:
                return self._calendar_positions(times)
            steps = (times - self.origin).to_numpy() / fixed.to_numpy()
            rounded = np.round(steps)
            on_grid = steps == rounded
        return np.where(on_grid & (rounded >= 0), rounded, -1).astype("int64")

    def _calendar_positions(self, times: pd.Index) -> np.ndarray:
        last = max(times.max(), self.origin)
        grid = pd.date_range(self.origin, last, freq=self.frequency)
        return np.asarray(grid.get_indexer(times), dtype="int64")

    @property
    def in_words(self) -> str:
        """The step in words, such as "1 hour"."""
        if self.is_numeric:
            return f"{float(self.frequency):g}"
        fixed = fixed_step(self.frequency)
        if fixed is not None:
            seconds = fixed.total_seconds()
            for _, size, word in _UNITS:
                if seconds % size == 0:
                    return counted(round(seconds / size), word)
            return str(fixed)
        offset = pd.tseries.frequencies.to_offset(self.frequency)
        name = offset.rule_code.split("-")[0]
        if name not in _CALENDAR_WORDS:
            return self.frequency
        return counted(offset.n, _CALENDAR_WORDS[name])


def is_number(frequency: str) -> bool:
    """Return whether a step is one between numbers.

    >>> is_number("0.5"), is_number("MS")
    (True, False)
    """
    try:
        float(frequency)
    except ValueError:
        return False
    return True


def fixed_step(frequency: str) -> pd.Timedelta | None:
    """Return the length of a step in pandas' words; None if it depends on the calendar.

    >>> fixed_step("15min"), fixed_step("MS")
    (Timedelta('0 days 00:15:00'), None)
    """
    offset = pd.tseries.frequencies.to_offset(frequency)
    if isinstance(offset, pd.offsets.Week):
        return pd.Timedelta(days=7 * offset.n)
    if isinstance(offset, pd.offsets.Day):
        return pd.Timedelta(days=offset.n)
    if isinstance(offset, pd.offsets.Tick):
        return pd.Timedelta(offset)
    return None


def infer_steps(times: pd.Index, spacings: np.ndarray, rounding: float = 0.0) -> TimeSteps:
    """Return the step of time of different, ascending times.

    It is the step that pandas infers for times without gaps; else the most frequent spacing, or
    business days or months, which the times need not fill.

    Args:
        times: times of all series, without a zone, or numbers.
        spacings: differences of successive times within a series.
        rounding: to which numbers were written.
    """
    origin = times[0]
    if not len(spacings):
        return TimeSteps(origin, "1" if not isinstance(times, pd.DatetimeIndex) else "D")
    sizes, counts = np.unique(spacings, return_counts=True)
    common = sizes[np.argmax(counts)]
    if not isinstance(times, pd.DatetimeIndex):
        step = _numeric_step(times, float(common), rounding)
        return TimeSteps(float(origin), repr(step), rounding=rounding)
    if len(times) >= _FEWEST_FOR_CALENDAR and (len(sizes) == 1 or len(times) == len(spacings) + 1):
        inferred = pd.infer_freq(times)
        if inferred is not None:
            return TimeSteps(origin, inferred)
    step = pd.Timedelta(common)
    weekdays = times.dayofweek
    if step == pd.Timedelta(days=1) and len(times) >= _BUSINESS_DAYS_SEEN and weekdays.max() < 5:
        return TimeSteps(origin, "B")
    months = _months_between(times)
    if months:
        return TimeSteps(origin, months)
    return TimeSteps(origin, pd.tseries.frequencies.to_offset(step).freqstr)


def _numeric_step(times: pd.Index, common: float, rounding: float) -> float:
    """Return the step of numbers: the most frequent spacing, without the rounding of each number.

    The mean over all steps is more exact, where each spacing is a whole number of steps.
    """
    numbers = times.to_numpy("float64")
    spacings = np.diff(numbers)
    steps = np.round(spacings / common)
    tolerance = 1.01 * max(rounding, 1e-4 * abs(common))
    if (steps < 1).any() or (np.abs(spacings - steps * common) > tolerance * steps).any():
        return common
    if common.is_integer() and rounding == 0:
        return common
    return float((numbers[-1] - numbers[0]) / steps.sum())


def _months_between(times: pd.DatetimeIndex) -> str:
    """Return a step of months from first or last days of months; "" if these are no such days."""
    spacings = np.diff(12 * times.year + times.month)
    if not len(spacings) or spacings.min() < 1:
        return ""
    step = Counter(spacings.tolist()).most_common(1)[0][0]
    if (spacings % step).any():
        return ""
    for are_ends, name in ((times.is_month_start, "MS"), (times.is_month_end, "ME")):
        if are_ends.all():
            return name if step == 1 else f"{step}{name}"
    return ""
