"""The database of studies: opening it, who may write (lease), and reading stored values safely.

What the values mean is known in `search`, `evaluation` and `study`.
"""
