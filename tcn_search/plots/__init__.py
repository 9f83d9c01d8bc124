"""Figures with matplotlib: functions that take a data frame and `ax=None` and return `Axes`.

Plots take frames and plain numbers, and import nothing of the package but their own style. No
function reads a study, trains a network or changes matplotlib's global style.
"""
