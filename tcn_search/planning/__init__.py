"""Receptive field, coverage, last-step plans and cost of an `Architecture`, as arithmetic on integers.

Needs the standard library only and imports no tensor library, so that a check takes milliseconds.
"""
