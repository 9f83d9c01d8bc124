"""Figures with matplotlib: plain functions of a data frame that take `ax=None` and return `Axes`.

Imports nothing else of the package.
"""
