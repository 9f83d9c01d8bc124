"""Recurrent networks with as many parameters as a TCN, for comparison with it.

Their models share head, loss and metrics with those of `models`. The package may know neither
trials nor studies.
"""
