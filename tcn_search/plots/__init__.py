"""Figures with matplotlib: functions that take a data frame and `ax=None` and return `Axes`.

Plots import nothing of the package but their own style: frames and plain numbers come in, whatever
made them. No function reads a study, trains a network or changes matplotlib's global style.
"""
