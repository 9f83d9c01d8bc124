"""Receptive field, coverage, last-step plans and cost of an `Architecture`.

Everything is computed from integers. The package uses the standard library only and imports no
tensor library, no NumPy and no pandas, so that a check takes milliseconds.
"""
